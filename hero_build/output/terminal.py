"""What is written on: how wide it is, whether it takes colours, and how much the reader wants to know."""

import os
from collections.abc import Mapping
from typing import Literal, TextIO

from msgspec import Struct

Colour = Literal["auto", "always", "never"]
Ink = Literal["bold", "dim", "red", "green", "yellow", "cyan"]
_CODES: Mapping[Ink, str] = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Terminal(Struct, frozen=True):
    """`width` None: as long as a line needs (a pipe or a file, where nothing may be cut or wrapped)."""

    width: int | None = None
    colour: bool = False
    verbose: int = 0

    def ink(self, text: str, *inks: Ink) -> str:
        """`text` in colour, where colours are wanted."""
        if not (self.colour and text and inks):
            return text
        return f"\x1b[{';'.join(_CODES[ink] for ink in inks)}m{text}\x1b[0m"


def open_terminal(stream: TextIO, colour: Colour, verbose: int, environ: Mapping[str, str]) -> Terminal:
    """The paper that `stream` is: --color beats NO_COLOR (any value, no-color.org), which beats the terminal's own."""
    terminal = is_terminal(stream)
    wanted = terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    return Terminal(
        columns(stream, environ) if terminal else None, {"always": True, "never": False}.get(colour, wanted), verbose
    )


def is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def columns(stream: TextIO, environ: Mapping[str, str]) -> int:
    """How wide the terminal is: COLUMNS, else what it says, else 80."""
    told = environ.get("COLUMNS", "")
    if told.isdigit() and int(told) > 0:
        return int(told)
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80

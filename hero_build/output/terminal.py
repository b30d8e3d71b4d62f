"""The properties of an output stream: its width, whether it has colours, and how verbose to be."""

import os
from collections.abc import Mapping
from typing import Literal, TextIO

from msgspec import Struct

from hero_build.system import packed

Colour = Literal["auto", "always", "never"]
Ink = Literal["bold", "dim", "red", "green", "yellow", "cyan"]
_DUMB = ("dumb", "unknown")
_CODES: Mapping[Ink, str] = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Terminal(Struct, frozen=True):
    """`width` None: lines are never cut or wrapped (a pipe or a file). `program`: how advised commands begin."""

    width: int | None = None
    colour: bool = False
    verbose: int = 0
    program: str = "hero-build"

    def ink(self, text: str, *inks: Ink) -> str:
        """`text` in colour, if colours are on."""
        if not (self.colour and text and inks):
            return text
        return f"\x1b[{';'.join(_CODES[ink] for ink in inks)}m{text}\x1b[0m"

    def command(self, words: str) -> str:
        """`hero-build WORDS`, as it is typed for the same root."""
        return f"{self.program} {words}"

    def advice(self, hint: str) -> str:
        """A hint whose commands, in backticks or the whole of it, are for the same root."""
        if self.program == "hero-build" or self.program in hint:
            return hint
        is_command = hint.startswith("hero-build ") and not hint.endswith(".")  # a sentence may begin with that word
        whole = f"{self.program} {hint[11:]}" if is_command else hint
        return whole.replace("`hero-build ", f"`{self.program} ")


def open_terminal(stream: TextIO, colour: Colour, verbose: int, environ: Mapping[str, str]) -> Terminal:
    """The terminal of `stream`: --color overrides NO_COLOR (any value, no-color.org), which overrides TERM and CI.

    A terminal whose output becomes a log is treated as a pipe, except with --color always.
    """
    terminal = is_terminal(stream) and (colour == "always" or not _is_logged(environ))
    automatic = terminal and not environ.get("NO_COLOR")
    return Terminal(
        columns(stream, environ) if terminal else None, {"always": True, "never": False}.get(colour, automatic), verbose
    )


def program(root: str | None) -> str:
    """How commands that the output advises begin: with the pack and the --root that were typed, quoted for a shell."""
    name = packed.typed()
    if root is None:
        return name
    import shlex  # only for --root

    return f"{name} --root {shlex.quote(root)}"


def _is_logged(environ: Mapping[str, str]) -> bool:
    """Whether nothing that was printed can be erased: a terminal whose TERM says so, or CI, whose runners give their
    steps a terminal.
    """
    return environ.get("TERM") in _DUMB or environ.get("CI", "").lower() not in ("", "0", "false")


def is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def columns(stream: TextIO, environ: Mapping[str, str]) -> int:
    """The terminal's width: COLUMNS, else the size that it reports, else 80."""
    setting = environ.get("COLUMNS", "")
    if setting.isdigit() and int(setting) > 0:
        return int(setting)
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80

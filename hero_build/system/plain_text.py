"""Text for one line: that from outside without control characters, and counts with their noun."""

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re


def clean(text: object) -> str:
    """`text` on one line, without characters that move a cursor, colour, hide or reorder.

    Escape sequences and format characters (bidi overrides, zero-width ones) go; other control characters and line
    breaks become a space; half of a surrogate pair becomes U+FFFD.
    """
    line = str(text)
    if line.isprintable():
        return line
    return "".join(_printable(letter) for letter in _escapes().sub("", line)).strip(" ")


def plural(count: int, one: str, many: str = "") -> str:
    """`1 binary`, `3 binaries`."""
    return f"{count} {noun(count, one, many)}"


def noun(count: int, one: str, many: str = "") -> str:
    """The word that goes with so many: `binary`, `binaries`; also a verb or pronoun, `is` or `are`."""
    return one if count == 1 else many or f"{one}s"


@functools.cache
def _escapes() -> "re.Pattern[str]":
    import re  # compiled only for text that needs it

    return re.compile(
        r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC: titles, links, clipboards
        r"|[\x1b][PX^_][^\x1b]*(?:\x1b\\)?"  # DCS, SOS, PM, APC
        r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI: colours, cursor
        r"|\x1b[ -/]*[0-~]?"
    )


def _printable(letter: str) -> str:
    if letter.isprintable():
        return letter
    import unicodedata  # only for text that needs it

    match unicodedata.category(letter):
        case "Cc" | "Zs" | "Zl" | "Zp":
            return " "
        case "Cf":
            return ""
        case _:
            return "\ufffd"

"""Text for one line: removal of control characters, counts, and numbers with units."""

from hero_build.system.plain_text import clean as clean
from hero_build.system.plain_text import noun as noun
from hero_build.system.plain_text import plural as plural

_UNITS = ("B", "kB", "MB", "GB", "TB")


def width(text: str) -> int:
    """The number of terminal columns that `text` takes."""
    if text.isascii():
        return len(text)
    import unicodedata

    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    marks = sum(unicodedata.combining(letter) != 0 for letter in text)
    return len(text) + wide - marks


def size(count: float) -> str:
    """Bytes in decimal units, as releases are listed: `512 B`, `9.5 MB`, `120 MB`."""
    value, unit = float(count), 0
    while abs(value) >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    digits = 1 if unit and abs(value) < 99.95 else 0
    return f"{value:.{digits}f} {_UNITS[unit]}"


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def short(digest: str | None) -> str:
    """The first twelve digits of a digest, `-` for None."""
    return digest[:12] if digest else "-"

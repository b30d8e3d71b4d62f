"""Tables in plain text: columns as wide as they need; what does not fit is wrapped under its own column, never cut."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from msgspec import Struct

from hero_build.output.terminal import Ink, Terminal
from hero_build.output.text import clean, width

_GAP = 2
_LEAST = 16


class Cell(Struct, frozen=True):
    """Text of a table with its colour; made by `cell`, which cleans it, so that no view can forget to."""

    text: str
    inks: tuple[Ink, ...] = ()


def cell(value: object, *inks: Ink) -> Cell:
    return Cell(clean(value), inks)


def table(rows: Iterable[Sequence[Cell | str]], terminal: Terminal, *, indent: int = 0) -> Iterator[str]:
    """The lines of a table without rules; the last column takes what is left of the paper's width."""
    cells = [[item if isinstance(item, Cell) else cell(item) for item in row] for row in rows]
    widths = _fit([max(map(width, column)) for column in _columns(cells)], terminal.width, indent)
    for row in cells:
        for line in zip_longest(*(wrapped(item.text, widths[index]) for index, item in enumerate(row))):
            yield _line(line, row=row, widths=widths, terminal=terminal, indent=indent)


def paragraph(text: str, terminal: Terminal, *, indent: str = "", ink: tuple[Ink, ...] = ()) -> Iterator[str]:
    """One sentence, cleaned and wrapped; lines after the first are indented, and a long word is not broken."""
    words = clean(text)
    if terminal.width is None or width(words) <= terminal.width:
        yield terminal.ink(words, *ink)
        return
    first, *rest = wrapped(words, terminal.width, whole=True)
    again = wrapped(" ".join(rest), terminal.width - len(indent), whole=True) if rest else []
    yield from (terminal.ink(line, *ink) for line in (first, *(indent + line for line in again)))


def wrapped(text: str, room: int, *, whole: bool = False) -> list[str]:
    """`text` in lines of at most `room` columns, broken at spaces; a word that is longer is broken, unless `whole`."""
    if width(text) <= room:
        return [text]
    lead = text[: len(text) - len(text.lstrip(" "))]
    lines = [""]
    for word in text.split():
        for piece in [word] if whole else _pieces(word, room):
            joined = f"{lines[-1]} {piece}" if lines[-1].strip() else lead * (len(lines) == 1) + piece
            if width(joined) <= room or not lines[-1].strip():
                lines[-1] = joined
            else:
                lines.append(piece)
    return lines


def _pieces(word: str, room: int) -> Iterator[str]:
    piece = ""
    for letter in word:
        if piece and width(piece + letter) > room:
            yield piece
            piece = ""
        piece += letter
    yield piece


def _columns(cells: list[list[Cell]]) -> Iterator[list[str]]:
    for column in zip_longest(*cells, fillvalue=Cell("")):
        yield [item.text for item in column]


def _fit(natural: list[int], limit: int | None, indent: int) -> list[int]:
    """Column widths: the last one yields first, then the widest of the others, none below what is readable."""
    widths = list(natural)
    if limit is None or not widths:
        return widths
    room = limit - indent - _GAP * (len(widths) - 1)
    while sum(widths) > room:
        yielding = [index for index, wide in enumerate(widths) if wide > _LEAST]
        if not yielding:
            break
        last = len(widths) - 1
        index = last if last in yielding else max(yielding, key=lambda index: widths[index])
        widths[index] = max(_LEAST, widths[index] - (sum(widths) - room))
    return widths


def _line(parts: Sequence[str | None], row: list[Cell], widths: list[int], terminal: Terminal, indent: int) -> str:
    last = max((index for index, part in enumerate(parts) if part), default=-1)
    words = []
    for index, part in enumerate(parts[: last + 1]):
        text = part or ""
        space = " " * (widths[index] - width(text) + _GAP) if index < last else ""
        words.append(terminal.ink(text, *row[index].inks) + space)
    return " " * indent + "".join(words)

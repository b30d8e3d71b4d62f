"""Tables in plain text: columns as wide as their content; long cells wrap within their column and are never cut."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from msgspec import Struct

from hero_build.output.terminal import Ink, Terminal
from hero_build.output.text import clean, width

_GAP = 2
_MIN_WIDTH = 16


class Cell(Struct, frozen=True):
    """Text and colours; made by `cell`, which removes control characters. `whole`: never wrapped, to be copied."""

    text: str
    inks: tuple[Ink, ...] = ()
    whole: bool = False


def cell(value: object, *inks: Ink) -> Cell:
    return Cell(clean(value), inks)


def whole(value: object, *inks: Ink) -> Cell:
    """A cell for the last column that is one line however narrow the terminal is."""
    return Cell(clean(value), inks, whole=True)


def table(rows: Iterable[Sequence[Cell | str]], terminal: Terminal, *, indent: int = 0) -> Iterator[str]:
    """The lines of a table without rules; the last column takes the rest of the terminal's width."""
    cells = [[item if isinstance(item, Cell) else cell(item) for item in row] for row in rows]
    widths = _fit([max(map(width, column)) for column in _columns(cells)], terminal.width, indent)
    for row in cells:
        for line in zip_longest(*(_wrapped(item, widths[index]) for index, item in enumerate(row))):
            yield _line(line, row=row, widths=widths, terminal=terminal, indent=indent)


def _wrapped(item: Cell, room: int) -> list[str]:
    return [item.text] if item.whole else wrapped(item.text, room)


def paragraph(text: str, terminal: Terminal, *, indent: str = "", ink: tuple[Ink, ...] = ()) -> Iterator[str]:
    """One sentence, cleaned and wrapped; lines after the first are indented, long words stay whole."""
    sentence = clean(text)
    if terminal.width is None or width(sentence) <= terminal.width:
        yield terminal.ink(sentence, *ink)
        return
    first, *rest = wrapped(sentence, terminal.width, whole=True)
    following = wrapped(" ".join(rest), terminal.width - len(indent), whole=True) if rest else []
    yield from (terminal.ink(line, *ink) for line in (first, *(indent + line for line in following)))


def wrapped(text: str, room: int, *, whole: bool = False) -> list[str]:
    """`text` in lines of at most `room` columns, broken at spaces; longer words are broken unless `whole`."""
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
        yield ["" if item.whole else item.text for item in column]


def _fit(natural: list[int], limit: int | None, indent: int) -> list[int]:
    """Column widths: the last column shrinks first, then the widest of the others, none below a readable width."""
    widths = list(natural)
    if limit is None or not widths:
        return widths
    room = limit - indent - _GAP * (len(widths) - 1)
    while sum(widths) > room:
        shrinkable = [index for index, wide in enumerate(widths) if wide > _MIN_WIDTH]
        if not shrinkable:
            break
        last = len(widths) - 1
        index = last if last in shrinkable else max(shrinkable, key=lambda index: widths[index])
        widths[index] = max(_MIN_WIDTH, widths[index] - (sum(widths) - room))
    return widths


def _line(parts: Sequence[str | None], row: list[Cell], widths: list[int], terminal: Terminal, indent: int) -> str:
    last = max((index for index, part in enumerate(parts) if part), default=-1)
    pieces = []
    for index, part in enumerate(parts[: last + 1]):
        text = part or ""
        space = " " * (widths[index] - width(text) + _GAP) if index < last else ""
        pieces.append(terminal.ink(text, *row[index].inks) + space)
    return " " * indent + "".join(pieces)

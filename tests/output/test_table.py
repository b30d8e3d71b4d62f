"""Tables keep the width of the terminal and lose no text."""

from hypothesis import given
from hypothesis import strategies as st

from hero_build.output.table import cell, paragraph, table
from hero_build.output.terminal import Terminal
from hero_build.output.text import width

WORDS = st.text(alphabet=st.characters(categories=("L", "N")), min_size=1, max_size=12)
ROWS = st.lists(st.tuples(WORDS, WORDS, st.lists(WORDS, min_size=1, max_size=30).map(" ".join)), min_size=1, max_size=6)


def test_columns_are_aligned() -> None:
    rows = [["app", "installed", ""], ["hero_db", "v1", "note"]]
    assert list(table(rows, Terminal())) == ["app      installed", "hero_db  v1         note"]


def test_long_cells_wrap_within_their_column() -> None:
    lines = list(table([["hero_db", "one two three four five six seven eight"]], Terminal(width=32)))
    assert lines == ["hero_db  one two three four five", "         six seven eight"]


def test_a_pipe_gets_one_line_per_row() -> None:
    assert len(list(table([["a", "word " * 200]], Terminal(width=None)))) == 1


def test_colour_takes_no_width() -> None:
    rows = [[cell("ok", "green"), cell("x")], [cell("missing", "red"), cell("y")]]
    plain = list(table(rows, Terminal()))
    inked = list(table(rows, Terminal(colour=True)))
    assert plain == ["ok       x", "missing  y"]
    assert inked == ["\x1b[32mok\x1b[0m       x", "\x1b[31mmissing\x1b[0m  y"]


def test_cells_and_paragraphs_are_cleaned() -> None:
    (line,) = table([["\x1b[31mred\n", "\u202eb"]], Terminal())
    assert line == "red  b"
    assert list(paragraph("a\x1b]0;t\x07\nb", Terminal())) == ["a b"]


def test_no_rows_give_no_lines() -> None:
    assert list(table([], Terminal())) == []


@given(ROWS, st.sampled_from([40, 80, 200]))
def test_wrapping_loses_no_text_and_keeps_the_width(rows: list[tuple[str, str, str]], limit: int) -> None:
    lines = list(table([list(row) for row in rows], Terminal(width=limit)))
    assert all(width(line) <= max(limit, 3 * 16 + 4) for line in lines)
    shown = "".join("".join(line.split()) for line in lines)
    assert sorted(shown) == sorted("".join(word for row in rows for column in row for word in column.split()))

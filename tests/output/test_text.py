"""Text from outside is printed without control characters; numbers have units."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hero_build.output.text import clean, duration, noun, plural, size, width


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("näed 名前 ✓", "näed 名前 ✓"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hover", "over"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP1;2|secret\x1b\\after", "after"),
        ("\x9b31mred", "red"),
        ("\x1bcreset", "reset"),
        ("a\nb\rc\td", "a b c d"),
        ("nul\0byte", "nul byte"),
        ("abc\u202edcba", "abcdcba"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("a\u2028b", "a b"),
        ("half \udce9", "half \ufffd"),
        ("tag\U000e0041", "tag"),
        ("\x1b", ""),
    ],
)
def test_clean(raw: str, shown: str) -> None:
    assert clean(raw) == shown


@given(st.text())
def test_cleaned_text_is_printable_and_stays_the_same(raw: str) -> None:
    shown = clean(raw)
    assert shown.isprintable()
    assert clean(shown) == shown
    assert not any(unicodedata.category(letter) in ("Cc", "Cf") for letter in shown)


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "S"))))
def test_printable_text_is_unchanged(raw: str) -> None:
    assert clean(raw) == raw


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (99_949, "99.9 kB"),
        (99_950, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (5_242_880, "5.2 MB"),
        (120_000_000, "120 MB"),
        (3_400_000_000, "3.4 GB"),
        (5_000_000_000_000_000, "5000 TB"),
    ],
)
def test_size(count: int, shown: str) -> None:
    assert size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (7800, "2 h 10 min"),
    ],
)
def test_duration(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_plural_and_width() -> None:
    assert [noun(count, "is", "are") for count in (0, 1, 2)] == ["are", "is", "are"]
    assert (plural(1, "binary", "binaries"), plural(3, "binary", "binaries"), plural(0, "app")) == (
        "1 binary",
        "3 binaries",
        "0 apps",
    )
    assert (width("abc"), width("名前"), width("e\u0301")) == (3, 4, 1)

"""Order of release tags, where it can be known: `v0.9.0` is below `v0.10.0`, `v1.0.0-rc1` below `v1.0.0`."""

import re

_VERSION = r"(?s)[^0-9]*(\d{1,9}(?:\.\d{1,9})*)(.*)"


def is_version(tag: str) -> bool:
    """Whether a tag has a number to compare by."""
    return re.fullmatch(_VERSION, tag) is not None


def is_below(tag: str, other: str) -> bool | None:
    """Whether `tag` is an older version than `other`, by their numbers; None where one of them has none.

    What follows the numbers of one (`-rc1`) makes it older than the same numbers alone (semver.org, 11).
    """
    one, two = re.fullmatch(_VERSION, tag), re.fullmatch(_VERSION, other)
    return _key(one) < _key(two) if one and two else None


def _key(match: re.Match[str]) -> tuple[tuple[int, ...], bool]:
    numbers = [int(number) for number in match[1].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers), not match[2].startswith("-")

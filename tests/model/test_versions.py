"""Tags are ordered by their numbers, and not at all where one has none."""

import pytest

from hero_build.model.versions import is_below, is_version

ORDERED = ["v0.9.0", "0.9.1", "v0.10.0-rc1", "v0.10.0", "release-1", "v1.0.1", "v2"]


def test_tags_are_ordered_by_their_numbers() -> None:
    for index, tag in enumerate(ORDERED):
        assert [other for other in ORDERED if is_below(other, tag)] == ORDERED[:index]


def test_equal_numbers_are_the_same_version() -> None:
    assert is_below("v1", "1.0.0") is False
    assert is_below("1.0.0", "v1") is False
    assert is_below("v1.0+build", "v1") is False


@pytest.mark.parametrize("tag", ["", "latest", "dev"])
def test_a_tag_without_a_number_is_not_compared(tag: str) -> None:
    assert not is_version(tag)
    assert is_below(tag, "v1") is None
    assert is_below("v1", tag) is None

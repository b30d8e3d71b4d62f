"""The recordings in the docs show what a terminal shows: `make samples` writes them anew."""

import re

import pytest

from support import recording

EACH = pytest.mark.parametrize("item", recording.RECORDINGS, ids=lambda item: item.name)


@pytest.mark.slow
@EACH
def test_the_recording_is_what_a_terminal_shows(item: recording.Recording) -> None:
    assert recording.difference(item, recording.screen(item)) == "", "run `make samples`"


@EACH
def test_the_recording_loads_nothing_and_ends_with_all_lines_visible(item: recording.Recording) -> None:
    text = item.page.read_text()
    links = set(re.findall(r"https?://[^\"' ]+", text))
    assert links == {"http://www.w3.org/2000/svg"}
    assert "<script" not in text
    assert "forwards" not in text

"""The recording of the README shows what a terminal shows: `make samples` writes it anew."""

import re

import pytest

from support import recording


@pytest.mark.slow
def test_the_recording_is_what_a_terminal_shows() -> None:
    assert recording.difference(recording.screen()) == "", "run `make samples`"


def test_the_recording_loads_nothing_and_ends_with_all_lines_visible() -> None:
    text = recording.PAGE.read_text()
    links = set(re.findall(r"https?://[^\"' ]+", text))
    assert links == {"http://www.w3.org/2000/svg"}
    assert "<script" not in text
    assert "forwards" not in text

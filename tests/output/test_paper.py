"""When there are colours, and how wide the paper is."""

import io
import os
import pty
from collections.abc import Iterator
from typing import TextIO

import pytest

from hero_build.output.paper import Colour, Paper, paper


@pytest.fixture
def terminal() -> Iterator[TextIO]:
    controller, end = pty.openpty()
    with os.fdopen(end, "w") as stream:
        yield stream
    os.close(controller)


@pytest.mark.parametrize(
    ("colour", "environ", "on_terminal", "on_pipe"),
    [
        ("auto", {}, True, False),
        ("auto", {"NO_COLOR": "1"}, False, False),
        ("auto", {"NO_COLOR": ""}, True, False),
        ("auto", {"TERM": "dumb"}, False, False),
        ("always", {"NO_COLOR": "1"}, True, True),
        ("never", {}, False, False),
    ],
)
def test_colours(colour: Colour, environ: dict[str, str], on_terminal: bool, on_pipe: bool, terminal: TextIO) -> None:
    assert paper(terminal, colour, 0, environ).colour is on_terminal
    assert paper(io.StringIO(), colour, 0, environ).colour is on_pipe


def test_width(terminal: TextIO) -> None:
    os.terminal_size((0, 0))
    assert paper(io.StringIO(), "auto", 0, {"COLUMNS": "99"}).width is None
    assert paper(terminal, "auto", 0, {"COLUMNS": "99"}).width == 99
    assert paper(terminal, "auto", 0, {}).width == 80
    closed = io.StringIO()
    closed.close()
    assert paper(closed, "auto", 0, {}).width is None


def test_ink() -> None:
    assert Paper(colour=True).ink("x", "bold", "red") == "\x1b[1;31mx\x1b[0m"
    assert Paper().ink("x", "bold") == "x"
    assert Paper(colour=True).ink("", "bold") == ""

"""When colours are on, and the width of a terminal."""

import io
import os
import pty
from collections.abc import Iterator
from typing import TextIO

import pytest

from hero_build.output.terminal import Colour, Terminal, open_terminal


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
        ("auto", {"CI": "true"}, False, False),
        ("auto", {"CI": "false"}, True, False),
        ("always", {"CI": "true"}, True, True),
    ],
)
def test_colours(colour: Colour, environ: dict[str, str], on_terminal: bool, on_pipe: bool, terminal: TextIO) -> None:
    assert open_terminal(terminal, colour=colour, verbose=0, environ=environ).colour is on_terminal
    assert open_terminal(io.StringIO(), colour=colour, verbose=0, environ=environ).colour is on_pipe


def test_width(terminal: TextIO) -> None:
    os.terminal_size((0, 0))
    assert open_terminal(io.StringIO(), colour="auto", verbose=0, environ={"COLUMNS": "99"}).width is None
    assert open_terminal(terminal, colour="auto", verbose=0, environ={"COLUMNS": "99"}).width == 99
    assert open_terminal(terminal, colour="auto", verbose=0, environ={}).width == 80
    closed = io.StringIO()
    closed.close()
    assert open_terminal(closed, colour="auto", verbose=0, environ={}).width is None


LOGS = [{"CI": "true"}, {"CI": "woodpecker"}, {"TERM": "dumb"}, {"TERM": "unknown"}, {"CI": "true", "COLUMNS": "99"}]


@pytest.mark.parametrize("environ", LOGS)
def test_a_terminal_that_is_logged_has_no_width(environ: dict[str, str], terminal: TextIO) -> None:
    for colour in ("auto", "never"):
        assert open_terminal(terminal, colour=colour, verbose=0, environ=environ) == Terminal()
    assert open_terminal(terminal, colour="always", verbose=0, environ=environ).width
    assert open_terminal(io.StringIO(), colour="always", verbose=0, environ=environ).width is None


@pytest.mark.parametrize("value", ["", "0", "false", "False"])
def test_ci_can_be_switched_off(value: str, terminal: TextIO) -> None:
    assert open_terminal(terminal, colour="auto", verbose=0, environ={"CI": value}).width


def test_ink() -> None:
    assert Terminal(colour=True).ink("x", "bold", "red") == "\x1b[1;31mx\x1b[0m"
    assert Terminal().ink("x", "bold") == "x"
    assert Terminal(colour=True).ink("", "bold") == ""


def test_advice_is_for_the_root_that_was_typed_and_leaves_sentences_alone() -> None:
    terminal = Terminal(program="hero-build --root /r")
    assert terminal.advice("hero-build start db") == "hero-build --root /r start db"
    assert terminal.advice("Run `hero-build gc`.") == "Run `hero-build --root /r gc`."
    sentence = "hero-build did not create it: move it away, then run it again."
    assert terminal.advice(sentence) == sentence

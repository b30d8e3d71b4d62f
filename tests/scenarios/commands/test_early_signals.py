"""A signal at any moment from the first statement on: an exit code, one sentence, one document; never a traceback."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from hero_build.cli import signals
from hero_build.model.failure import Failure
from hero_build.output.json_document import ErrorDocument, render
from support import worlds
from support.processes import LONG
from support.worlds import REPO, Done, World

pytestmark = pytest.mark.usefixtures("two_apps")
ENDS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
DELAYS = [step * 0.02 for step in range(20)]
STARTED = """
import sys
from hero_build import cli

install = cli.signals.install

def reported():
    install()
    print("started", file=sys.stderr, flush=True)

cli.signals.install = reported
cli.run()
"""


def signalled_at_each(world: World, words: Sequence[str], numbers: Sequence[int]) -> list[Done]:
    """The command, each time with a root of its own, sent these signals after each of the delays."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda delay: signalled(world, words, numbers=numbers, delay=delay), DELAYS))


def signalled(world: World, words: Sequence[str], numbers: Sequence[int], delay: float) -> Done:
    """The command, sent these signals `delay` seconds after it handles signals."""
    command = [sys.executable, "-c", STARTED, *words]
    pipe, environ = subprocess.PIPE, world.environ(HERO_ROOT=str(world.folder / f"hero-{delay:.2f}"))
    with subprocess.Popen(command, env=environ, cwd=REPO, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stderr
        assert process.stderr.readline() == "started\n"
        time.sleep(delay)
        for number in numbers:
            process.send_signal(number)
        out, err = process.communicate(timeout=LONG)
    return Done(process.returncode, out, err)


@pytest.mark.parametrize("number", ENDS)
@pytest.mark.parametrize("words", [["list", "--json"], ["install", "@both", "--json"], ["status", "--json"]])
def test_a_signal_at_any_moment(words: list[str], number: signal.Signals, world: World) -> None:
    codes = set()
    for done in signalled_at_each(world, words, [number]):
        assert "Traceback" not in done.err
        assert done.code in (0, ENDS[number]), done.err
        codes.add(done.code)
        if done.code:
            error = worlds.valid(done.document, "error")["error"]
            assert (error["kind"], error["exit"]) == ("Interrupted", ENDS[number])
            assert done.err.count("error: ") == 1
        else:
            worlds.valid(done.document)
    assert ENDS[number] in codes


@pytest.mark.parametrize("words", [["--help"], ["install", "--help"], ["frobnicate"], ["completion", "bash"]])
def test_a_signal_during_help_pages_and_usage_errors(words: list[str], world: World) -> None:
    for done in signalled_at_each(world, words, [signal.SIGINT]):
        assert "Traceback" not in done.err
        assert done.code in (2 if words == ["frobnicate"] else 0, 130)


def test_many_signals_at_once(world: World) -> None:
    for done in signalled_at_each(world, ["install", "@both", "--json"], [*ENDS] * 3):
        assert "Traceback" not in done.err
        assert done.code in (0, *ENDS.values())
        if done.code:
            worlds.valid(done.document, "error")


_SECOND_WHILE_WRITING = """
import os, signal, sys
from hero_build.cli import signals
write = signals._write
def written(descriptor, text):
    write(descriptor, text)
    os.kill(os.getpid(), signal.SIGHUP)
signals._write = written
signals.install()
sys.argv.append("--json")
os.kill(os.getpid(), signal.SIGINT)
"""


def test_a_signal_while_the_first_is_answered_adds_no_document() -> None:
    done = subprocess.run([sys.executable, "-c", _SECOND_WHILE_WRITING], capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("error: ")) == (130, 1)
    worlds.valid(json.loads(done.stdout), "error")


@pytest.mark.parametrize("number", ENDS)
def test_the_first_document_is_that_of_every_interrupt(number: signal.Signals) -> None:
    """It is written without imports."""
    text = signals.message(number)
    failure = Failure("Interrupted", message=text, hint=signals.SAFE, exit=ENDS[number])
    document = render("", code=ENDS[number], warnings=(), answer=ErrorDocument(error=failure))
    assert signals.document(number) == document
    worlds.valid(json.loads(document), "error")


def test_a_signal_that_is_ignored_stays_ignored(world: World) -> None:
    done = world.run("list", prefix=("sh", "-c", "trap '' HUP INT; \"$@\" & kill -INT $!; kill -HUP $!; wait $!", "sh"))
    assert (done.code, done.err) == (0, "")

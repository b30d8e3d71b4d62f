"""Standard streams that are closed, full, or lead nowhere: the command's own exit code, or 8; never a traceback."""

import itertools
import subprocess
import sys
import time

import pytest

from support import worlds
from support.processes import LONG
from support.worlds import REPO, Done, World

pytestmark = pytest.mark.usefixtures("two_apps")
HELP = [["--version"], ["--help"], [], ["install", "--help"], ["ci", "--help"], ["ci", "matrix", "-h"]]
ANSWERS = [
    *(["completion", shell] for shell in ("bash", "zsh", "fish")),
    ["list"],
    ["list", "--json"],
    ["status"],
    ["status", "--json"],
    ["install", "@both"],
    ["install", "@both", "--json"],
]
REFUSED = [["frobnicate"], ["show"], ["install", "--json"]]
COMMANDS = [*HELP, *ANSWERS, *REFUSED]
CLOSED = ["".join(streams) for size in (1, 2, 3) for streams in itertools.combinations("012", size)]
commands = pytest.mark.parametrize("words", COMMANDS, ids=" ".join)


def run(world: World, words: list[str], redirections: str, **environ: str) -> Done:
    """hero-build with these redirections of a shell."""
    line = f'exec "$0" -m hero_build "$@" {redirections}'
    command = ["sh", "-c", line, sys.executable, *words]
    env = world.environ(**environ)
    done = subprocess.run(command, env=env, cwd=REPO, capture_output=True, text=True, timeout=LONG)
    return Done(done.returncode, done.stdout, done.stderr)


def own_code(words: list[str]) -> int:
    return 2 if words in REFUSED else 0


@commands
@pytest.mark.parametrize("closed", CLOSED)
def test_closed_streams_leave_the_exit_code(closed: str, words: list[str], world: World) -> None:
    done = run(world, words, " ".join(f"{number}>&-" for number in closed))
    assert done.code == own_code(words), done.err
    assert "Traceback" not in done.out + done.err
    if "1" not in closed and "--json" in words:
        worlds.valid(done.document, "error" if done.code else "")


@commands
def test_a_full_stdout_is_8(words: list[str], world: World) -> None:
    done = run(world, words, ">/dev/full")
    printed_to_stdout = words not in REFUSED
    assert done.code == (8 if printed_to_stdout else 2), done.err
    assert "Traceback" not in done.err
    assert ("error: cannot write the answer to stdout: No space left on device" in done.err) is printed_to_stdout


@commands
def test_a_full_stderr_leaves_the_exit_code(words: list[str], world: World) -> None:
    done = run(world, [*words, "--color", "never"] if words in ANSWERS else words, "2>/dev/full")
    assert done.code == own_code(words)
    assert done.out or words in (["frobnicate"], ["show"])


@commands
def test_both_full(words: list[str], world: World) -> None:
    assert run(world, words, ">/dev/full 2>&1").code == (2 if words in REFUSED else 8)


@pytest.mark.parametrize("redirections", [">&-", "2>&-", ">/dev/full", ">/dev/full 2>&1", "<&- >&- 2>&-"])
def test_what_a_shell_completes(redirections: str, world: World) -> None:
    """A shell calls the command itself for each completion."""
    for shell, current in {"bash": "1", "zsh": "1", "fish": "st"}.items():
        environ = {"_HERO_BUILD_COMPLETE": f"{shell}_complete", "COMP_WORDS": "hero-build st", "COMP_CWORD": current}
        done = run(world, [], redirections, **environ)
        assert done.code in (0, 8)
        assert "Traceback" not in done.out + done.err


def test_files_do_not_take_the_place_of_closed_streams(world: World) -> None:
    """What is printed to a closed stdout must not end up in the first file that is opened."""
    for redirections in (">&-", "2>&-", "<&- >&- 2>&-"):
        assert run(world, ["install", "@both", "-v"], redirections).code == 0
        assert "2 apps" in world.ok("verify")
        world.ok("uninstall", "db", "web")


LONG_ANSWER = """
from hero_build import cli
from hero_build.cli import signals

def run():
    signals._AGAIN = 0.02
    signals.enter_running()
    return cli._print("x" * 1_000_000)

cli._run = run
cli.run()
"""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_takes_its_time_gets_the_whole_answer(unbuffered: str, world: World) -> None:
    """The timer of the signals interrupts the write meanwhile."""
    env = world.environ(PYTHONUNBUFFERED=unbuffered)
    with subprocess.Popen([sys.executable, "-c", LONG_ANSWER], env=env, cwd=REPO, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = process.stdout.read(1)
        time.sleep(0.5)  # for as many ticks as there are
        assert len(first + process.stdout.read()) == 1_000_000
        assert process.wait(LONG) == 0

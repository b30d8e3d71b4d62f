"""From arguments to an exit code: whatever happens ends as an answer, or as one sentence, a hint and a number."""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from types import FrameType
from typing import NoReturn

import click

from hero_build.errors import INTERRUPTED, HeroBuildError, UsageError
from hero_build.model.failure import Failure
from hero_build.output.console import Console, Style

BUG = 70  # EX_SOFTWARE of sysexits.h: none of the codes that mean something about the work
SIGNALLED = 128  # and the signal's number, as shells tell of it
_SAFE = "Every app is wholly what it was or wholly new; what was downloaded is kept for the next run."


class Ended(KeyboardInterrupt):
    """Told to end by a signal other than that of Ctrl-C; `number` is its own."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def install_signal_handlers() -> None:
    """Take SIGTERM and SIGHUP as an interrupt: whoever ends hero-build ends all that it has started.

    One that is ignored (nohup) stays so.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    raise Ended(number)


def main(group: click.Group, words: Sequence[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what a terminal cannot show is no reason to fail
    try:
        code = group.main(list(words), prog_name="hero-build", standalone_mode=False)
    except SystemExit:
        return 0  # click's answer when whoever read the help went away
    except click.ClickException as error:
        return _screen(error, words).refuse(_usage(error))
    return code if isinstance(code, int) else 0


def guarded(call: Callable[[], int], screen: Console, *, traced: bool) -> int:
    """The exit code of a command's work, or of what kept it from being done. `traced`: show a bug's traceback."""
    try:
        return call()
    except HeroBuildError as error:
        return screen.refuse(error)
    except Ended as end:
        by = signal.Signals(end.number).name
        return screen.stop(Failure("Interrupted", message=f"ended by {by}", hint=_SAFE, exit=SIGNALLED + end.number))
    except KeyboardInterrupt:
        return screen.stop(Failure("Interrupted", message="interrupted", hint=_SAFE, exit=INTERRUPTED))
    except click.exceptions.Exit as end:
        return end.exit_code
    except Exception as error:  # noqa: BLE001 - the last place where a bug can be told in words
        where = _trace(traced=traced)
        sentence = f"this is a bug in hero-build: {type(error).__name__}: {error}"
        return screen.stop(
            Failure("Bug", message=sentence, hint=f"Please report it with the traceback {where}.", exit=BUG)
        )


def _trace(*, traced: bool) -> str:
    import traceback

    if traced:
        traceback.print_exc()
        return "above"
    import tempfile

    with tempfile.NamedTemporaryFile("w", prefix="hero-build-bug-", suffix=".txt", delete=False) as file:
        traceback.print_exc(file=file)
    return f"in {file.name}"


def _screen(error: click.ClickException, words: Sequence[str]) -> Console:
    """For what is wrong with the words themselves: whether they ask for JSON is looked for by hand."""
    context = getattr(error, "ctx", None)
    command = context.info_name if context and context.parent else ""
    typed = words[: words.index("--")] if "--" in words else words
    return Console(command, style=Style(json="--json" in typed), out=sys.stdout, err=sys.stderr, environ=os.environ)


def _usage(error: click.ClickException) -> UsageError:
    """click's error in the words of the project: one sentence, and the way to the right one."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "hero-build"
    sentence = error.format_message().strip().rstrip(".")
    return UsageError(sentence[:1].lower() + sentence[1:], f"`{path} --help` shows what it takes.")

"""From arguments to an exit code: every run ends with an answer, or with an error, a hint and an exit code."""

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

BUG = 70  # EX_SOFTWARE of sysexits.h, so that no code of docs/exit-codes.md means a bug
SIGNALLED = 128  # plus the signal's number, as shells report it
_SAFE = "Every app is completely old or completely new; downloaded data is kept for the next run."


class Terminated(KeyboardInterrupt):
    """The process got signal `number`, which is not that of Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def install_signal_handlers() -> None:
    """Handle SIGTERM and SIGHUP like an interrupt, so that child processes end with hero-build.

    A signal that is ignored (nohup) stays ignored.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _terminate)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated(number)


def main(group: click.Group, arguments: Sequence[str]) -> int:
    """Run the command line; returns its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal with a small character set must not fail a run
    try:
        code = group.main(list(arguments), prog_name="hero-build", standalone_mode=False)
    except SystemExit:
        return 0  # click exits when the reader of a help text closes the pipe
    except click.ClickException as error:
        return _console(error, arguments).error(_usage_error(error))
    return code if isinstance(code, int) else 0


def guarded(call: Callable[[], int], console: Console, *, traced: bool) -> int:
    """Run a command; returns its exit code, or that of the error it ended with. `traced`: print a bug's traceback."""
    try:
        return call()
    except HeroBuildError as error:
        return console.error(error)
    except Terminated as end:
        name = signal.Signals(end.number).name
        return console.fail(Failure("Interrupted", message=f"ended by {name}", hint=_SAFE, exit=SIGNALLED + end.number))
    except KeyboardInterrupt:
        return console.fail(Failure("Interrupted", message="interrupted", hint=_SAFE, exit=INTERRUPTED))
    except click.exceptions.Exit as end:
        return end.exit_code
    except Exception as error:  # noqa: BLE001 - the outermost handler: everything else is a bug
        message = f"this is a bug in hero-build: {type(error).__name__}: {error}"
        hint = f"Please report it with the traceback {_write_traceback(traced=traced)}."
        return console.fail(Failure("Bug", message=message, hint=hint, exit=BUG))


def _write_traceback(*, traced: bool) -> str:
    """Print the traceback, or write it to a file; returns where it is, as words."""
    import traceback

    if traced:
        traceback.print_exc()
        return "above"
    import tempfile

    with tempfile.NamedTemporaryFile("w", prefix="hero-build-bug-", suffix=".txt", delete=False) as file:
        traceback.print_exc(file=file)
    return f"in {file.name}"


def _console(error: click.ClickException, arguments: Sequence[str]) -> Console:
    """For arguments that click rejects: --json is searched for by hand."""
    context = getattr(error, "ctx", None)
    command = context.info_name if context and context.parent else ""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return Console(command, style=Style(json="--json" in options), out=sys.stdout, err=sys.stderr, environ=os.environ)


def _usage_error(error: click.ClickException) -> UsageError:
    """click's error in the form of every other: one sentence without a full stop, and a hint."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "hero-build"
    sentence = error.format_message().strip().rstrip(".")
    return UsageError(sentence[:1].lower() + sentence[1:], f"`{path} --help` lists its arguments and options.")

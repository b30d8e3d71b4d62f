"""What stands around every command: signals, and errors that become one sentence, a hint and an exit code."""

import signal
import sys
from collections.abc import Callable
from io import TextIOWrapper
from types import FrameType
from typing import NoReturn

from hero_build.errors import INTERRUPTED, HeroBuildError, machine_error
from hero_build.model.failure import Failure
from hero_build.output.console import Console

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


def accept_any_text() -> None:
    """A terminal with a small character set must not fail a run: what it lacks is printed as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


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
    except Exception as error:  # noqa: BLE001 - the outermost handler: what the machine refuses, and bugs
        if (refused := machine_error(error)) is not None:
            return console.error(refused)
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

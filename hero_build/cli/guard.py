"""What stands around every command: interrupts and errors become one sentence, a hint and an exit code."""

import sys
from collections.abc import Callable
from io import TextIOWrapper

from hero_build.cli import signals
from hero_build.cli.root_watch import RootWatch
from hero_build.errors import HeroBuildError
from hero_build.model.failure import Failure
from hero_build.os_errors import machine_error
from hero_build.output.console import Console


def accept_any_text() -> None:
    """A terminal with a small character set must not fail a run: what it lacks is printed as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def guarded(call: Callable[[], int], console: Console, *, watch: RootWatch, traced: bool) -> int:
    """Run a command; returns its exit code, or that of the error it ended with. `traced`: print a bug's traceback."""
    try:
        signals.enter_running()
        try:
            return call()
        finally:
            signals.enter_ending()
    except HeroBuildError as error:
        return console.error(watch.explained(error))
    except KeyboardInterrupt as interrupt:
        return _interrupted(interrupt, console, watch)
    except Exception as error:  # noqa: BLE001 - the outermost handler: what the machine refuses, and bugs
        if (ended := _interrupt_behind(error)) is not None:
            return _interrupted(ended, console, watch)
        if (refused := machine_error(error)) is not None:
            return console.error(watch.explained(refused))
        from hero_build.system.bug_report import bug

        return console.fail(bug(error, traced=traced))


def _interrupt_behind(error: BaseException) -> KeyboardInterrupt | None:
    """The interrupt whose handling broke: two at one moment leave a lock of Python's own in the wrong state."""
    context = error.__context__
    while context is not None and not isinstance(context, KeyboardInterrupt):
        context = context.__context__
    return context


def _interrupted(interrupt: KeyboardInterrupt, console: Console, watch: RootWatch) -> int:
    """The code of an interrupt; that of the answer if the interrupt came after it."""
    if console.printed is not None:
        return console.printed
    number = interrupt.number if isinstance(interrupt, signals.Terminated) else signals.SIGINT
    code = signals.SIGNALLED + number
    message, hint = watch.message_and_hint(signals.message(number))
    return console.fail(Failure("Interrupted", message=message, hint=hint, exit=code))

"""What SIGINT, SIGTERM and SIGHUP do in each phase of a run. `install` comes before all imports that take time.

starting: nothing was changed yet: the process ends at once, like an interrupted command.
running:  the command unwinds. A signal that was lost (Python ignores an exception in a finalizer), or a command that
          does not end, is interrupted again after `_AGAIN`.
ending:   the error is being printed; another signal after `_AGAIN`, or `_PRINTING`, ends the process without it.
"""

# What `signal` wraps in enums, whose import takes longer than a cached answer; typeshed does not describe it.
import _signal  # type: ignore[import-not-found]
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sys import UnraisableHookArgs
    from types import FrameType
    from typing import NoReturn

SIGINT: int = _signal.SIGINT
SIGNALLED = 128  # plus the signal's number, as shells report it
SAFE = "Every app is completely old or completely new; downloaded data is kept for the next run."
_NAMES = {_signal.SIGTERM: "SIGTERM", _signal.SIGHUP: "SIGHUP"}
_AGAIN = 0.9  # seconds
_PRINTING = 10.0  # seconds: of a machine that is busy, or of a terminal that nobody reads
_DOCUMENT = """{
  "schema": 1,
  "command": "",
  "exit": %(exit)d,
  "warnings": [],
  "error": {
    "kind": "Interrupted",
    "message": "%(message)s",
    "hint": "%(hint)s",
    "exit": %(exit)d,
    "app": null,
    "part": null,
    "tail": [],
    "log": null
  }
}
"""


class Terminated(KeyboardInterrupt):
    """The process got signal `number`, which is not that of Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class _State:
    phase = "starting"
    first = 0
    since = 0.0
    raised = 0.0


_state = _State()


def install() -> None:
    """Handle the signals; one that is ignored (nohup, a job in the background) stays ignored."""
    default = (_signal.SIG_DFL, _signal.default_int_handler)
    for number in (SIGINT, *_NAMES):
        if _signal.getsignal(number) in default:
            _signal.signal(number, _handle)
    _signal.signal(_signal.SIGALRM, _handle_again)
    sys.unraisablehook = _ignore_interrupt


def enter_running() -> None:
    """From now on a signal interrupts the command.

    One that arrives just before the main thread waits for a lock is seen by Python only when the wait ends, which may
    take minutes: a timer ends each wait once in `_AGAIN`, to look.
    """
    _state.phase = "running"
    if not _state.first and _signal.getsignal(_signal.SIGALRM) is _handle_again:  # installed: not in somebody's process
        _signal.setitimer(_signal.ITIMER_REAL, _AGAIN, _AGAIN)


def enter_ending() -> None:
    """From now on a signal interrupts nothing, for `_AGAIN` seconds."""
    _state.phase, _state.since = "ending", time.monotonic()


def message(number: int) -> str:
    """What the error says about a signal."""
    return f"ended by {_NAMES[number]}" if number in _NAMES else "interrupted"


def document(number: int) -> str:
    """What --json prints about a signal, as json_document.render would."""
    return _DOCUMENT % {"exit": SIGNALLED + number, "message": message(number), "hint": SAFE}


def end_process(number: int) -> "NoReturn":
    """Say that the command was interrupted, as far as that is possible without imports, and end the process.

    Once: another signal that arrives meanwhile says nothing.
    """
    enter_ending()
    _write(2, f"error: {message(number)}\n  hint: {SAFE}\n")
    words = sys.argv[1:]
    if "--json" in (words[: words.index("--")] if "--" in words else words):
        _write(1, document(number))
    os._exit(SIGNALLED + number)


def _handle(number: int, frame: "FrameType | None") -> None:
    if not _state.first:
        _state.first = number
        _signal.setitimer(_signal.ITIMER_REAL, _AGAIN, _AGAIN)
    if _state.phase == "starting":
        end_process(number)
    if _state.phase == "running":
        _state.raised = time.monotonic()
        raise KeyboardInterrupt if number == SIGINT else Terminated(number)
    if time.monotonic() - _state.since > _AGAIN:
        os._exit(SIGNALLED + number)


def _handle_again(number: int, frame: "FrameType | None") -> None:
    """A tick of the timer that arrives with the signal itself is not a second one."""
    began, limit = (_state.since, _PRINTING) if _state.phase == "ending" else (_state.raised, _AGAIN / 2)
    if _state.first and time.monotonic() - began > limit:
        _handle(_state.first, frame)


def _ignore_interrupt(ignored: "UnraisableHookArgs") -> None:
    """An interrupt that Python ignores, in a finalizer, is no news for a person: it is raised again by the timer."""
    if not issubclass(ignored.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(ignored)


def _write(descriptor: int, text: str) -> None:
    try:  # noqa: SIM105 - contextlib takes time to import
        os.write(descriptor, text.encode())
    except OSError:
        pass

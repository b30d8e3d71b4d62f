"""The progress of an operation as steps that a client can show: few enough to be sent to everybody."""

import time
from collections.abc import Callable
from threading import Lock, Timer
from typing import Literal

from msgspec import Struct

from hero_build.events import (
    CompileProgress,
    Event,
    Finished,
    GitProgress,
    PartFailed,
    Planning,
    Restarting,
    Retrying,
    ServiceDone,
    ServiceStep,
    Started,
    Transferred,
    WarningRaised,
)

StepKind = Literal[
    "plan",
    "start",
    "transfer",
    "git",
    "compile",
    "retry",
    "service",
    "service done",
    "part done",
    "part failed",
    "warning",
]
_INTERVAL = 0.25  # seconds between two steps that only count
_COUNTS = frozenset({"transfer", "git", "compile"})


class OperationStep(Struct, frozen=True):
    """One step: what it is about (an app, a part, a service), a few words, and how much is done.

    `done` and `total` are bytes of a transfer, percent of a git transfer, and crates of a build; null: not known.
    """

    kind: StepKind
    subject: str
    text: str = ""
    done: int | None = None
    total: int | None = None


class Progress:
    """An Emit, called by any thread: passes steps on, one at a time, and collects the warnings.

    Of steps that only count few are passed on, but the last one always is: what comes next may take an hour.
    """

    def __init__(self, send: Callable[[OperationStep], None]) -> None:
        self._send = send
        self._lock = Lock()
        self._warnings: dict[WarningRaised, None] = {}
        self._transferred: dict[str, int] = {}
        self._totals: dict[str, int | None] = {}
        self._counted: dict[tuple[str, str], float] = {}
        self._waiting: dict[tuple[str, str], OperationStep] = {}
        self._timer: Timer | None = None

    @property
    def warnings(self) -> tuple[WarningRaised, ...]:
        return tuple(self._warnings)

    def __call__(self, event: Event) -> None:
        with self._lock:
            step = self._step(event)
            if step is None:
                return
            if step.kind in _COUNTS:
                self._count(step)
            else:
                self._send_waiting()  # first what came before it
                self._send(step)

    def _step(self, event: Event) -> OperationStep | None:
        match event:
            case Planning(app):
                return OperationStep("plan", app)
            case Started(part, verb, version, total):
                self._transferred[str(part)], self._totals[str(part)] = 0, total
                return OperationStep("start", str(part), f"{verb} {version}", total=total)
            case Transferred(part, size):
                return self._transfer(str(part), size)
            case GitProgress(repo, stage, percent):
                return OperationStep("git", repo, text=stage, done=percent, total=100)
            case CompileProgress(part, done, total, crate):
                return OperationStep("compile", str(part), text=crate, done=done, total=total)
            case Finished(part):
                return OperationStep("part done", str(part), done=self._transferred.get(str(part)))
            case WarningRaised(text):
                self._warnings[event] = None
                return OperationStep("warning", "", text)
            case _:
                return _said(event)

    def _transfer(self, part: str, size: int) -> OperationStep:
        self._transferred[part] = self._transferred.get(part, 0) + size
        return OperationStep("transfer", part, done=self._transferred[part], total=self._totals.get(part))

    def _count(self, step: OperationStep) -> None:
        """Send at most a few a second of one kind for one subject; the last of the others waits for its moment."""
        key, now = (step.kind, step.subject), time.monotonic()
        if now - self._counted.get(key, 0.0) >= _INTERVAL or step.done == step.total:
            self._waiting.pop(key, None)
            self._counted[key] = now
            self._send(step)
            return
        self._waiting[key] = step
        if self._timer is None:
            self._timer = Timer(_INTERVAL, self._end_of_interval)
            self._timer.daemon = True
            self._timer.start()

    def _end_of_interval(self) -> None:
        with self._lock:
            self._timer = None
            self._send_waiting()

    def _send_waiting(self) -> None:
        now = time.monotonic()
        for key, step in self._waiting.items():
            self._counted[key] = now
            self._send(step)
        self._waiting.clear()


def _said(event: Event) -> OperationStep | None:
    """What is passed on as it is."""
    match event:
        case Retrying(what, why):
            return OperationStep("retry", what, why)
        case Restarting(service, step) | ServiceStep(service, step):
            return OperationStep("service", service, step)
        case ServiceDone(service, _, text):
            return OperationStep("service done", service, text)
        case PartFailed(failed):
            return OperationStep("part failed", str(failed.part or failed.app), failed.error.message)
        case _:
            return None

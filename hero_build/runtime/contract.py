"""How one service is restarted: asked to ─► settled ─► well ─► as installed; once more with a reset if that did not do.

Settled: its supervisor says that it runs, as another process than before, and as the same one for as long as the
patience's `steady`. Well: `health` says so, and it still is that process. As installed: none of the app's programs in
its process tree is older than what is installed. A reset is a stop, waited for, and a start.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hero_build.errors import NotHealthy, RuntimeAnswer
from hero_build.events import Emit, Restarting
from hero_build.install.layout import Root
from hero_build.runtime import fresh, health
from hero_build.runtime.protocol import Patience, Runtime, Service


@dataclass(frozen=True, slots=True)
class Case:
    """A service as it was before: `sockets` at which it may answer, `listened` whether anybody did, and the names of
    the `binaries` that must be as installed (none: it runs nothing of the root)."""

    app: str
    service: Service
    runtime: Runtime
    sockets: tuple[Path, ...] = ()
    listened: bool = False
    binaries: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Care:
    """With what it is watched."""

    root: Root
    patience: Patience
    emit: Emit


def renew(case: Case, care: Care) -> tuple[Service, int]:
    """Restart it: the service as it runs now, and in how many attempts. Raises NotHealthy, RuntimeAnswer,
    RuntimeUnreachable."""
    name = case.service.name
    try:
        care.emit(Restarting(name, "restart"))
        case.runtime.restart(name)
        return _up(case, care), 1
    except (NotHealthy, RuntimeAnswer):
        care.emit(Restarting(name, "reset"))
        _reset(case, care.patience)
        return _up(case, care), 2


def start(case: Case, care: Care) -> tuple[Service, int]:
    """Start what was stopped along with another, in one attempt. Raises as `renew`."""
    care.emit(Restarting(case.service.name, "restart"))
    case.runtime.start(case.service.name)
    return _up(case, care), 1


def at_rest(case: Case, patience: Patience) -> Service:
    """The service once it neither starts nor stops, or as it is when that takes longer than a change may."""
    return _until(case, patience, lambda service, _: not service.moves)


def _up(case: Case, care: Care) -> Service:
    care.emit(Restarting(case.service.name, "settle"))
    service = _settled(case, care.patience)
    care.emit(Restarting(case.service.name, "health"))
    _well(case, service, care.patience)
    _as_installed(case, service, care.root)
    return service


def _reset(case: Case, patience: Patience) -> None:
    case.runtime.stop(case.service.name)
    service = at_rest(case, patience)
    if service.moves or service.runs:
        raise _unwell(case, f"it is still {service.state} {patience.change:g} s after it was told to stop")
    case.runtime.start(case.service.name)


def _settled(case: Case, patience: Patience) -> Service:
    steady = patience.steady
    service = _until(case, patience, lambda now, held: held >= steady * (1 if now.runs else 2) and _ended(case, now))
    if service.runs and service.pid != case.service.pid:
        return service
    note = f" ({service.note})" if service.note else ""
    if service.runs:
        raise _unwell(case, f"it still runs as process {service.pid}, as if nothing had been asked")
    raise _unwell(case, f"it is {service.state}{note}")


def _ended(case: Case, now: Service) -> bool:
    """Whether nothing more is to be expected: between a stop and a start it may be anything for a moment."""
    return not now.moves and not (now.runs and now.pid == case.service.pid)


def _until(case: Case, patience: Patience, done: Callable[[Service, float], bool]) -> Service:
    """Look until it is `done`, told the service and for how many seconds it has been so; no longer than a change."""
    began = since = time.monotonic()
    last = case.runtime.status(case.service.name)
    while not done(last, time.monotonic() - since) and time.monotonic() - began < patience.change:
        time.sleep(patience.poll)
        now = case.runtime.status(case.service.name)
        if (now.state, now.pid) != (last.state, last.pid):
            since = time.monotonic()
        last = now
    return last


def _well(case: Case, service: Service, patience: Patience) -> None:
    end = time.monotonic() + patience.health
    while True:
        heard = health.pulse(case.sockets, min(patience.call, max(end - time.monotonic(), patience.poll)))
        now = case.runtime.status(service.name)
        if not now.runs or now.pid != service.pid:
            raise _unwell(case, f"process {service.pid} did not live: it is {now.state} now")
        if heard.well or not (heard.listens or case.listened):
            return
        if time.monotonic() >= end:
            raise _unwell(case, heard.said)
        time.sleep(patience.poll)


def _as_installed(case: Case, service: Service, root: Root) -> None:
    for program in fresh.table(root).below(service.pid):
        if program.binary in case.binaries and program.state == "old":
            installed = root.place(f"bin/{program.binary}")
            sentence = f"{case.service.name} was restarted and still runs an older file, {program.path}"
            raise NotHealthy(sentence, f"Let its service start {installed}, then `hero-build restart {case.app}`.")


def _unwell(case: Case, how: str) -> NotHealthy:
    then = f"then `hero-build restart {case.app}`" if case.app else f"then start {case.service.name} again"
    hint = f"Its log says why. `hero-build rollback` brings back what was installed before; {then}."
    return NotHealthy(f"{case.service.name} did not come up: {how}", hint)

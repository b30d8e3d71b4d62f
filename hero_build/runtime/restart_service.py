"""How one service is restarted: asked to ─► settled ─► well ─► as installed; once more with a reset if that did not do.

Settled: its supervisor says that it runs, as another process than before, and as the same one for as long as the
patience's `steady`. Well: `health` says so, and it still is that process. As installed: none of the app's programs in
its process tree is older than what is installed. A reset is a stop, waited for, and a start.
"""

import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from hero_build.errors import BadRuntimeResponse, NotHealthy
from hero_build.events import Emit, Restarting
from hero_build.install.layout import Root
from hero_build.runtime import health, processes
from hero_build.runtime.protocol import Service, Supervisor, Timeouts


class RestartTarget(Struct, frozen=True):
    """A service as it was before: `sockets` at which it may answer, `listened` whether anybody did, and the names of
    the `binaries` that must be as installed (none: it runs nothing of the root)."""

    app: str
    service: Service
    runtime: Supervisor
    sockets: tuple[Path, ...] = ()
    listened: bool = False
    binaries: frozenset[str] = frozenset()


class RestartContext(Struct, frozen=True):
    """With what it is watched."""

    root: Root
    timeouts: Timeouts
    emit: Emit


def restart_or_reset(target: RestartTarget, restart: RestartContext) -> tuple[Service, int]:
    """Restart it: the service as it runs now, and in how many attempts. Raises NotHealthy, RuntimeAnswer,
    RuntimeUnreachable."""
    name = target.service.name
    try:
        restart.emit(Restarting(name, "restart"))
        target.runtime.restart(name)
        return _up(target, restart), 1
    except (NotHealthy, BadRuntimeResponse):
        restart.emit(Restarting(name, "reset"))
        _reset(target, restart.timeouts)
        return _up(target, restart), 2


def start(target: RestartTarget, restart: RestartContext) -> tuple[Service, int]:
    """Start what was stopped along with another, in one attempt. Raises as `renew`."""
    restart.emit(Restarting(target.service.name, "restart"))
    target.runtime.start(target.service.name)
    return _up(target, restart), 1


def at_rest(target: RestartTarget, timeouts: Timeouts) -> Service:
    """The service once it neither starts nor stops, or as it is when that takes longer than a change may."""
    return _until(target, timeouts, lambda service, _: not service.moves)


def _up(target: RestartTarget, restart: RestartContext) -> Service:
    restart.emit(Restarting(target.service.name, "settle"))
    service = _settled(target, restart.timeouts)
    restart.emit(Restarting(target.service.name, "health"))
    _well(target, service, restart.timeouts)
    _as_installed(target, service, restart.root)
    return service


def _reset(target: RestartTarget, timeouts: Timeouts) -> None:
    target.runtime.stop(target.service.name)
    service = at_rest(target, timeouts)
    if service.moves or service.runs:
        raise _unwell(target, f"it is still {service.state} {timeouts.change:g} s after it was told to stop")
    target.runtime.start(target.service.name)


def _settled(target: RestartTarget, timeouts: Timeouts) -> Service:
    steady = timeouts.steady
    service = _until(
        target, timeouts, lambda now, held: held >= steady * (1 if now.runs else 2) and _ended(target, now)
    )
    if service.runs and service.pid != target.service.pid:
        return service
    note = f" ({service.note})" if service.note else ""
    if service.runs:
        raise _unwell(target, f"it still runs as process {service.pid}, as if nothing had been asked")
    raise _unwell(target, f"it is {service.state}{note}")


def _ended(target: RestartTarget, now: Service) -> bool:
    """Whether nothing more is to be expected: between a stop and a start it may be anything for a moment."""
    return not now.moves and not (now.runs and now.pid == target.service.pid)


def _until(target: RestartTarget, timeouts: Timeouts, done: Callable[[Service, float], bool]) -> Service:
    """Look until it is `done`, told the service and for how many seconds it has been so; no longer than a change."""
    began = since = time.monotonic()
    last = target.runtime.status(target.service.name)
    while not done(last, time.monotonic() - since) and time.monotonic() - began < timeouts.change:
        time.sleep(timeouts.poll)
        now = target.runtime.status(target.service.name)
        if (now.state, now.pid) != (last.state, last.pid):
            since = time.monotonic()
        last = now
    return last


def _well(target: RestartTarget, service: Service, timeouts: Timeouts) -> None:
    end = time.monotonic() + timeouts.health
    while True:
        heard = health.check_health(target.sockets, min(timeouts.call, max(end - time.monotonic(), timeouts.poll)))
        now = target.runtime.status(service.name)
        if not now.runs or now.pid != service.pid:
            raise _unwell(target, f"process {service.pid} did not live: it is {now.state} now")
        if heard.well or not (heard.listens or target.listened):
            return
        if time.monotonic() >= end:
            raise _unwell(target, heard.said)
        time.sleep(timeouts.poll)


def _as_installed(target: RestartTarget, service: Service, root: Root) -> None:
    for program in processes.table(root).below(service.pid):
        if program.binary in target.binaries and program.state == "old":
            installed = root.place(f"bin/{program.binary}")
            sentence = f"{target.service.name} was restarted and still runs an older file, {program.path}"
            raise NotHealthy(sentence, f"Let its service start {installed}, then `hero-build restart {target.app}`.")


def _unwell(target: RestartTarget, how: str) -> NotHealthy:
    then = f"then `hero-build restart {target.app}`" if target.app else f"then start {target.service.name} again"
    hint = f"Its log says why. `hero-build rollback` brings back what was installed before; {then}."
    return NotHealthy(f"{target.service.name} did not come up: {how}", hint)

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
from hero_build.runtime.protocol import ServiceStatus, Supervisor, Timeouts


class RestartTarget(Struct, frozen=True):
    """A service as it was before: `sockets` at which it may answer, `listened` whether anybody did, and the names of
    the `binaries` that must be as installed (none: it runs nothing of the root)."""

    app: str
    service: ServiceStatus
    runtime: Supervisor
    sockets: tuple[Path, ...] = ()
    was_listening: bool = False
    binaries: frozenset[str] = frozenset()


class RestartContext(Struct, frozen=True):
    """With what it is watched."""

    root: Root
    timeouts: Timeouts
    emit: Emit


def restart_or_reset(target: RestartTarget, restart: RestartContext) -> tuple[ServiceStatus, int]:
    """Restart it: the service as it runs now, and in how many attempts. Raises NotHealthy, BadRuntimeResponse,
    RuntimeUnreachable."""
    name = target.service.name
    try:
        restart.emit(Restarting(name, "restart"))
        target.runtime.restart(name)
        return _wait_until_up(target, restart), 1
    except (NotHealthy, BadRuntimeResponse):
        restart.emit(Restarting(name, "reset"))
        _reset(target, restart.timeouts)
        return _wait_until_up(target, restart), 2


def start(target: RestartTarget, restart: RestartContext) -> tuple[ServiceStatus, int]:
    """Start what was stopped along with another, in one attempt. Raises as `renew`."""
    restart.emit(Restarting(target.service.name, "restart"))
    target.runtime.start(target.service.name)
    return _wait_until_up(target, restart), 1


def wait_until_stable(target: RestartTarget, timeouts: Timeouts) -> ServiceStatus:
    """The service once it neither starts nor stops, or as it is when that takes longer than a change may."""
    return _poll_until(target, timeouts, lambda service, _: not service.is_changing)


def _wait_until_up(target: RestartTarget, restart: RestartContext) -> ServiceStatus:
    restart.emit(Restarting(target.service.name, "settle"))
    service = _wait_until_steady(target, restart.timeouts)
    restart.emit(Restarting(target.service.name, "health"))
    _wait_until_healthy(target, service, restart.timeouts)
    _require_installed_files(target, service, restart.root)
    return service


def _reset(target: RestartTarget, timeouts: Timeouts) -> None:
    target.runtime.stop(target.service.name)
    service = wait_until_stable(target, timeouts)
    if service.is_changing or service.is_running:
        raise _not_healthy(target, f"it is still {service.state} {timeouts.change:g} s after it was told to stop")
    target.runtime.start(target.service.name)


def _wait_until_steady(target: RestartTarget, timeouts: Timeouts) -> ServiceStatus:
    steady = timeouts.steady
    service = _poll_until(
        target, timeouts, lambda now, held: held >= steady * (1 if now.is_running else 2) and _is_final(target, now)
    )
    if service.is_running and service.pid != target.service.pid:
        return service
    note = f" ({service.note})" if service.note else ""
    if service.is_running:
        raise _not_healthy(target, f"it still runs as process {service.pid}, as if nothing had been asked")
    raise _not_healthy(target, f"it is {service.state}{note}")


def _is_final(target: RestartTarget, now: ServiceStatus) -> bool:
    """Whether nothing more is to be expected: between a stop and a start it may be anything for a moment."""
    return not now.is_changing and not (now.is_running and now.pid == target.service.pid)


def _poll_until(
    target: RestartTarget, timeouts: Timeouts, done: Callable[[ServiceStatus, float], bool]
) -> ServiceStatus:
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


def _wait_until_healthy(target: RestartTarget, service: ServiceStatus, timeouts: Timeouts) -> None:
    end = time.monotonic() + timeouts.health
    while True:
        heard = health.check_health(target.sockets, min(timeouts.call, max(end - time.monotonic(), timeouts.poll)))
        now = target.runtime.status(service.name)
        if not now.is_running or now.pid != service.pid:
            raise _not_healthy(target, f"process {service.pid} did not live: it is {now.state} now")
        if heard.healthy or not (heard.listening or target.was_listening):
            return
        if time.monotonic() >= end:
            raise _not_healthy(target, heard.message)
        time.sleep(timeouts.poll)


def _require_installed_files(target: RestartTarget, service: ServiceStatus, root: Root) -> None:
    for program in processes.process_table(root).descendants(service.pid):
        if program.binary in target.binaries and program.state == "old":
            installed = root.place(f"bin/{program.binary}")
            sentence = f"{target.service.name} was restarted and still runs an older file, {program.path}"
            raise NotHealthy(sentence, f"Let its service start {installed}, then `hero-build restart {target.app}`.")


def _not_healthy(target: RestartTarget, how: str) -> NotHealthy:
    then = f"then `hero-build restart {target.app}`" if target.app else f"then start {target.service.name} again"
    hint = f"Its log says why. `hero-build rollback` brings back what was installed before; {then}."
    return NotHealthy(f"{target.service.name} did not come up: {how}", hint)

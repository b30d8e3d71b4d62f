"""How one service is restarted: request ─► steady ─► healthy ─► runs the installed files; else once more with a reset.

Steady: its supervisor reports it running, as another process than before, and as the same one for `Timeouts.steady`.
Healthy: `health` says so, and the process is still that one. Installed: none of the app's programs in its process tree
is older than the installed one. A reset is a stop, waited for, and a start.
"""

import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from hero_build.errors import BadRuntimeResponse, NotHealthy
from hero_build.events import Emit, Restarting
from hero_build.install.layout import Root
from hero_build.model.services import SupervisedStatus
from hero_build.services import health, processes
from hero_build.supervisors.protocol import Supervisor, Timeouts, stop_timeout


class RestartTarget(Struct, frozen=True):
    """A service as it was before the restart: its `sockets`, whether it listened on any of them (`was_listening`), and
    the names of the `binaries` that must be the installed ones (none: it runs nothing of the root).
    """

    app: str
    service: SupervisedStatus
    supervisor: Supervisor
    sockets: tuple[Path, ...] = ()
    was_listening: bool = False
    binaries: frozenset[str] = frozenset()


class RestartContext(Struct, frozen=True):
    """What the restarts of one command share."""

    root: Root
    timeouts: Timeouts
    emit: Emit


def restart_or_reset(target: RestartTarget, context: RestartContext) -> tuple[SupervisedStatus, int]:
    """Restart the service; its status now, and the number of attempts. Raises NotHealthy, BadRuntimeResponse,
    RuntimeUnreachable.
    """
    name = target.service.name
    try:
        context.emit(Restarting(name, "restart", target.app))
        target.supervisor.restart(name)
        return _wait_until_up(target, context), 1
    except (NotHealthy, BadRuntimeResponse):
        context.emit(Restarting(name, "reset", target.app))
        _reset(target, context.timeouts)
        return _wait_until_up(target, context), 2


def start(target: RestartTarget, context: RestartContext) -> tuple[SupervisedStatus, int]:
    """Start a service that was stopped along with another, in one attempt. Raises as `restart_or_reset`."""
    context.emit(Restarting(target.service.name, "restart", target.app))
    target.supervisor.start(target.service.name)
    return _wait_until_up(target, context), 1


def wait_until_stable(target: RestartTarget, timeouts: Timeouts) -> SupervisedStatus:
    """The status once it is neither starting nor stopping, or when it may take no longer."""
    return _poll_until(target, timeouts, lambda status, _: not status.is_changing)


def _wait_until_up(target: RestartTarget, context: RestartContext) -> SupervisedStatus:
    context.emit(Restarting(target.service.name, "settle", target.app))
    status = _wait_until_steady(target, context.timeouts)
    context.emit(Restarting(target.service.name, "health", target.app))
    _wait_until_healthy(target, status, context.timeouts)
    _require_installed_files(target, status, context.root)
    return status


def _reset(target: RestartTarget, timeouts: Timeouts) -> None:
    target.supervisor.stop(target.service.name)
    status = wait_until_stable(target, timeouts)
    if status.is_changing or status.is_running:
        raise _not_healthy(target, f"it is still {status.state} {_change_seconds(target, timeouts):g} s after the stop")
    target.supervisor.start(target.service.name)


def _wait_until_steady(target: RestartTarget, timeouts: Timeouts) -> SupervisedStatus:
    def is_steady(status: SupervisedStatus, seconds: float) -> bool:
        factor = 1 if status.is_running else 2  # a service that is down may be between its stop and its start
        return seconds >= timeouts.steady * factor and _is_final(target, status)

    status = _poll_until(target, timeouts, is_steady)
    if status.is_running and status.pid != target.service.pid:
        return status
    if status.is_running:
        raise _not_healthy(target, f"it still runs as process {status.pid}: it was not restarted")
    note = f" ({status.reason})" if status.reason else ""
    raise _not_healthy(target, f"it is {status.state}{note}")


def _is_final(target: RestartTarget, status: SupervisedStatus) -> bool:
    """Whether no further change is expected."""
    return not status.is_changing and not (status.is_running and status.pid == target.service.pid)


def _poll_until(
    target: RestartTarget, timeouts: Timeouts, done: Callable[[SupervisedStatus, float], bool]
) -> SupervisedStatus:
    """Poll until `done(status, seconds without a change)`, at most for `_change_seconds`; the last status."""
    started = since = time.monotonic()
    limit = _change_seconds(target, timeouts)
    last = target.supervisor.status(target.service.name)
    while not done(last, time.monotonic() - since) and time.monotonic() - started < limit:
        time.sleep(timeouts.poll)
        status = target.supervisor.status(target.service.name)
        if (status.state, status.pid) != (last.state, last.pid):
            since = time.monotonic()
        last = status
    return last


def _change_seconds(target: RestartTarget, timeouts: Timeouts) -> float:
    return stop_timeout(target.supervisor, target.service.name) + timeouts.change


def _wait_until_healthy(target: RestartTarget, status: SupervisedStatus, timeouts: Timeouts) -> None:
    end, last = time.monotonic() + timeouts.health, None
    while True:
        left = max(end - time.monotonic(), timeouts.poll)
        result = health.check_health(target.sockets, min(timeouts.call, left))
        if last is None or left >= health.CUT_SHORT or not (last.listening and result.listening):
            last = result
        current = target.supervisor.status(status.name)
        if not current.is_running or current.pid != status.pid:
            raise _not_healthy(target, f"process {status.pid} ended: the service is {current.state} now")
        if result.healthy or not (result.listening or target.was_listening):
            return
        if time.monotonic() >= end:
            raise _not_healthy(target, last.message)
        time.sleep(timeouts.poll)


def _require_installed_files(target: RestartTarget, status: SupervisedStatus, root: Root) -> None:
    for program in processes.process_table(root).descendants(status.pid):
        if program.binary in target.binaries and program.state == "old":
            installed = root.place(f"bin/{program.binary}")
            sentence = f"{target.service.name} was restarted and still runs an older file, {program.path}"
            raise NotHealthy(sentence, f"Let its service start {installed}, then `hero-build restart {target.app}`.")


def _not_healthy(target: RestartTarget, reason: str) -> NotHealthy:
    then = f"then `hero-build restart {target.app}`" if target.app else f"then start {target.service.name} again"
    hint = f"Its log says why. `hero-build rollback` restores what was installed before; {then}."
    return NotHealthy(f"{target.service.name} did not come up: {reason}", hint)

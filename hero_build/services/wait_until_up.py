"""Watches a service that was just started until it is up, or will not be."""

import time

from msgspec import Struct

from hero_build.model.services import Service, SupervisedStatus
from hero_build.services import probes, processes, records
from hero_build.services.health import CUT_SHORT
from hero_build.services.probes import ProbeAnswer
from hero_build.services.service_run import ServiceRun

_PROBE_SECONDS = 5.0
"""For one answer: a service that takes longer is not ready."""
_STOPPED = ("stopped", "exited", "failed", "flapping")


class Attempt(Struct, frozen=True):
    """A start that was requested at `requested` (of time.time()), when the service's process was `old_pid`."""

    service: Service
    requested: float
    old_pid: int = 0


class NotUp(Struct, frozen=True):
    """Why a service is not up, as the end of a sentence. `cancelled`: another command stopped it meanwhile."""

    reason: str
    cancelled: bool = False


class Watch(Struct):
    """What was seen of an attempt so far. Times are of time.monotonic()."""

    started: float
    end: float
    """When it must be up."""
    pid: int = 0
    pid_since: float = 0.0
    down_since: float | None = None
    answer: ProbeAnswer | None = None
    ended: SupervisedStatus | None = None
    """How its process ended: a supervisor that has started the next one may say no longer."""


def wait_until_up(attempt: Attempt, run: ServiceRun) -> SupervisedStatus | NotUp:
    """Its status once it is up. Raises RuntimeUnreachable, BadRuntimeResponse."""
    name, now = attempt.service.name, time.monotonic()
    watch = Watch(now, end=now + attempt.service.start_timeout)
    stopping = bool(attempt.old_pid)
    if not stopping:
        run.step(name, "health", attempt.service.app)
    while True:
        status = run.supervisor.status(name)
        if stopping and not (stopping := _still_stops(attempt, status, watch)):
            run.step(name, "health", attempt.service.app)
        if records.wanted(run.site.root, name) == "stopped":
            return NotUp("another command stopped it while it started", cancelled=True)
        result = _judge(attempt, status, watch=watch, run=run)
        if result is not None:
            return result
        if time.monotonic() >= watch.end:
            return NotUp(_too_late(attempt.service, watch, status))
        time.sleep(run.timeouts.poll)


def _still_stops(attempt: Attempt, status: SupervisedStatus, watch: Watch) -> bool:
    """Whether the process before has not ended: the start timeout counts from its end, or its stop timeout."""
    watch.end = min(time.monotonic(), watch.started + attempt.service.stop_timeout) + attempt.service.start_timeout
    return status.pid == attempt.old_pid


def check_health(service: Service, seconds: float) -> tuple[ProbeAnswer, ...]:
    """The answers of all its probes, each within `seconds`, at most 5."""
    limit = max(round(min(seconds, _PROBE_SECONDS), 1), 0.1)
    return tuple(probes.check(probe, limit) for probe in service.probes)


def runs_as_installed(service: Service, pid: int, run: ServiceRun) -> bool:
    """Whether none of the service's programs below `pid` is older than the installed one."""
    if service.container:
        return True
    table = processes.process_table(run.site.root)
    return all(item.state != "old" for item in table.descendants(pid) if item.binary == service.binary)


def describe_end(status: SupervisedStatus) -> str:
    """`it exited with code 3`, as the end of a sentence."""
    if status.signal:
        return f"it was ended by signal {status.signal} ({_signal_name(status.signal)})"
    if status.exit_code is not None:
        return f"it exited with code {status.exit_code}"
    return f"it is {status.state}" + (f" ({status.reason})" if status.reason else "")


def _has_end(status: SupervisedStatus) -> bool:
    return status.exit_code is not None or status.signal is not None


def _describe_restart(status: SupervisedStatus, watch: Watch) -> str:
    """How the process ended before this one, as far as the supervisor has said."""
    last = status if _has_end(status) else watch.ended
    if last is None and status.is_running:
        return "it ended and was started again"
    return describe_end(last or status)


def _judge(
    attempt: Attempt, status: SupervisedStatus, *, watch: Watch, run: ServiceRun
) -> SupervisedStatus | NotUp | None:
    """None: not known yet."""
    now = time.monotonic()
    if attempt.service.oneshot and status.state == "exited" and status.exit_code == 0:
        return status
    if _has_end(status) and (status.since or 0.0) >= attempt.requested:
        watch.ended = status
    if status.restarts or (watch.pid and status.pid != watch.pid):
        seconds = now - (watch.pid_since or watch.started)
        return NotUp(f"{_describe_restart(status, watch)} after {seconds:.1f} s")
    if not (status.is_running and status.pid and status.pid != attempt.old_pid):
        return _judge_down(attempt, status, watch=watch, run=run)
    watch.down_since = None
    if not watch.pid:
        watch.pid, watch.pid_since = status.pid, now
    return None if attempt.service.oneshot else _judge_running(attempt, status, watch=watch, run=run)


def _judge_down(attempt: Attempt, status: SupervisedStatus, *, watch: Watch, run: ServiceRun) -> NotUp | None:
    """A supervisor may take a moment to act on a request: it counts what it says after it, or says for a while."""
    if status.state not in _STOPPED:
        watch.down_since = None
        return None
    now = time.monotonic()
    watch.down_since = watch.down_since or now
    if (status.since or 0.0) >= attempt.requested or now - watch.down_since >= 2 * run.timeouts.steady:
        return NotUp(describe_end(status))
    return None


def _judge_running(
    attempt: Attempt, status: SupervisedStatus, *, watch: Watch, run: ServiceRun
) -> SupervisedStatus | NotUp | None:
    left = max(watch.end - time.monotonic(), run.timeouts.poll)
    answers = check_health(attempt.service, left)
    failed, before = next((answer for answer in answers if not answer.healthy), None), watch.answer
    if not (left < CUT_SHORT and failed and failed.listening and before and before.listening):
        watch.answer = failed
    steady = run.timeouts.steady / 2 if answers else run.timeouts.steady  # an answer says more than a process
    if watch.answer is not None or time.monotonic() - watch.pid_since < steady:
        return None
    current = run.supervisor.status(status.name)
    if current.pid != status.pid or not current.is_running:
        return None  # it ended meanwhile, which the next turn sees
    if not runs_as_installed(attempt.service, current.pid, run):
        return NotUp(f"process {current.pid} runs an older file than the installed one")
    return current


def _too_late(service: Service, watch: Watch, status: SupervisedStatus) -> str:
    within = f"within {service.start_timeout:g} s"
    if service.oneshot:
        return f"it has not ended {within}"
    if not status.is_running:
        return f"it is still {status.state}: it does not run {within}"
    return f"it is not healthy {within}: {watch.answer.message if watch.answer else 'it does not stay up'}"


def _signal_name(number: int) -> str:
    import signal

    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"

"""What zinit 0.3.9 reports of a service, as a SupervisedStatus."""

import time
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from hero_build.model.services import Definition, ServiceState, SupervisedStatus
from hero_build.supervisors import rpc
from hero_build.supervisors.exec_file import RecordedStart
from hero_build.system.decoding import convert
from hero_build.system.proc_stat import start_time


class ZinitReason(Struct, frozen=True):
    """Why a service failed; the fields depend on the type."""

    type: str
    code: int | None = None
    signal: int | None = None
    message: str = ""


class ZinitState(Struct, frozen=True):
    """A service's state in `service.status_full`; the fields depend on the state."""

    state: Literal["inactive", "blocked", "starting", "running", "stopping", "exited", "failed"]
    pid: int = 0
    exit_code: int | None = None
    reason: ZinitReason | None = None


class ZinitStatus(Struct, frozen=True):
    """The result of `service.status_full`."""

    state: ZinitState
    uptime_secs: int | None = None


def supervised_status(name: str, status: ZinitStatus) -> SupervisedStatus:
    state, reason = status.state, status.state.reason or ZinitReason("")
    code = state.exit_code if state.reason is None else reason.code
    ended: ServiceState = "failed" if code else "exited"
    states: dict[str, ServiceState] = {"inactive": "stopped", "blocked": "starting", "exited": ended}
    return SupervisedStatus(
        name=name,
        state=states.get(state.state) or convert(state.state, ServiceState),
        pid=state.pid,
        since=None if status.uptime_secs is None else time.time() - status.uptime_secs,
        exit_code=code,
        signal=reason.signal,
        reason=reason.message or rpc.exit_reason(code, reason.signal) if state.state in ("exited", "failed") else "",
    )


def own_status(status: SupervisedStatus, definition: Definition, starts: tuple[RecordedStart, ...]) -> SupervisedStatus:
    """With what zinit does not report of a service: how often it was restarted, and whether it will be again."""
    others = [start for start in starts if start.pid != status.pid]  # the shim of this one may not have come so far
    restarts = len(others) if status.pid else len(others) - 1
    status = replace(status, restarts=max(restarts, 0), since=start_time(status.pid) if status.pid else None)
    if status.pid or not _will_restart(status, definition):
        return status
    recent = starts[-definition.flap.starts :]
    is_full = len(recent) == definition.flap.starts
    if is_full and recent[-1].time - recent[0].time <= definition.flap.seconds:
        return replace(status, state="flapping")
    return replace(status, state="starting")


def _will_restart(status: SupervisedStatus, definition: Definition) -> bool:
    """Whether zinit starts it again by its policy: after an exit in the states `failed` and `exited`."""
    if definition.oneshot or definition.restart == "never" or status.state not in ("failed", "exited"):
        return False
    return definition.restart == "always" or status.state == "failed"

"""What `service.*` of hero_router may answer: of services by name, or of apps whose services have rows of their own, as
`hero-build serve` does (docs/openrpc.json).
"""

import time

from msgspec import Raw, Struct

from hero_build.model.services import ServiceState, SupervisedStatus
from hero_build.supervisors import rpc
from hero_build.supervisors.rpc import RpcPeer


class RouterApp(Struct, frozen=True):
    """An app in `service.list`; `absent`: it is not installed."""

    name: str
    status: str = ""


class RouterRow(Struct, frozen=True):
    """A service in an app's `service.status`."""

    name: str
    state: ServiceState
    uptime_ms: float | None = None
    restart_count: int = 0
    pid: int = 0
    reason: str = ""


class RouterLog(Struct, frozen=True):
    service: str
    lines: tuple[str, ...]


class RouterLogs(Struct, frozen=True):
    """The result of `service.logs`: an app's services, or the lines of one."""

    logs: tuple[RouterLog, ...] = ()
    lines: tuple[str, ...] = ()


def decode_list(result: Raw, peer: RpcPeer) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The services, and the apps, in `service.list`. Raises BadRuntimeResponse."""
    if bytes(result).lstrip(b" [\n").startswith(b"{"):
        apps = rpc.decode(result, tuple[RouterApp, ...], peer=peer, what="its list of services")
        return (), tuple(app.name for app in apps if app.status != "absent")
    return rpc.decode_services(result, peer), ()


def decode_rows(result: Raw, app: str, peer: RpcPeer) -> tuple[SupervisedStatus, ...]:
    """The services in an app's `service.status`. Raises BadRuntimeResponse."""
    rows = rpc.decode(result, tuple[RouterRow, ...], peer=peer, what=f"its status of {app}")
    return tuple(
        SupervisedStatus(
            name=row.name,
            state=row.state,
            pid=row.pid,
            since=None if row.uptime_ms is None else time.time() - row.uptime_ms / 1000,
            restarts=row.restart_count,
            reason=row.reason,
        )
        for row in rows
    )


def decode_logs(result: Raw, service: str, peer: RpcPeer) -> tuple[str, ...]:
    """The lines of a service in `service.logs`. Raises BadRuntimeResponse."""
    if bytes(result).lstrip().startswith(b"["):
        return rpc.decode_lines(result, peer)
    logs = rpc.decode(result, RouterLogs, peer=peer, what="its list of log lines")
    return next((log.lines for log in logs.logs if log.service == service), logs.lines)

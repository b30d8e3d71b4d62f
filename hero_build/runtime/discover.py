"""Which supervisors there are: hero_router first, zinit second (DESIGN section 12)."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from hero_build.errors import RuntimeFailed, RuntimeUnreachable
from hero_build.events import Emit, WarningRaised
from hero_build.runtime import client
from hero_build.runtime.client import SupervisorClient
from hero_build.runtime.protocol import Supervisor, Timeouts
from hero_build.settings import Settings


class SupervisorSockets(Struct, frozen=True):
    """Where supervisors listen; `services` is the folder in which every service has its own sockets."""

    router: Path
    zinit: Path
    services: Path


def sockets(settings: Settings, environ: Mapping[str, str]) -> SupervisorSockets:
    """`$HERO_SOCKET_DIR/hero_router/service.sock`; `$ZINIT_SOCKET`, else `<root>/var/zinit.sock`."""
    named = environ.get("ZINIT_SOCKET")
    zinit = Path(named).expanduser() if named else settings.root / "var" / "zinit.sock"
    return SupervisorSockets(settings.sockets / "hero_router" / "service.sock", zinit, settings.sockets)


def connect(where: SupervisorSockets, timeouts: Timeouts, emit: Emit) -> tuple[Supervisor, ...]:
    """The supervisors that answer, in the order in which they are asked. Raises RuntimeUnreachable when none does.

    One whose socket is there and does not answer is told as a warning, if another takes its place.
    """
    asked = (client.hero_router(where.router, timeouts), client.zinit(where.zinit, timeouts))
    troubles = {item: _failure(item) for item in asked}
    found = tuple(item for item, trouble in troubles.items() if trouble is None)
    refused = [(item, trouble) for item, trouble in troubles.items() if trouble is not None]
    if not found:
        raise _none_reachable(where, (trouble.message for _, trouble in refused))
    for item, trouble in refused:
        if item.peer.path.exists():
            emit(WarningRaised(f"{trouble.message}; {found[0].name} is asked instead", trouble.hint))
    return found


def _failure(item: SupervisorClient) -> RuntimeFailed | None:
    try:
        item.services()
    except RuntimeFailed as error:
        return error
    return None


def _none_reachable(where: SupervisorSockets, reasons: Iterable[str]) -> RuntimeUnreachable:
    hint = (
        f"Start hero_router, or zinit: `zinit-server -s {where.zinit} -c DIR` (ZINIT_SOCKET names another socket); "
        "then `hero-build restart APP`. What is installed stays."
    )
    return RuntimeUnreachable(f"no supervisor answers: {'; '.join(reasons)}", hint)

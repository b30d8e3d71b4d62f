"""Finding the supervisors: hero_router first, zinit second."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from hero_build.errors import RuntimeFailed, RuntimeUnreachable
from hero_build.events import Emit, WarningRaised
from hero_build.install.layout import Root
from hero_build.settings import Settings
from hero_build.supervisors.hero_router import HeroRouter
from hero_build.supervisors.protocol import Supervisor, Timeouts
from hero_build.supervisors.zinit import Zinit
from hero_build.system.home import expand


class SupervisorSockets(Struct, frozen=True):
    """Where supervisors listen; `services` is the folder with every service's own sockets."""

    root: Path
    router: Path
    zinit: Path
    services: Path


def sockets(settings: Settings, environ: Mapping[str, str]) -> SupervisorSockets:
    """`$HERO_SOCKET_DIR/hero_router/service.sock`; `$ZINIT_SOCKET`, else `<root>/var/zinit.sock`."""
    named = environ.get("ZINIT_SOCKET")
    zinit = Path(expand(named)) if named else settings.root / "var" / "zinit.sock"
    router = settings.sockets / "hero_router" / "service.sock"
    return SupervisorSockets(root=settings.root, router=router, zinit=zinit, services=settings.sockets)


def connect(where: SupervisorSockets, timeouts: Timeouts, emit: Emit) -> tuple[Supervisor, ...]:
    """The supervisors that answer, in order of preference. Raises RuntimeUnreachable when none does.

    Emits a warning for one whose socket exists but does not answer, if another takes its place.
    """
    clients = (HeroRouter(where.router, timeouts), Zinit(Root(where.root), where.zinit, timeouts))
    errors = {item: _failure(item) for item in clients}
    reachable = tuple(item for item, error in errors.items() if error is None)
    failed = [(item, error) for item, error in errors.items() if error is not None]
    if not reachable:
        raise _none_reachable(where, (error.message for _, error in failed))
    for item, error in failed:
        if item.path.exists():
            emit(WarningRaised(f"{error.message}; using {reachable[0].name} instead", error.hint))
    return reachable


def answering(where: SupervisorSockets, timeouts: Timeouts) -> tuple[Supervisor, ...]:
    """Those of hero_router and zinit that answer."""
    clients = (HeroRouter(where.router, timeouts), Zinit(Root(where.root), where.zinit, timeouts))
    return tuple(item for item in clients if item.path.exists() and _failure(item) is None)


def _failure(supervisor: Supervisor) -> RuntimeFailed | None:
    try:
        supervisor.services()
    except RuntimeFailed as error:
        return error
    return None


def _none_reachable(where: SupervisorSockets, reasons: Iterable[str]) -> RuntimeUnreachable:
    hint = (
        f"Start hero_router, or zinit: `zinit-server -s {where.zinit} -c DIR` (ZINIT_SOCKET names another socket); "
        "then `hero-build restart APP`. What is installed stays installed."
    )
    return RuntimeUnreachable(f"no supervisor answers: {'; '.join(reasons)}", hint)

"""Which service of which supervisor runs which installed program.

A service may be called anything. What it runs is told by its process tree: of the root's programs in it, the one
nearest to the supervisor (which may start it through a shell) that can be started. Only where none is found, because
the service is down or another user's, do names decide: that of the program, or that of the app.

What hero_router holds of hero_proc and of itself does not count: it would end what it is asked through.
"""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from hero_build.model.installed import STARTABLE, Generation, InstalledArtifact, Kind
from hero_build.runtime import rpc
from hero_build.runtime.processes import ProcessTable, RunningProgram
from hero_build.runtime.protocol import ROUTER, ServiceStatus, Supervisor

ROUTER_CANNOT_RESTART = frozenset({"hero_proc", "hero_router"})
_ORDER: tuple[Kind, ...] = ("server", "admin", "web")


class SupervisedService(Struct, frozen=True):
    """A service as it was found, and who holds it."""

    service: ServiceStatus
    runtime: Supervisor


class OwnedService(Struct, frozen=True):
    """A service of an installed app; `programs` are the app's own in its process tree, the nearest first."""

    service: ServiceStatus
    runtime: Supervisor
    app: str
    entry: InstalledArtifact
    programs: tuple[RunningProgram, ...]


class ProgramOwners(Struct, frozen=True):
    """The apps of a generation by what can be told of a service: its program's name, or the app's."""

    app_of: Mapping[str, str]
    startable: Mapping[str, InstalledArtifact]
    main: Mapping[str, InstalledArtifact]


def startable(entry: InstalledArtifact) -> bool:
    """Whether an artifact can be started: a daemon. What is install_only is of the kind cli, whatever it does."""
    return entry.artifact == "binary" and entry.kind in STARTABLE


def program_owners(generation: Generation) -> ProgramOwners:
    entries = [(part.app, entry) for part, record in generation.records.items() for entry in record.entries]
    binaries = [(app, entry) for app, entry in entries if entry.artifact == "binary"]
    daemons = sorted(((app, entry) for app, entry in binaries if startable(entry)), key=_rank)
    return ProgramOwners(
        {entry.name: app for app, entry in binaries},
        {entry.name: entry for _, entry in daemons},
        dict(reversed(daemons)),  # of several, the first
    )


def list_services(runtimes: Sequence[Supervisor]) -> tuple[SupervisedService, ...]:
    """Every service of every supervisor, each process once: that of the supervisor that is asked first.

    Raises RuntimeUnreachable, BadRuntimeResponse.
    """
    found = [SupervisedService(service, runtime) for runtime in runtimes for service in _services(runtime)]
    kept: list[SupervisedService] = []
    for seen in sorted(found, key=lambda seen: seen.service.pid == 0):
        pids = {other.service.pid for other in kept}
        names = {other.service.name for other in kept}
        if seen.service.pid not in pids if seen.service.pid else seen.service.name not in names:
            kept.append(seen)
    return tuple(kept)


def owned_services(
    seen: Sequence[SupervisedService], known: ProgramOwners, table: ProcessTable
) -> tuple[OwnedService, ...]:
    """Those of installed apps, servers before what is in front of them."""
    found = [item for one in seen if (item := _owned_service(one, known, table)) is not None]
    return tuple(sorted(found, key=lambda item: _rank((item.app, item.entry))))


def _services(runtime: Supervisor) -> Iterator[ServiceStatus]:
    for name in runtime.services():
        try:
            yield runtime.status(name)
        except rpc.RpcError:
            continue  # it was taken away in between


def _owned_service(seen: SupervisedService, known: ProgramOwners, table: ProcessTable) -> OwnedService | None:
    below = tuple(table.descendants(seen.service.pid))
    entry = next((known.startable[item.binary] for item in below if item.binary in known.startable), None)
    entry = entry or known.startable.get(seen.service.name) or known.main.get(seen.service.name)
    if entry is None:
        return None
    app = known.app_of[entry.name]
    if app in ROUTER_CANNOT_RESTART and seen.runtime.name == ROUTER:
        return None
    programs = tuple(item for item in below if known.app_of.get(item.binary) == app)  # a supervisor has others' below
    return OwnedService(seen.service, runtime=seen.runtime, app=app, entry=entry, programs=programs)


def _rank(item: tuple[str, InstalledArtifact]) -> tuple[int, str]:
    _, entry = item
    return _ORDER.index(entry.kind) if entry.kind in _ORDER else len(_ORDER), entry.name

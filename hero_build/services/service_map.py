"""Which service of which supervisor runs which installed program.

A service may have any name, so its process tree decides: of the root's startable programs in it, the one nearest to
the supervisor (which may start it through a shell). Only without such a program, because the service is down or
another user's, the service's name decides: that of the program, or that of the app.

Services of hero_proc and hero_router under hero_router do not count: hero_router would end with them.
"""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from hero_build.model.installed import Generation, InstalledArtifact, Kind
from hero_build.model.services import SupervisedStatus
from hero_build.services.processes import ProcessTable, RunningProgram
from hero_build.supervisors.protocol import ROUTER, ServiceNotDefined, Supervisor
from hero_build.supervisors.rpc import RpcError

ROUTER_CANNOT_RESTART = frozenset({"hero_proc", "hero_router"})
_ORDER: tuple[Kind, ...] = ("server", "admin", "web")


class SupervisedService(Struct, frozen=True):
    """A service and its supervisor."""

    service: SupervisedStatus
    supervisor: Supervisor


class OwnedService(Struct, frozen=True):
    """A service of an installed app; `programs` are the app's own in its process tree, the nearest first."""

    service: SupervisedStatus
    supervisor: Supervisor
    app: str
    entry: InstalledArtifact
    programs: tuple[RunningProgram, ...]


class ProgramOwners(Struct, frozen=True):
    """The apps and the startable artifacts of a generation by program name, and each app's main artifact."""

    app_of: Mapping[str, str]
    startable: Mapping[str, InstalledArtifact]
    main: Mapping[str, InstalledArtifact]


def program_owners(generation: Generation) -> ProgramOwners:
    entries = [(part.app, entry) for part, record in generation.records.items() for entry in record.entries]
    binaries = [(app, entry) for app, entry in entries if entry.artifact == "binary"]
    daemons = sorted(((app, entry) for app, entry in binaries if entry.startable), key=_rank)
    return ProgramOwners(
        {entry.name: app for app, entry in binaries},
        {entry.name: entry for _, entry in daemons},
        dict(reversed(daemons)),  # of several, the first
    )


def list_services(supervisors: Sequence[Supervisor]) -> tuple[SupervisedService, ...]:
    """The services of all supervisors. Of two with one process (or, when down, one name) only the preferred
    supervisor's. Raises RuntimeUnreachable, BadRuntimeResponse.
    """
    services = [SupervisedService(status, supervisor) for supervisor in supervisors for status in _statuses(supervisor)]
    unique: list[SupervisedService] = []
    for item in sorted(services, key=lambda item: item.service.pid == 0):
        pids = {other.service.pid for other in unique}
        names = {other.service.name for other in unique}
        if item.service.pid not in pids if item.service.pid else item.service.name not in names:
            unique.append(item)
    return tuple(unique)


def owned_services(
    services: Sequence[SupervisedService], owners: ProgramOwners, processes: ProcessTable
) -> tuple[OwnedService, ...]:
    """The services of installed apps, servers before their clients."""
    owned = [item for service in services if (item := _owned_service(service, owners, processes)) is not None]
    return tuple(sorted(owned, key=lambda item: _rank((item.app, item.entry))))


def _statuses(supervisor: Supervisor) -> Iterator[SupervisedStatus]:
    for name in supervisor.services():
        try:
            yield supervisor.status(name)
        except (RpcError, ServiceNotDefined):
            continue  # removed since the list


def _owned_service(item: SupervisedService, owners: ProgramOwners, processes: ProcessTable) -> OwnedService | None:
    programs = tuple(processes.descendants(item.service.pid))
    entry = next((owners.startable[program.binary] for program in programs if program.binary in owners.startable), None)
    entry = entry or owners.startable.get(item.service.name) or owners.main.get(item.service.name)
    if entry is None:
        return None
    app = owners.app_of[entry.name]
    if app in ROUTER_CANNOT_RESTART and item.supervisor.name == ROUTER:
        return None
    own = tuple(program for program in programs if owners.app_of.get(program.binary) == app)
    return OwnedService(item.service, supervisor=item.supervisor, app=app, entry=entry, programs=own)


def _rank(item: tuple[str, InstalledArtifact]) -> tuple[int, str]:
    _, entry = item
    return _ORDER.index(entry.kind) if entry.kind in _ORDER else len(_ORDER), entry.name

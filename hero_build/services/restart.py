"""Restarting services, so that they run the installed programs and are healthy.

A service that does not come up is reported and left as it is; the others are restarted all the same.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from hero_build.errors import HeroBuildError, RuntimeFailed, RuntimeUnreachable
from hero_build.events import Emit, Restarting
from hero_build.install.layout import Root
from hero_build.model.artifacts import Binary
from hero_build.model.installed import Generation, InstalledArtifact
from hero_build.model.services import SupervisedStatus
from hero_build.recipe import Recipe
from hero_build.services import health, processes, restart_service
from hero_build.services.processes import ProcessTable, RunningProgram
from hero_build.services.restart_service import RestartContext, RestartTarget
from hero_build.services.selection import RestartRequest, needs_restart, started_before
from hero_build.services.service_map import (
    ROUTER_CANNOT_RESTART,
    OwnedService,
    ProgramOwners,
    SupervisedService,
    list_services,
    owned_services,
    program_owners,
)
from hero_build.supervisors.protocol import Supervisor, Timeouts


class Restarted(Struct, frozen=True):
    """A service that is up again; `app` is empty for a service of no installed app."""

    app: str
    service: str
    seconds: float
    old_pid: int
    new_pid: int
    tries: int = 1


class NotRunning(Struct, frozen=True):
    """An app named on the command line that has nothing to restart; `why` is a sentence."""

    app: str
    why: str


class NotRestarted(Struct, frozen=True):
    """A service that is not healthy, or does not run as installed. The error's code is 9."""

    app: str
    service: str
    error: HeroBuildError


Outcome = Restarted | NotRunning | NotRestarted
Restart = Callable[[RestartTarget, RestartContext], tuple[SupervisedStatus, int]]


def default_sockets(app: str, entry: InstalledArtifact) -> tuple[str, ...]:
    """The sockets of an app whose recipe is gone, or defines no `health` of its own."""
    return Recipe().health(app, Binary(entry.name, entry.kind or "cli"))


class RestartSite(Struct, frozen=True):
    """Where the services run: the root and its `generation`, the folder of their sockets (HERO_SOCKET_DIR), and a
    function for the names of an app's sockets in it (the recipe's `health`).
    """

    root: Root
    generation: Generation
    folder: Path
    sockets: Callable[[str, InstalledArtifact], tuple[str, ...]] = default_sockets


def restart(
    requests: Sequence[RestartRequest],
    supervisors: Sequence[Supervisor],
    site: RestartSite,
    timeouts: Timeouts,
    emit: Emit,
) -> tuple[Outcome, ...]:
    """Restart what the requests name, app by app in their order; a service that already runs as requested has no
    outcome.

    A supervisor that stops a service also stops its dependents, and may leave them down (zinit does): what ran before
    and is stopped afterwards is started again. Raises RuntimeUnreachable, BadRuntimeResponse while it lists the
    services; a failure of one service is its outcome.
    """
    owners, services = program_owners(site.generation), list_services(supervisors)
    table = processes.process_table(site.root)
    targets = {item: _target(item, owners, site) for item in owned_services(services, owners, table)}
    context, outcomes = RestartContext(site.root, timeouts, emit), list[Outcome]()
    for request in requests:
        own = {item: target for item, target in targets.items() if item.app == request.app}
        outcomes += _restart_app(request, own, context)
        unsupervised = [*_unsupervised(request, services=[*own], owners=owners, table=table)]
        outcomes += unsupervised
        if request.always and not (own or unsupervised):
            outcomes.append(NotRunning(request.app, "nothing of it runs, and no supervisor has a service of it"))
    if any(isinstance(item, Restarted | NotRestarted) for item in outcomes):
        outcomes += _start_stopped(_running(services, [*targets.values()]), outcomes, context)
    return tuple(outcomes)


def healthy_names(
    supervisors: Sequence[Supervisor], site: RestartSite, *, excluded: Collection[str], seconds: float
) -> dict[str, bool]:
    """The services of installed apps that run and are healthy, without the `excluded` apps, and whether each listens:
    one that listens nowhere is healthy while it runs. Raises RuntimeUnreachable, BadRuntimeResponse.
    """
    if not supervisors:
        return {}
    owners, table = program_owners(site.generation), processes.process_table(site.root)
    targets = [_target(item, owners, site) for item in owned_services(list_services(supervisors), owners, table)]
    chosen = [item for item in targets if item.app not in excluded and item.service.is_running]
    return {
        item.service.name: item.was_listening
        for item in chosen
        if not item.was_listening or health.check_health(item.sockets, seconds).healthy
    }


def _restart_app(
    request: RestartRequest, own: dict[OwnedService, RestartTarget], context: RestartContext
) -> Iterator[Outcome]:
    for item, target in own.items():
        if needs_restart(item, request):
            yield _run(target, context, restart_service.restart_or_reset)


def _running(services: Sequence[SupervisedService], targets: Sequence[RestartTarget]) -> Iterator[RestartTarget]:
    """The services that ran before, of installed apps or not."""
    by_status = {target.service: target for target in targets}
    for item in services:
        if item.service.is_running:
            yield by_status.get(item.service, RestartTarget("", item.service, item.supervisor))


def _start_stopped(
    targets: Iterator[RestartTarget], outcomes: Sequence[Outcome], context: RestartContext
) -> Iterator[Outcome]:
    """Start what ran before and is stopped now, except what could not be restarted."""
    failed = {item.service for item in outcomes if isinstance(item, NotRestarted)}
    for target in targets:
        if target.service.name not in failed and _has_stopped(target, context):
            yield _run(target, context, restart_service.start)


def _has_stopped(target: RestartTarget, context: RestartContext) -> bool:
    try:
        return restart_service.wait_until_stable(target, context.timeouts).is_stopped
    except RuntimeFailed:
        return False  # the service or its supervisor is gone: another outcome reports it


def _run(target: RestartTarget, context: RestartContext, work: Restart) -> Restarted | NotRestarted:
    started, name = time.monotonic(), target.service.name
    try:
        status, tries = work(target, context)
    except RuntimeFailed as error:
        context.emit(Restarting(name, "down"))
        return NotRestarted(target.app, name, error)
    context.emit(Restarting(name, "up"))
    return Restarted(
        target.app,
        service=name,
        seconds=time.monotonic() - started,
        old_pid=target.service.pid,
        new_pid=status.pid,
        tries=tries,
    )


def _target(item: OwnedService, owners: ProgramOwners, site: RestartSite) -> RestartTarget:
    """Checks now whether the service listens: only then it must listen after the restart."""
    sockets = tuple(site.folder / name for name in site.sockets(item.app, item.entry))
    binaries = [name for name, app in owners.app_of.items() if app == item.app] if item.programs else []
    return RestartTarget(
        item.app,
        service=item.service,
        supervisor=item.supervisor,
        sockets=sockets,
        was_listening=health.is_listening(sockets),
        binaries=frozenset(binaries),
    )


def _unsupervised(
    request: RestartRequest, services: Sequence[OwnedService], owners: ProgramOwners, table: ProcessTable
) -> Iterator[NotRestarted]:
    """Running programs of the app that need a restart and that no supervisor can restart."""
    supervised = {program.pid for item in services for program in item.programs}
    for program in table.programs.values():
        daemon = program.binary in owners.startable and owners.app_of[program.binary] == request.app
        needed = request.always or program.state == "old" or started_before(program.pid, request)
        if daemon and needed and program.pid not in supervised:
            yield NotRestarted(request.app, program.binary, _unsupervised_error(request.app, program))


def _unsupervised_error(app: str, program: RunningProgram) -> RuntimeFailed:
    process = f"{program.binary} (process {program.pid})"
    if app in ROUTER_CANNOT_RESTART:
        reason = f"{process} is not restarted through hero_router, which would end with it, and zinit does not run it"
        return RuntimeUnreachable(reason, f"Restart {app} the way it was started, or let zinit run it.")
    return RuntimeFailed(f"{process} runs, but no supervisor runs it", "Restart it the way it was started.")

"""Restarting what runs, so that it is what is installed, and well.

A service that does not come up is told and left as it is; the others are restarted all the same.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from hero_build.errors import HeroBuildError, RuntimeFailed, RuntimeUnreachable
from hero_build.events import Emit, Restarting
from hero_build.install.layout import Root
from hero_build.model.artifacts import Binary
from hero_build.model.installed import Generation, InstalledArtifact
from hero_build.recipe import Recipe
from hero_build.runtime import health, processes, restart_service
from hero_build.runtime.processes import ProcessTable, RunningProgram
from hero_build.runtime.protocol import ServiceStatus, Supervisor, Timeouts
from hero_build.runtime.restart_service import RestartContext, RestartTarget
from hero_build.runtime.selection import RestartRequest, needs_restart, started_before
from hero_build.runtime.service_map import (
    ROUTER_CANNOT_RESTART,
    OwnedService,
    ProgramOwners,
    list_services,
    owned_services,
    program_owners,
)


class Restarted(Struct, frozen=True):
    """A service that is up again, after so many seconds and attempts; `app` is empty for one of no installed app."""

    app: str
    service: str
    seconds: float
    old_pid: int
    new_pid: int
    tries: int = 1


class NotRunning(Struct, frozen=True):
    """Nothing to restart of what was asked for by name; `why` is a sentence."""

    app: str
    why: str


class NotRestarted(Struct, frozen=True):
    """What should run as installed and does not, or is not well. The error's code is 9."""

    app: str
    service: str
    error: HeroBuildError


Outcome = Restarted | NotRunning | NotRestarted


def default_sockets(app: str, entry: InstalledArtifact) -> tuple[str, ...]:
    """The sockets of an app whose recipe is gone, or says nothing of its own."""
    return Recipe().health(app, Binary(entry.name, entry.kind or "cli"))


class RestartSite(Struct, frozen=True):
    """Where the services run: the root and its `generation`, the folder of their sockets (HERO_SOCKET_DIR), and what
    tells the names of an app's sockets in it (the recipe's `health`)."""

    root: Root
    generation: Generation
    folder: Path
    sockets: Callable[[str, InstalledArtifact], tuple[str, ...]] = default_sockets


def restart(
    wants: Sequence[RestartRequest], runtimes: Sequence[Supervisor], site: RestartSite, timeouts: Timeouts, emit: Emit
) -> tuple[Outcome, ...]:
    """Restart what is wanted, app by app in that order; what runs as wanted already has no outcome.

    A supervisor that stops a service stops what depends on it, and may leave that down (zinit does): what ran before
    and rests afterwards is started again. What goes wrong with one service is its outcome.

    Raises RuntimeUnreachable, BadRuntimeResponse while it lists the services.
    """
    known, seen, table = program_owners(site.generation), list_services(runtimes), processes.process_table(site.root)
    cases = {item: _target(item, known, site) for item in owned_services(seen, known, table)}
    care, outcomes = RestartContext(site.root, timeouts, emit), list[Outcome]()
    for want in wants:
        mine = [item for item in cases if item.app == want.app]
        outcomes += [
            _run(cases[item], care, restart_service.restart_or_reset) for item in mine if needs_restart(item, want)
        ]
        loose = [*_unsupervised(want, mine=mine, known=known, table=table)]
        outcomes += loose
        if want.always and not (mine or loose):
            outcomes.append(NotRunning(want.app, "nothing of it runs, and no supervisor holds a service of it"))
    if any(isinstance(item, Restarted | NotRestarted) for item in outcomes):
        ours = {case.service: case for case in cases.values()}
        ran = [
            ours.get(one.service, RestartTarget("", one.service, one.runtime)) for one in seen if one.service.is_running
        ]
        outcomes += _start_stopped(ran, outcomes, care)
    return tuple(outcomes)


def _start_stopped(
    ran: Sequence[RestartTarget], outcomes: Sequence[Outcome], restart: RestartContext
) -> Iterator[Outcome]:
    """Start what ran before and rests now, but for what could not be restarted."""
    failed = {item.service for item in outcomes if isinstance(item, NotRestarted)}
    for case in ran:
        if case.service.name not in failed and _has_stopped(case, restart):
            yield _run(case, restart, restart_service.start)


def _has_stopped(target: RestartTarget, restart: RestartContext) -> bool:
    try:
        return restart_service.wait_until_stable(target, restart.timeouts).is_stopped
    except RuntimeFailed:
        return False  # it is gone, or its supervisor is, and then another outcome says so


def _run(
    target: RestartTarget,
    restart: RestartContext,
    work: Callable[[RestartTarget, RestartContext], tuple[ServiceStatus, int]],
) -> Restarted | NotRestarted:
    """What came of it, as a value."""
    began, name = time.monotonic(), target.service.name
    try:
        now, tries = work(target, restart)
    except RuntimeFailed as error:
        restart.emit(Restarting(name, "down"))
        return NotRestarted(target.app, name, error)
    restart.emit(Restarting(name, "up"))
    return Restarted(
        target.app,
        service=name,
        seconds=time.monotonic() - began,
        old_pid=target.service.pid,
        new_pid=now.pid,
        tries=tries,
    )


def _target(item: OwnedService, known: ProgramOwners, site: RestartSite) -> RestartTarget:
    """The check before: whether anybody listens on its sockets now tells what may be asked of it afterwards."""
    sockets = tuple(site.folder / name for name in site.sockets(item.app, item.entry))
    own = [name for name, app in known.app_of.items() if app == item.app] if item.programs else []
    return RestartTarget(
        item.app,
        service=item.service,
        runtime=item.runtime,
        sockets=sockets,
        was_listening=health.is_listening(sockets),
        binaries=frozenset(own),
    )


def _unsupervised(
    request: RestartRequest, mine: Sequence[OwnedService], known: ProgramOwners, table: ProcessTable
) -> Iterator[NotRestarted]:
    """Programs of the app that run and are no supervisor's to restart."""
    inside = {program.pid for item in mine for program in item.programs}
    for program in table.programs.values():
        daemon = program.binary in known.startable and known.app_of[program.binary] == request.app
        called = request.always or program.state == "old" or started_before(program.pid, request)
        if daemon and called and program.pid not in inside:
            yield NotRestarted(request.app, program.binary, _unsupervised_error(request.app, program))


def _unsupervised_error(app: str, program: RunningProgram) -> RuntimeFailed:
    who = f"{program.binary} (process {program.pid})"
    if app in ROUTER_CANNOT_RESTART:
        reason = f"{who} is not restarted through hero_router, which would end with it, and zinit does not hold it"
        return RuntimeUnreachable(reason, f"Restart {app} the way it was started, or let zinit hold it.")
    return RuntimeFailed(f"{who} runs, but no supervisor holds it", "Restart it the way it was started.")

"""Stop all services of apps whose files go: what `start` started, and what zinit and hero_router run by themselves."""

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress

from msgspec import Struct

from hero_build.errors import HeroBuildError, NotHealthy, RuntimeFailed
from hero_build.install.layout import Root
from hero_build.model.installed import Generation
from hero_build.model.steps import Failed
from hero_build.ops.services import ServiceOutcomes, restart_names, stop_targets
from hero_build.services.processes import process_table, running_programs
from hero_build.services.reclaim import wait_for
from hero_build.services.records import recorded_services
from hero_build.services.service_map import OwnedService, list_services, owned_services, program_owners
from hero_build.services.service_run import ServiceFailed, ServiceOutcome, ServiceRun, ServiceStopped
from hero_build.services.targets import ServiceTarget
from hero_build.supervisors.protocol import Supervisor, stop_timeout


class RunningServices(Struct, frozen=True):
    """The names of services that `start` started, and app and name of those that it did not."""

    started: tuple[str, ...] = ()
    others: tuple[tuple[str, str], ...] = ()


class StoppedApps(Struct, frozen=True):
    """What became of services that `start` had started, and of the `others`, which are `foreign`."""

    own: ServiceOutcomes = ServiceOutcomes()
    others: ServiceOutcomes = ServiceOutcomes()
    foreign: tuple[OwnedService, ...] = ()

    @property
    def outcomes(self) -> ServiceOutcomes:
        return ServiceOutcomes((*self.own.outcomes, *self.others.outcomes))

    @property
    def failed(self) -> tuple[Failed, ...]:
        return self.outcomes.failed

    @property
    def stay(self) -> frozenset[str]:
        """The apps of which a service does not stop."""
        return frozenset(item.app for item in self.failed)

    def ran(self, *, staying: bool) -> RunningServices:
        """What ran and is stopped, of the apps that stay, or of the others."""
        own = [item.name for item in self.own.stopped if item.pid_before and (item.app in self.stay) == staying]
        others = [(item.app, item.name) for item in self.others.stopped if (item.app in self.stay) == staying]
        return RunningServices(tuple(own), tuple(others))


def stop_apps(apps: Collection[str], run: ServiceRun) -> StoppedApps:
    """Raises RootDamaged."""
    recorded = sorted({record.app for record in recorded_services(run.site.root)}.intersection(apps))
    own = stop_targets([ServiceTarget(app) for app in recorded], run) if recorded else ServiceOutcomes()
    foreign = running_foreign(apps, run)
    return StoppedApps(own, ServiceOutcomes(tuple(_stop_all(foreign, run))), foreign)


def start_stopped(stopped: StoppedApps, run: ServiceRun) -> None:
    """Start again what was stopped, since its files stay. Raises nothing: the error that keeps them is on its way."""
    names = {item.name for item in stopped.others.stopped}
    with suppress(HeroBuildError):
        restart_names([item.name for item in stopped.own.stopped if item.pid_before], run)
        for item in stopped.foreign:
            if item.service.name in names:
                item.supervisor.start(item.service.name)


def running_foreign(apps: Collection[str], run: ServiceRun) -> tuple[OwnedService, ...]:
    """The services of these apps that a supervisor runs and `start` did not start, servers before their clients."""
    if not runs_program(apps, run.site.root, run.site.generation):
        return ()
    recorded = {record.name for record in recorded_services(run.site.root)}
    listed = list_services([item for item in (run.supervisor, *run.others) if _answers(item)])
    owned = owned_services(listed, program_owners(run.site.generation), process_table(run.site.root))
    chosen = (item for item in owned if item.app in apps and item.service.is_running)
    return tuple(item for item in chosen if item.service.name not in recorded)


def something_runs(apps: Collection[str], root: Root, generation: Generation) -> bool:
    """Whether a service of these apps is recorded, or a program of theirs runs."""
    return any(record.app in apps for record in recorded_services(root)) or runs_program(apps, root, generation)


def runs_program(apps: Collection[str], root: Root, generation: Generation) -> bool:
    """Whether a program of these apps runs, no matter who started it."""
    parts = (record for part, record in generation.records.items() if part.app in apps)
    names = {entry.name for record in parts for entry in record.entries if entry.startable}
    return bool(names) and any(program.binary in names for program in running_programs(root))


def _stop_all(services: Sequence[OwnedService], run: ServiceRun) -> Iterator[ServiceOutcome]:
    """Through the supervisors that have them, clients first."""
    for item in reversed(services):
        started = time.monotonic()
        try:
            _stop(item, run)
        except HeroBuildError as error:
            yield ServiceFailed(item.app, item.service.name, error)
        else:
            seconds = time.monotonic() - started
            yield ServiceStopped(item.app, item.service.name, seconds, pid_before=item.service.pid)


def _stop(item: OwnedService, run: ServiceRun) -> None:
    """Returns once it has ended. Raises RuntimeFailed."""
    name = item.service.name
    limit = stop_timeout(item.supervisor, name)
    run.step(name, "stop", item.app, limit=limit)
    item.supervisor.stop(name)
    if not wait_for(lambda: item.supervisor.status(name).is_stopped, limit + run.timeouts.change, run.timeouts.poll):
        hint = f"End it in {item.supervisor.name}, which runs it, then run this again."
        raise NotHealthy(f"{name} does not stop", hint)


def _answers(supervisor: Supervisor) -> bool:
    """One that does not has no service that could be stopped; what runs on is named at the end."""
    try:
        list_services([supervisor])
    except RuntimeFailed:
        return False
    return True

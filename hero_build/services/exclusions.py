"""Apps that cannot run at the same time, since they bind the same sockets: `excludes` of their recipes."""

from collections.abc import Iterator, Sequence

from hero_build.catalog.loader import Catalog
from hero_build.errors import HeroBuildError, ServiceConflict
from hero_build.services import processes
from hero_build.services.records import recorded_services
from hero_build.services.service_run import PlannedService, ServiceRun
from hero_build.services.start_service import status_of


def require_compatible(items: Sequence[PlannedService], run: ServiceRun) -> None:
    """No app may start beside one that excludes it, or that it excludes. Raises ServiceConflict."""
    starting = tuple(dict.fromkeys(item.app for item in items))
    running = running_apps(run)
    for app, other in _pairs(starting, (*starting, *sorted(running)), run.site.catalog):
        if other in running:
            reason = f"{app} cannot run beside {other}, which runs: they bind the same sockets"
            raise ServiceConflict(reason, f"`hero-build stop {other}` first.")
        raise ServiceConflict(
            f"{app} and {other} cannot run together: they bind the same sockets", "Start one of them."
        )


def running_apps(run: ServiceRun) -> frozenset[str]:
    """The apps of which a program runs, held by a supervisor or not."""
    parts = run.site.generation.records.items()
    owners = {entry.name: part.app for part, record in parts for entry in record.entries if entry.startable}
    programs = {owners[item.binary] for item in processes.running_programs(run.site.root) if item.binary in owners}
    recorded = {item.app for item in recorded_services(run.site.root) if status_of(item.name, run).pid}
    return frozenset(programs | recorded)


def _pairs(starting: Sequence[str], others: Sequence[str], catalog: Catalog) -> Iterator[tuple[str, str]]:
    for app in starting:
        for other in dict.fromkeys(others):
            if other != app and (other in _excludes(app, catalog) or app in _excludes(other, catalog)):
                yield app, other


def _excludes(app: str, catalog: Catalog) -> tuple[str, ...]:
    try:
        return catalog.get(app).recipe.excludes
    except HeroBuildError:  # an app that runs and whose recipe is broken or gone
        return ()

"""`start`, `stop` and `restart`: select the services, then start or stop them in order."""

from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hero_build.errors import HeroBuildError
from hero_build.events import WarningRaised
from hero_build.model.installed import PartId
from hero_build.model.steps import Failed
from hero_build.services import overview, stack, targets
from hero_build.services.definitions import AppServices, app_services
from hero_build.services.exclusions import require_compatible, running_apps
from hero_build.services.overview import ServiceRow
from hero_build.services.records import recorded_services, wanted
from hero_build.services.selection import RestartRequest, started_before
from hero_build.services.service_run import (
    ServiceFailed,
    ServiceOutcome,
    ServiceRun,
    ServiceStopped,
    ServiceUp,
)
from hero_build.services.targets import ServiceTarget
from hero_build.supervisors.choice import LINGER, ends_with_session


class ServiceOutcomes(Struct, frozen=True):
    """What a start or a stop did, in its order."""

    outcomes: tuple[ServiceOutcome, ...] = ()

    @property
    def up(self) -> tuple[ServiceUp, ...]:
        return tuple(item for item in self.outcomes if isinstance(item, ServiceUp))

    @property
    def stopped(self) -> tuple[ServiceStopped, ...]:
        return tuple(item for item in self.outcomes if isinstance(item, ServiceStopped))

    @property
    def failed(self) -> tuple[Failed, ...]:
        failures = (item for item in self.outcomes if isinstance(item, ServiceFailed))
        return tuple(Failed(item.app, None, item.error) for item in failures)

    @property
    def apps(self) -> frozenset[str]:
        return frozenset(item.app for item in self.outcomes)


def start_services(names: Sequence[str], run: ServiceRun, *, reset: bool = False) -> ServiceOutcomes:
    """`start APP…`: those that run and are healthy are left alone. `reset`: also what is flapping.

    Raises AppNotFound, NotFound, UsageError, RecipeError, ServiceConflict, RuntimeUnreachable.
    """
    return _start(targets.expand(names, run.site), replace(run, reset=reset))


def restart_targets(selected: Sequence[ServiceTarget], run: ServiceRun) -> ServiceOutcomes:
    """All services of the targets, also those that do not run. Raises as `start_services`."""
    return _start(selected, replace(run, reset=True, fresh=True))


def restart_outdated(requests: Sequence[RestartRequest], run: ServiceRun) -> ServiceOutcomes:
    """What should run and does not run as installed: an older program, none, or one from before files that it read."""
    state = overview.known(run.site.root, run.site.generation, run.supervisor)
    rows = overview.rows([request.app for request in requests], state)
    outdated = [row.name for request in requests for row in rows[request.app] if _is_outdated(row, request)]
    return restart_names(outdated, run)


def restart_started(apps: Sequence[str], run: ServiceRun) -> ServiceOutcomes:
    """Restart the services of these apps that should run and do."""
    rows = overview.rows(apps, overview.known(run.site.root, run.site.generation, run.supervisor)) if apps else {}
    running = [row.name for app in apps for row in rows[app] if row.wanted == "running" and row.pid]
    return restart_names(running, run)


def restart_names(names: Collection[str], run: ServiceRun) -> ServiceOutcomes:
    """Restart services by their names: those that were started here, and are still defined."""
    records = [record for record in recorded_services(run.site.root) if record.name in names]
    pairs = dict.fromkeys((record.app, record.instance) for record in records)
    owners = [app_services(app, instance, run.site) for app, instance in pairs]
    items = [item for item in stack.plan(owners) if item.name in names]
    return ServiceOutcomes(stack.start_all(items, replace(run, reset=True, fresh=True)))


def stop_services(names: Sequence[str], run: ServiceRun) -> ServiceOutcomes:
    """`stop APP…`: in the reverse of the start order. Raises AppNotFound, NotFound, UsageError, RuntimeUnreachable."""
    return stop_targets(targets.expand_whole(names, run.site), run)


def stop_targets(selected: Sequence[ServiceTarget], run: ServiceRun) -> ServiceOutcomes:
    """As `stop_services`; also what was started of apps that are not installed any more."""
    return ServiceOutcomes(stack.stop_all(_stop_order(selected, run), run))


def stop_names(names: Collection[str], run: ServiceRun) -> ServiceOutcomes:
    """Stop services by their names, all at once."""
    level = [(item.app, item.name) for item in recorded_services(run.site.root) if item.name in names]
    return ServiceOutcomes(stack.stop_all([level], run))


def _is_outdated(row: ServiceRow, request: RestartRequest) -> bool:
    return row.wanted == "running" and (not row.pid or row.program == "old" or started_before(row.pid, request))


def _start(selected: Sequence[ServiceTarget], run: ServiceRun) -> ServiceOutcomes:
    owners = tuple(owner for target in selected for owner in targets.select(target, run.site))
    items = stack.plan(owners)
    require_compatible(items, run)
    for warning in (*_missing_needs(owners, run), *_end_of_session(run)):
        run.site.emit(warning)
    return ServiceOutcomes(stack.start_all(items, run))


def _missing_needs(owners: Sequence[AppServices], run: ServiceRun) -> Iterable[WarningRaised]:
    """A need that is neither wanted running nor part of this start: the app starts all the same."""
    starting = {owner.app for owner in owners}
    running = {item.app for item in recorded_services(run.site.root) if wanted(run.site.root, item.name) == "running"}
    running |= running_apps(run)
    for owner in owners:
        for need in owner.loaded.recipe.needs:
            if need not in starting | running:
                installed = PartId(need) in run.site.generation.records
                command = f"hero-build start {need}" if installed else f"hero-build install {need}"
                yield WarningRaised(f"{owner.app} needs {need}, which does not run", f"`{command}`")


def _end_of_session(run: ServiceRun) -> Iterable[WarningRaised]:
    if ends_with_session(run.supervisor):
        yield WarningRaised("services of this user end with the user's last session", LINGER)


def _stop_order(selected: Sequence[ServiceTarget], run: ServiceRun) -> Sequence[Sequence[tuple[str, str]]]:
    """In levels of start order. What was started here is stopped also where its recipe does not define it any more."""
    recorded = [item for item in recorded_services(run.site.root) if any(targets.covers(t, item) for t in selected)]
    ordered: list[list[tuple[str, str]]] = []
    try:
        owners = [owner for target in selected for owner in targets.select(target, run.site, secrets=False)]
        ordered = [[(item.app, item.name) for item in level] for level in stack.levels(stack.plan(owners))]
    except HeroBuildError:
        if not recorded:
            raise
    known = {name for level in ordered for _, name in level}
    rest = [(item.app, item.name) for item in recorded if item.name not in known]
    return [*ordered, rest]

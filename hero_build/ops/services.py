"""`start`, `stop` and `restart`: select the services, then start or stop them in order."""

import os
from collections.abc import Iterable, Sequence

from msgspec import Struct

from hero_build import manifest
from hero_build.context import Context
from hero_build.errors import HeroBuildError
from hero_build.events import WarningRaised
from hero_build.model.installed import PartId
from hero_build.model.steps import Failed
from hero_build.services import stack, targets
from hero_build.services.definitions import AppServices, ServiceSite
from hero_build.services.exclusions import require_compatible
from hero_build.services.records import ServiceRecord, recorded_services, wanted
from hero_build.services.service_run import (
    ServiceFailed,
    ServiceOutcome,
    ServiceRun,
    ServiceStopped,
    ServiceUp,
)
from hero_build.services.targets import ServiceTarget
from hero_build.supervisors.protocol import timeouts
from hero_build.supervisors.supervisord import Supervisord


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


def service_site(context: Context) -> ServiceSite:
    """Where the services of the context's root are defined."""
    return ServiceSite(
        context.root,
        sockets=context.settings.sockets,
        generation=manifest.load(context.root.path),
        catalog=context.catalog,
        environ=os.environ,
        emit=context.emit,
    )


def service_run(context: Context, *, reset: bool = False, fresh: bool = False) -> ServiceRun:
    """What starts and stops of one command share. Raises RuntimeUnreachable, RootDamaged."""
    limits = timeouts(context.settings)
    supervisor = Supervisord(context.root, limits)
    return ServiceRun(service_site(context), supervisor=supervisor, timeouts=limits, reset=reset, fresh=fresh)


def start_services(names: Sequence[str], context: Context, *, reset: bool = False) -> ServiceOutcomes:
    """`start APP…`: those that run and are healthy are left alone. `reset`: also what is flapping.

    Raises AppNotFound, NotFound, UsageError, RecipeError, ServiceConflict, RuntimeUnreachable.
    """
    return _start(names, service_run(context, reset=reset))


def restart_services(names: Sequence[str], context: Context, *, reset: bool = False) -> ServiceOutcomes:
    """`restart APP…`: all services of the apps, also those that do not run. Raises as `start_services`."""
    return _start(names, service_run(context, reset=reset, fresh=True))


def stop_services(names: Sequence[str], context: Context) -> ServiceOutcomes:
    """`stop APP…`: in the reverse of the start order. Raises AppNotFound, NotFound, UsageError, RuntimeUnreachable."""
    run = service_run(context)
    selected = targets.expand(names, run.site)
    return ServiceOutcomes(stack.stop_all(_stop_order(selected, run), run))


def _start(names: Sequence[str], run: ServiceRun) -> ServiceOutcomes:
    selected = targets.expand(names, run.site)
    owners = tuple(owner for target in selected for owner in targets.select(target, run.site))
    items = stack.plan(owners)
    require_compatible(items, run)
    for warning in _missing_needs(owners, run):
        run.site.emit(warning)
    return ServiceOutcomes(stack.start_all(items, run))


def _missing_needs(owners: Sequence[AppServices], run: ServiceRun) -> Iterable[WarningRaised]:
    """A need that is neither wanted running nor part of this start: the app starts all the same."""
    starting = {owner.app for owner in owners}
    running = {item.app for item in recorded_services(run.site.root) if wanted(run.site.root, item.name) == "running"}
    for owner in owners:
        for need in owner.loaded.recipe.needs:
            if need not in starting | running:
                installed = PartId(need) in run.site.generation.records
                command = f"hero-build start {need}" if installed else f"hero-build install {need}"
                yield WarningRaised(f"{owner.app} needs {need}, which does not run", f"`{command}`")


def _stop_order(selected: Sequence[ServiceTarget], run: ServiceRun) -> Sequence[Sequence[tuple[str, str]]]:
    """In levels of start order. What was started here is stopped also where its recipe does not define it any more."""
    recorded = [item for item in recorded_services(run.site.root) if any(_covers(t, item) for t in selected)]
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


def _covers(target: ServiceTarget, record: ServiceRecord) -> bool:
    """Whether a target names a recorded service."""
    same = target.app == record.app and target.instance in ("", record.instance)
    return same and target.binary in ("", record.binary, record.name)

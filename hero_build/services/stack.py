"""Starting and stopping several services: in the order of `needs` and `after`, those of one level together."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from msgspec.structs import replace

from hero_build.errors import HeroBuildError, NotHealthy, RecipeError
from hero_build.events import ServiceDone
from hero_build.services.definitions import AppServices
from hero_build.services.service_run import (
    PlannedService,
    ServiceFailed,
    ServiceOutcome,
    ServiceRun,
    ServiceStopped,
    ServiceUp,
)
from hero_build.services.start_service import start_service, stop_service
from hero_build.system.thread_pool import ThreadPool

_TOGETHER = 16
"""Services that start at the same time."""

Level = tuple[PlannedService, ...]


def plan(owners: Sequence[AppServices]) -> tuple[PlannedService, ...]:
    """All services of these apps, each with those of the others that must be healthy before it."""
    items = [_planned(owner, index) for owner in owners for index in range(len(owner.services))]
    return tuple(replace(item, after=tuple(_before(item, items))) for item in items)


def levels(items: Sequence[PlannedService]) -> tuple[Level, ...]:
    """In start order; a level waits for the one before. Raises RecipeError that names a cycle."""
    known = {item.name: item for item in items}
    sorter = TopologicalSorter({item.name: [name for name in item.after if name in known] for item in items})
    try:
        sorter.prepare()
    except CycleError as error:
        cycle = " → ".join(reversed(error.args[1]))
        hint = "Correct `needs` or `after` in one of their recipes."
        raise RecipeError(f"these services wait for each other: {cycle}", hint) from error
    ordered: list[Level] = []
    while ready := sorter.get_ready():
        ordered.append(tuple(item for item in items if item.name in ready))
        sorter.done(*ready)
    return tuple(ordered)


def start_all(items: Sequence[PlannedService], run: ServiceRun) -> tuple[ServiceOutcome, ...]:
    """Start them; one that fails also fails those that wait for it, and not the others. Raises RecipeError."""
    ordered, outcomes = levels(items), dict[str, ServiceOutcome]()

    def start(item: PlannedService) -> ServiceOutcome:
        return _start(item, outcomes, run)

    with ThreadPool(_TOGETHER, thread_name_prefix="start") as pool:
        for level in ordered:
            outcomes.update({outcome.name: outcome for outcome in list(pool.map(start, level))})
    return tuple(outcomes[item.name] for level in ordered for item in level)


def stop_all(ordered: Sequence[Sequence[tuple[str, str]]], run: ServiceRun) -> tuple[ServiceOutcome, ...]:
    """Stop services, given as (app, name) in levels of start order: the last level first."""
    outcomes: list[ServiceOutcome] = []
    with ThreadPool(_TOGETHER, thread_name_prefix="stop") as pool:
        for level in reversed(ordered):
            outcomes += pool.map(lambda item: _stop(item[0], item[1], run), level)
    return tuple(outcomes)


def describe(outcome: ServiceOutcome) -> str:
    """`healthy, 0.4 s`: what a person reads beside the service's name."""
    match outcome:
        case ServiceUp(how="already healthy"):
            return "already healthy"
        case ServiceUp(pid=0, seconds=seconds):
            return f"done, {seconds:.1f} s"
        case ServiceUp(tries=tries, seconds=seconds):
            return f"healthy{' after a reset' if tries > 1 else ''}, {seconds:.1f} s"
        case ServiceStopped(pid_before=0):
            return "already stopped"
        case ServiceStopped(seconds=seconds):
            return f"stopped, {seconds:.1f} s"
        case ServiceFailed(name=name, error=error):
            return error.message.removeprefix(f"{name} ")


def _planned(owner: AppServices, index: int) -> PlannedService:
    helpers = tuple(binary.name for binary in owner.loaded.recipe.binaries if binary.install_only)
    return PlannedService(owner, owner.services[index], helpers)


def _before(item: PlannedService, items: Sequence[PlannedService]) -> Iterator[str]:
    """By the recipe's `needs` (apps) and the service's `after` (apps or services)."""
    names = {*item.owner.loaded.recipe.needs, *item.service.after}
    for other in items:
        if other.name != item.name and (other.name in names or (other.app in names and other.app != item.app)):
            yield other.name


def _start(item: PlannedService, outcomes: Mapping[str, ServiceOutcome], run: ServiceRun) -> ServiceOutcome:
    failed = [name for name in item.after if isinstance(outcomes.get(name), ServiceFailed)]
    if failed:
        reason = f"{item.name} is not started: it needs {', '.join(failed)}, which did not come up"
        error = NotHealthy(reason, f"Then `hero-build start {item.owner.label}`.")
        return _done(ServiceFailed(item.app, item.name, error), run)
    return _done(_outcome(item.app, item.name, lambda: start_service(item, run)), run)


def _stop(app: str, name: str, run: ServiceRun) -> ServiceOutcome:
    return _done(_outcome(app, name, lambda: stop_service(app, name, run)), run)


def _outcome(app: str, name: str, work: Callable[[], ServiceOutcome]) -> ServiceOutcome:
    try:
        return work()
    except HeroBuildError as error:
        return ServiceFailed(app, name, error)


def _done(outcome: ServiceOutcome, run: ServiceRun) -> ServiceOutcome:
    run.site.emit(ServiceDone(outcome.name, not isinstance(outcome, ServiceFailed), describe(outcome)))
    return outcome

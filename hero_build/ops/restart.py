"""Restarting for a command: find the supervisors, restart, and sort the outcomes."""

import os
import time
from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hero_build import manifest
from hero_build.catalog.loader import Catalog, recipe_errors
from hero_build.context import Context
from hero_build.errors import AppNotFound, HeroBuildError, RuntimeUnreachable
from hero_build.model.artifacts import Binary
from hero_build.model.installed import InstalledArtifact
from hero_build.model.steps import Failed
from hero_build.ops import services
from hero_build.ops.services import ServiceOutcomes
from hero_build.services import selection, targets
from hero_build.services.dependents import dependents
from hero_build.services.exclusions import running_apps
from hero_build.services.open_run import open_run
from hero_build.services.records import recorded_services
from hero_build.services.restart import (
    NotRestarted,
    NotRunning,
    Restarted,
    RestartSite,
    default_sockets,
    healthy_names,
    restart,
)
from hero_build.services.selection import RestartRequest
from hero_build.services.service_run import ServiceFailed, ServiceRun, ServiceUp
from hero_build.services.targets import ServiceTarget
from hero_build.supervisors import discover
from hero_build.supervisors.protocol import timeouts


class RestartOutcomes(Struct, frozen=True):
    """What was restarted, the apps with nothing to restart, and the failures (`name` empty: not of one service).

    `services` are the names of those that `start` had started, and that were restarted in the same way; `others` are
    app and name of those that were restarted, or not, through a supervisor that had them before.
    """

    done: tuple[Restarted, ...] = ()
    idle: tuple[NotRunning, ...] = ()
    failures: tuple[ServiceFailed, ...] = ()
    services: tuple[str, ...] = ()
    others: tuple[tuple[str, str], ...] = ()

    @property
    def failed(self) -> tuple[Failed, ...]:
        return tuple(Failed(item.app, None, item.error) for item in self.failures)

    @property
    def touched(self) -> frozenset[str]:
        """The apps of which a service was restarted, or which have none."""
        return frozenset((*(item.app for item in self.done), *(item.app for item in self.idle)))

    def with_failures(self, failures: Sequence[ServiceFailed]) -> "RestartOutcomes":
        """These, with failures that are not among them yet."""
        return replace(self, failures=(*self.failures, *(item for item in failures if item not in self.failures)))

    def and_then(self, later: "RestartOutcomes") -> "RestartOutcomes":
        """These, and what was done after them."""
        return RestartOutcomes(
            (*self.done, *later.done),
            idle=(*self.idle, *later.idle),
            failures=(*self.failures, *later.failures),
            services=(*self.services, *later.services),
            others=(*self.others, *later.others),
        )


def restart_apps(names: Sequence[str], context: Context) -> RestartOutcomes:
    """`restart APP…`: all their services, also those that do not run. What `start` started restarts as it starts; what
    hero_router or zinit runs, through them. Raises RuntimeFailed, RootDamaged, AppNotFound, NotFound, UsageError.
    """
    run = open_run(context.settings, context.catalog, context.emit)
    selected = targets.expand(names, run.site)
    installed = {part.app for part in run.site.generation.records}
    for target in selected:
        if target.app not in installed:
            raise AppNotFound(f"{target.app} is not installed", f"`hero-build install {target.app}` first.")
    own = [target for target in selected if _is_own(target, run)]
    others = [target.app for target in selected if target not in own]
    started = _by_start(services.restart_targets(own, run)) if own else RestartOutcomes()
    return started.and_then(_through_others(others, context))


def _through_others(apps: Sequence[str], context: Context) -> RestartOutcomes:
    """Restart what `start` did not start."""
    if not apps:
        return RestartOutcomes()
    try:
        return _restart(selection.all_services(apps), context)
    except RuntimeUnreachable as error:
        hint = f"{error.hint} `hero-build start {apps[0]}` needs neither."
        raise RuntimeUnreachable(error.message, hint) from error


def restart_changed(apps: Sequence[str], context: Context) -> RestartOutcomes:
    """`--restart` after an install of these: services that do not run as installed, then those of running apps that
    need what was restarted. Never undoes the install.
    """
    run = open_run(context.settings, context.catalog, context.emit)
    recorded = {record.app for record in recorded_services(run.site.root)}
    requests = _requests(apps, context)
    others = [item for item in requests if item.app not in recorded]
    outcomes = RestartOutcomes()
    try:
        outcomes = _by_start(services.restart_outdated([item for item in requests if item.app in recorded], run))
        outcomes = outcomes.and_then(_restart(others, context)) if others else outcomes
        return outcomes.and_then(_restart_dependents(outcomes, run, context))
    except HeroBuildError as error:
        failure = ServiceFailed(apps[0] if len(apps) == 1 else "", "", error)
        return outcomes.and_then(RestartOutcomes(failures=(failure,)))


def _restart_dependents(before: RestartOutcomes, run: ServiceRun, context: Context) -> RestartOutcomes:
    """What runs and needs what was restarted, in order; nothing where that did not come up."""
    changed, failed = {item.app for item in before.done}, {item.app for item in before.failures}
    recorded = {record.app for record in recorded_services(run.site.root)}
    apps = [app for app in dependents(changed, running_apps(run), run.site.catalog) if app not in failed]
    own = services.restart_started([app for app in apps if app in recorded], run)
    others = [RestartRequest(app, since=time.time()) for app in apps if app not in recorded]
    return _by_start(own).and_then(_restart(others, context) if others else RestartOutcomes())


def restart_named(names: Sequence[tuple[str, str]], context: Context) -> RestartOutcomes:
    """Restart services by app and name through the supervisors that have them, also what is down. Raises as
    `restart_apps`.
    """
    by_app = {app: tuple(name for other, name in names if other == app) for app, _ in names}
    return _restart([RestartRequest(app, services=own) for app, own in by_app.items()], context)


def healthy_in_supervisors(context: Context, without: Collection[str] = ()) -> dict[str, bool]:
    """The services that hero_router or zinit run, that `start` did not start, and that are healthy, and whether each
    listens; not those of the apps in `without`.
    """
    limits, where = timeouts(context.settings), discover.sockets(context.settings, os.environ)
    excluded = {*without, *(record.app for record in recorded_services(context.root))}
    supervisors = discover.answering(where, limits)
    return healthy_names(supervisors, _site(where, context), excluded=excluded, seconds=limits.call)


def lost_in_supervisors(before: Mapping[str, bool], context: Context) -> set[str]:
    """Those that were healthy before and are not now, or that listened and do not."""
    if not before:
        return set()
    now = healthy_in_supervisors(context)
    return {name for name, listened in before.items() if name not in now or (listened and not now[name])}


def restart_running(apps: Sequence[str], context: Context) -> RestartOutcomes:
    """As `restart_changed`, for apps of which something runs: none of the others needs a supervisor."""
    run = open_run(context.settings, context.catalog, context.emit)
    others = {other for app in apps for other in context.catalog.get(app).recipe.restarts}
    running = running_apps(run) | {item.app for item in recorded_services(run.site.root)}
    active = [app for app in apps if app in running or others & running]
    return restart_changed(active, context) if active else RestartOutcomes()


def _requests(apps: Sequence[str], context: Context) -> tuple[RestartRequest, ...]:
    generation = manifest.load(context.root.path)
    others = {app: context.catalog.get(app).recipe.restarts for app in apps}
    return selection.outdated_services(apps, root=context.root, generation=generation, restarts=others)


def _is_own(target: ServiceTarget, run: ServiceRun) -> bool:
    """Whether `start` started it, or only `start` can."""
    if target.instance or target.binary:
        return True
    return any(targets.covers(target, record) for record in recorded_services(run.site.root))


def _by_start(started: ServiceOutcomes) -> RestartOutcomes:
    """What was restarted by the start contract."""
    return RestartOutcomes(
        tuple(_restarted(item) for item in started.up),
        failures=tuple(item for item in started.outcomes if isinstance(item, ServiceFailed)),
        services=tuple(item.name for item in started.outcomes),
    )


def _restarted(item: ServiceUp) -> Restarted:
    return Restarted(
        item.app,
        service=item.name,
        seconds=item.seconds,
        old_pid=item.pid_before,
        new_pid=item.pid,
        tries=item.tries,
    )


def _restart(requests: Sequence[RestartRequest], context: Context) -> RestartOutcomes:
    where = discover.sockets(context.settings, os.environ)
    limits = timeouts(context.settings)
    supervisors = discover.connect(where, limits, context.emit)
    site = _site(where, context)
    outcomes = restart(requests, supervisors=supervisors, site=site, timeouts=limits, emit=context.emit)
    changed = [item for item in outcomes if isinstance(item, Restarted | NotRestarted)]
    return RestartOutcomes(
        tuple(item for item in outcomes if isinstance(item, Restarted)),
        tuple(item for item in outcomes if isinstance(item, NotRunning)),
        tuple(ServiceFailed(item.app, item.service, item.error) for item in outcomes if isinstance(item, NotRestarted)),
        others=tuple((item.app, item.service) for item in changed),
    )


def _site(where: discover.SupervisorSockets, context: Context) -> RestartSite:
    return RestartSite(
        context.root,
        generation=manifest.load(context.root.path),
        folder=where.services,
        sockets=lambda app, entry: _sockets(app, entry, context.catalog),
    )


def _sockets(app: str, entry: InstalledArtifact, catalog: Catalog) -> tuple[str, ...]:
    """The sockets in the recipe's `health`; a missing or broken recipe does not prevent a restart."""
    try:
        loaded = catalog.get(app)
        binary = next((item for item in loaded.recipe.binaries if item.name == entry.name), None)
        with recipe_errors(loaded.path):
            return loaded.recipe.health(app, binary or Binary(entry.name, entry.kind or "cli"))
    except HeroBuildError:
        return default_sockets(app, entry)

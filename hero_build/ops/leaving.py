"""Apps that a change removes: their services end before their files go.

stop the services ─► commit ─► forget the services; after a rollback those that ran are started again. With `--exact` an
app of which a service does not stop stays installed.
"""

from collections.abc import Collection, Sequence

from hero_build.context import Context
from hero_build.errors import HeroBuildError
from hero_build.events import WarningRaised
from hero_build.install.commit import commit
from hero_build.install.root_lock import LockedRoot
from hero_build.model.decisions import Reason, Remove
from hero_build.model.installed import Generation
from hero_build.model.steps import Change, Drop, Failed
from hero_build.ops import services
from hero_build.ops.install import Plan
from hero_build.ops.restart import restart_named
from hero_build.ops.stop_apps import RunningServices, StoppedApps, running_foreign, stop_apps
from hero_build.ops.uninstall import forget_all
from hero_build.services.open_run import open_run
from hero_build.services.records import recorded_services, wanted


def leaving_parts(generation: Generation, apps: Collection[str]) -> tuple[Remove, ...]:
    """The installed parts of all other apps."""
    why = "the lock file does not have it"
    return tuple(Remove(part, why, Reason.NOT_IN_LOCK) for part in generation.records if part.app not in apps)


def _stop_leaving(leaving: Sequence[Remove], context: Context) -> StoppedApps:
    """Stop the services of apps that leave; of one that stays, those that stopped run again."""
    apps = {item.part.app for item in leaving}
    if not apps:
        return StoppedApps()
    run = open_run(context.settings, context.catalog, context.emit)
    stopped = stop_apps(apps, run)
    start_again(stopped.ran(staying=True), context)
    return stopped


def commit_without(
    held: LockedRoot, changes: Sequence[Change], *, todo: Plan, action: str, context: Context
) -> tuple[Generation, Generation, tuple[Failed, ...]]:
    """Commit the changes and the removal of what leaves, its services stopped first: (before, after, failed)."""
    stopped = _stop_leaving(todo.leaving, context)
    drops = [Drop(item.part) for item in todo.leaving if item.part.app not in stopped.stay]
    try:
        before, after = commit(held, [*changes, *drops], action, lock=todo.lock)
    except HeroBuildError:
        start_again(stopped.ran(staying=False), context)
        raise
    return before, after, stopped.failed


def start_again(ran: RunningServices, context: Context) -> None:
    """Start services whose apps did not leave after all; a failure is a warning."""
    failed: list[Failed] = []
    if ran.started:
        run = open_run(context.settings, context.catalog, context.emit)
        failed += services.restart_names(ran.started, run).failed
    if ran.others:
        failed += restart_named(ran.others, context).failed
    for item in failed:
        context.emit(WarningRaised(f"{item.app} stays installed, and: {item.error.message}", item.error.hint))


def forget_gone(before: Generation, after: Generation, context: Context) -> None:
    """Forget the services of apps that `after` no longer has; a failure is a warning."""
    gone = {part.app for part in before.records} - {part.app for part in after.records}
    if not any(record.app in gone for record in recorded_services(context.root)):
        return
    run = open_run(context.settings, context.catalog, context.emit)
    _, failed = forget_all(sorted(gone), run)
    for item in failed:
        context.emit(WarningRaised(f"a service of {item.app} is left: {item.error.message}", item.error.hint))


def running_services(leaving: Sequence[Remove], context: Context) -> RunningServices:
    """The services of apps that leave that should run, or that a supervisor runs."""
    if not (apps := {item.part.app for item in leaving}):
        return RunningServices()
    records = [record for record in recorded_services(context.root) if record.app in apps]
    own = tuple(record.name for record in records if wanted(context.root, record.name) == "running")
    others = running_foreign(apps, open_run(context.settings, context.catalog, context.emit))
    return RunningServices(own, tuple((item.app, item.service.name) for item in others))

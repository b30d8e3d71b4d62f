"""`--exact`: what a lock file does not have goes in the generation that installs it, its services first.

stop the services ─► commit ─► forget the services; after a rollback those that ran are started again. An app of which a
service does not stop stays installed.
"""

from collections.abc import Collection, Sequence

from msgspec import Struct

from hero_build.context import Context
from hero_build.errors import HeroBuildError
from hero_build.events import WarningRaised
from hero_build.install.commit import commit
from hero_build.install.layout import Root
from hero_build.install.root_lock import LockedRoot
from hero_build.model.decisions import Reason, Remove
from hero_build.model.installed import Generation
from hero_build.model.steps import Drop, Failed, Put
from hero_build.ops import services
from hero_build.ops.install import Plan
from hero_build.ops.uninstall import forget_all
from hero_build.services.open_run import open_run
from hero_build.services.records import recorded_services, wanted
from hero_build.services.targets import ServiceTarget


class StoppedApps(Struct, frozen=True):
    """Of apps that leave: the names of services that ran, the apps of which one does not stop, and why."""

    ran: tuple[str, ...] = ()
    stay: frozenset[str] = frozenset()
    failed: tuple[Failed, ...] = ()


def leaving_parts(generation: Generation, apps: Collection[str]) -> tuple[Remove, ...]:
    """The installed parts of all other apps."""
    why = "the lock file does not have it"
    return tuple(Remove(part, why, Reason.NOT_IN_LOCK) for part in generation.records if part.app not in apps)


def stop_apps(leaving: Sequence[Remove], context: Context) -> StoppedApps:
    """Stop the services of apps that leave; of one that stays, those that stopped run again. Raises RuntimeUnreachable,
    RootDamaged.
    """
    apps = sorted({item.part.app for item in leaving} & {record.app for record in recorded_services(context.root)})
    if not apps:
        return StoppedApps()
    run = open_run(context.settings, context.catalog, context.emit)
    stopped = services.stop_targets([ServiceTarget(app) for app in apps], run)
    stay = frozenset(item.app for item in stopped.failed)
    ran = [item for item in stopped.stopped if item.pid_before]
    start_again([item.name for item in ran if item.app in stay], context)
    return StoppedApps(tuple(item.name for item in ran if item.app not in stay), stay, stopped.failed)


def commit_without(
    held: LockedRoot, changes: Sequence[Put | Drop], *, todo: Plan, action: str, context: Context
) -> tuple[Generation, Generation, tuple[Failed, ...]]:
    """Commit the changes and the removal of what leaves, its services stopped first: (before, after, failed)."""
    stopped = stop_apps(todo.leaving, context)
    drops = [Drop(item.part) for item in todo.leaving if item.part.app not in stopped.stay]
    try:
        before, after = commit(held, [*changes, *drops], action, lock=todo.lock)
    except HeroBuildError:
        start_again(stopped.ran, context)
        raise
    return before, after, stopped.failed


def start_again(names: Collection[str], context: Context) -> None:
    """Start services whose apps did not leave after all; a failure is a warning."""
    if not names:
        return
    run = open_run(context.settings, context.catalog, context.emit)
    for failed in services.restart_names(names, run).failed:
        context.emit(WarningRaised(f"{failed.app} stays installed, and: {failed.error.message}", failed.error.hint))


def forget_gone(before: Generation, after: Generation, context: Context) -> None:
    """Forget the services of apps that `after` no longer has; a failure is a warning."""
    gone = {part.app for part in before.records} - {part.app for part in after.records}
    if not any(record.app in gone for record in recorded_services(context.root)):
        return
    run = open_run(context.settings, context.catalog, context.emit)
    _, failed = forget_all(sorted(gone), run)
    for item in failed:
        context.emit(WarningRaised(f"a service of {item.app} is left: {item.error.message}", item.error.hint))


def running_names(leaving: Sequence[Remove], root: Root) -> tuple[str, ...]:
    """The services of apps that leave that should run."""
    if not (apps := {item.part.app for item in leaving}):
        return ()
    records = [record for record in recorded_services(root) if record.app in apps]
    return tuple(record.name for record in records if wanted(root, record.name) == "running")

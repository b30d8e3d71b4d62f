"""`delete`: stop the services of apps and forget them; with `purge` uninstall the apps, too.

Data, logs, configuration and secrets stay.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from hero_build.errors import UsageError
from hero_build.model.installed import Generation
from hero_build.model.steps import Failed
from hero_build.ops.services import ServiceOutcomes, stop_services
from hero_build.ops.uninstall import forget_service, uninstall
from hero_build.services import targets
from hero_build.services.records import recorded_services
from hero_build.services.service_run import ServiceRun
from hero_build.services.targets import ServiceTarget


class Deleted(Struct, frozen=True):
    """What was stopped, the services that are forgotten, their apps, and the generations of an uninstall (None: there
    was none).
    """

    stopped: ServiceOutcomes
    forgotten: tuple[str, ...]
    failed: tuple[Failed, ...]
    apps: tuple[str, ...] = ()
    uninstalled: tuple[Generation, Generation] | None = None


def delete(names: Sequence[str], run: ServiceRun, *, purge: bool = False, wait: float = 0) -> Deleted:
    """An app of which a service does not stop keeps its services and stays installed. `wait`: for the root's lock.

    Raises AppNotFound, NotFound, UsageError, RuntimeUnreachable, LockHeld, MachineError.
    """
    selected = targets.expand_whole(names, run.site)
    if purge:
        return _purge(selected, run, wait)
    known = [item for item in recorded_services(run.site.root) if any(targets.covers(it, item) for it in selected)]
    apps = {record.app for record in known}
    stopped = stop_services([name for name in names if _has(name, apps, run)], run) if known else ServiceOutcomes()
    down = {item.name for item in stopped.stopped}
    forgotten = tuple(_forget([item.name for item in known if item.name in down], run))
    changed = tuple(sorted({item.app for item in known if item.name in forgotten}))
    return Deleted(stopped, forgotten=forgotten, failed=stopped.failed, apps=changed)


def _purge(selected: Sequence[ServiceTarget], run: ServiceRun, wait: float) -> Deleted:
    if part := next((item for item in selected if item.binary or item.instance), None):
        hint = f"`hero-build delete {part.app} --purge` uninstalls the app; without --purge one service is deleted."
        raise UsageError("only a whole app can be uninstalled", hint)
    result = uninstall([item.app for item in selected], run.site.root, wait=wait, run=lambda: run)
    changed = {part.app for part in result.before.records if part not in result.after.records}
    return Deleted(
        result.stopped,
        forgotten=result.forgotten,
        failed=result.failed,
        apps=tuple(sorted(changed)),
        uninstalled=(result.before, result.after) if changed else None,
    )


def _has(name: str, apps: set[str], run: ServiceRun) -> bool:
    """Whether a name stands for something that was started."""
    return any(target.app in apps for target in targets.expand((name,), run.site))


def _forget(names: Sequence[str], run: ServiceRun) -> Iterator[str]:
    for name in names:
        forget_service(name, run)
        yield name

"""`delete`: stop the services of apps and forget them; with `purge` uninstall the apps, too.

Data, logs, configuration and secrets stay.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from hero_build.errors import UsageError
from hero_build.install.history import uninstall
from hero_build.model.installed import Generation
from hero_build.model.steps import Failed
from hero_build.ops.services import ServiceOutcomes, stop_services
from hero_build.services import targets
from hero_build.services.records import forget_record, locked_service, recorded_services
from hero_build.services.service_run import ServiceRun
from hero_build.services.targets import ServiceTarget


class Deleted(Struct, frozen=True):
    """What was stopped, the services that are forgotten, and the generations of an uninstall (None: there was none)."""

    stopped: ServiceOutcomes
    forgotten: tuple[str, ...]
    failed: tuple[Failed, ...]
    uninstalled: tuple[Generation, Generation] | None = None


def delete(names: Sequence[str], run: ServiceRun, *, purge: bool = False, wait: float = 0) -> Deleted:
    """An app of which a service does not stop keeps its services and stays installed. `wait`: for the root's lock.

    Raises AppNotFound, NotFound, UsageError, RuntimeUnreachable, LockHeld, MachineError.
    """
    root = run.site.root
    selected = targets.expand_whole(names, run.site)
    if purge and (part := next((item for item in selected if item.binary or item.instance), None)):
        hint = f"`hero-build delete {part.app} --purge` uninstalls the app; without --purge one service is deleted."
        raise UsageError("only a whole app can be uninstalled", hint)
    known = [record for record in recorded_services(root) if any(targets.covers(item, record) for item in selected)]
    apps = {record.app for record in known}
    stopped = stop_services([name for name in names if _has(name, apps, run)], run) if known else ServiceOutcomes()
    failed = list(stopped.failed)
    down = {item.name for item in stopped.stopped}
    forgotten = tuple(_forget([item.name for item in known if item.name in down], run))
    gone = _whole_apps(selected, run) - {item.app for item in failed}
    generations = uninstall(root, sorted(gone), wait) if purge and gone else None
    return Deleted(stopped, forgotten=forgotten, failed=tuple(failed), uninstalled=generations)


def _has(name: str, apps: set[str], run: ServiceRun) -> bool:
    """Whether a name stands for something that was started."""
    return any(target.app in apps for target in targets.expand((name,), run.site))


def _forget(names: Sequence[str], run: ServiceRun) -> Iterator[str]:
    root = run.site.root
    for name in names:
        with locked_service(root, name, run.wait):
            run.supervisor.forget(name)
            forget_record(root, name)
        yield name


def _whole_apps(selected: Sequence[ServiceTarget], run: ServiceRun) -> set[str]:
    """Those that are installed, with whatever part."""
    records = run.site.generation.records
    return {item.app for item in selected if any(part.app == item.app for part in records)}

"""`uninstall`: stop the services of apps, remove the apps with all their parts, and forget the services.

An app of which a service does not stop stays installed. Data, logs, configuration and secrets stay. After a kill at any
step the same command goes on: what was stopped stays stopped, an app is wholly there or gone.
"""

from collections.abc import Callable, Sequence

from msgspec import Struct

from hero_build import manifest
from hero_build.errors import HeroBuildError
from hero_build.install import history
from hero_build.install.layout import Root
from hero_build.install.root_lock import locked
from hero_build.model.installed import Generation
from hero_build.model.steps import Failed
from hero_build.ops.services import ServiceOutcomes
from hero_build.ops.stop_apps import something_runs, start_stopped, stop_apps
from hero_build.services.records import forget_record, locked_service, recorded_services
from hero_build.services.service_run import ServiceRun


class Uninstalled(Struct, frozen=True):
    """The generations (equal: nothing was removed), what was stopped, and the services that are forgotten."""

    before: Generation
    after: Generation
    stopped: ServiceOutcomes = ServiceOutcomes()
    forgotten: tuple[str, ...] = ()
    failed: tuple[Failed, ...] = ()


def uninstall(apps: Sequence[str], root: Root, *, wait: float, run: Callable[[], ServiceRun]) -> Uninstalled:
    """Uninstall apps that are installed, or of which a killed command left services. `wait`: for the root's lock;
    `run` is called only if there are services. Raises LockHeld, MachineError, RootDamaged, RuntimeUnreachable.
    """
    if not something_runs(apps, root, manifest.load(root.path)):
        return Uninstalled(*history.uninstall(root, apps, wait))
    with locked(root, wait) as held:
        opened = run()
        stopped = stop_apps(apps, opened)
        gone = [app for app in apps if app not in stopped.stay]
        try:
            before, after = history.uninstall_locked(held, gone)
        except HeroBuildError:
            start_stopped(stopped, opened)
            raise
    forgotten, failed = forget_all(gone, opened)
    return Uninstalled(before, after, stopped=stopped.outcomes, forgotten=forgotten, failed=(*stopped.failed, *failed))


def forget_service(name: str, run: ServiceRun) -> None:
    """Have the supervisor and the root forget a service that is stopped. Raises RuntimeFailed, LockHeld."""
    with locked_service(run.site.root, name, run.wait):
        run.supervisor.forget(name)
        forget_record(run.site.root, name)


def forget_all(apps: Sequence[str], run: ServiceRun) -> tuple[tuple[str, ...], tuple[Failed, ...]]:
    """Forget the stopped services of apps: their names, and what failed."""
    forgotten: list[str] = []
    failed: list[Failed] = []
    for record in recorded_services(run.site.root):
        if record.app in apps:
            try:
                forget_service(record.name, run)
                forgotten.append(record.name)
            except HeroBuildError as error:
                failed.append(Failed(record.app, None, error))
    return tuple(forgotten), tuple(failed)

"""`rollback`: stop what runs of apps that the restored generation does not have, restore it, and forget their services.

A service that does not stop, and a supervisor that does not answer, are warnings: a rollback is possible then, too.
"""

from collections.abc import Callable

from hero_build.errors import HeroBuildError
from hero_build.events import Emit, WarningRaised
from hero_build.install import history
from hero_build.install.history import Check
from hero_build.install.layout import Root
from hero_build.model.installed import Generation
from hero_build.ops.stop_apps import StoppedApps, something_runs, start_stopped, stop_apps
from hero_build.ops.uninstall import forget_all
from hero_build.services.evidence import failed_generations
from hero_build.services.service_run import ServiceRun

Stopped = tuple[StoppedApps, ServiceRun]


def rollback(
    root: Root, number: int | None, *, wait: float, check: Check, run: Callable[[], ServiceRun], emit: Emit
) -> tuple[Generation, Generation]:
    """Restore a generation: (before, after). `run` is called only if a service ends. Raises as `history.rollback`."""
    stopped: list[Stopped] = []

    def stop_gone(before: Generation, target: Generation) -> None:
        check(before, target)
        gone = {part.app for part in before.records} - {part.app for part in target.records}
        stopped.extend(_stop(gone, before, root=root, run=run, emit=emit))

    try:
        before, after = history.rollback(root, number, wait, check=stop_gone, failed=failed_generations(root))
    except HeroBuildError:
        for ran, opened in stopped:
            start_stopped(ran, opened)
        raise
    for ran, opened in stopped:
        _forget(ran, opened, emit)
    return before, after


def _stop(
    gone: set[str], before: Generation, *, root: Root, run: Callable[[], ServiceRun], emit: Emit
) -> tuple[Stopped, ...]:
    if not something_runs(gone, root, before):
        return ()
    try:
        opened = run()
        stopped = stop_apps(gone, opened)
    except HeroBuildError as error:
        emit(WarningRaised(f"services of {', '.join(sorted(gone))} are not stopped: {error.message}", error.hint))
        return ()
    for item in stopped.failed:
        emit(WarningRaised(f"a service of {item.app} is not stopped: {item.error.message}", item.error.hint))
    return ((stopped, opened),)


def _forget(stopped: StoppedApps, run: ServiceRun, emit: Emit) -> None:
    _, failed = forget_all(sorted({item.app for item in stopped.own.stopped} - stopped.stay), run)
    for item in failed:
        emit(WarningRaised(f"a service of {item.app} is left: {item.error.message}", item.error.hint))

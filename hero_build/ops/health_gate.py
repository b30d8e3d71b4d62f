"""The gate of an upgrade: what it changed is restarted, and where a service is not as healthy as before, it is undone.

restart what it changed ─► all healthy? ─► done
                               └─ no ─► save the evidence ─► roll back ─► restart the same services ─► healthy again?
"""

from collections.abc import Iterator, Sequence
from copy import copy
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hero_build import manifest
from hero_build.context import Context
from hero_build.errors import HeroBuildError, NotHealthy
from hero_build.events import WarningRaised
from hero_build.install.history import revert
from hero_build.model.installed import Generation
from hero_build.ops import services
from hero_build.ops.leaving import forget_gone, start_again
from hero_build.ops.restart import RestartOutcomes, lost_in_supervisors, restart_named, restart_running
from hero_build.ops.services import ServiceOutcomes
from hero_build.ops.stop_apps import RunningServices
from hero_build.services import overview, upgrade_journal
from hero_build.services.definitions import app_services
from hero_build.services.evidence import save_evidence
from hero_build.services.open_run import open_run
from hero_build.services.reclaim import wait_for
from hero_build.services.records import recorded_services, wanted
from hero_build.services.service_run import ServiceFailed, ServiceRun
from hero_build.services.upgrade_journal import UpgradeState
from hero_build.services.wait_until_up import check_health


class RolledBack(Struct, frozen=True):
    """The generation that a rollback made, and whether every service that was healthy before is so again."""

    generation: Generation
    healthy_again: bool


class Judged(Struct, frozen=True):
    """What became of an upgrade after its services were restarted. `stopped`: services of which no version was there to
    return to; `evidence`: the folder with the logs and answers of what failed.
    """

    restarts: RestartOutcomes
    rolled_back: RolledBack | None = None
    evidence: Path | None = None
    stopped: tuple[str, ...] = ()


def restart_and_judge(state: UpgradeState, context: Context) -> Judged:
    root = context.root
    state = replace(state, step="restarting")
    upgrade_journal.write_upgrade(root, state)
    installed = manifest.load(root.path)
    restarts = restart_running(installed_of(state.apps, installed), context)
    healthy = {*state.healthy, *state.supervised}
    bad = [item for item in restarts.failures if item.name in healthy or item.app in state.first]
    bad = bad or _no_longer_healthy(state, context)
    if not bad:
        _forget_gone(state, context)
        upgrade_journal.end_upgrade(root)
        return Judged(restarts)
    run = open_run(context.settings, context.catalog, context.emit)
    evidence = save_evidence(root, (run.supervisor, *run.others), before=state.before, after=state.after, failed=bad)
    state = replace(state, services=restarts.services, others=restarts.others)
    restarts = restarts.with_failures(bad)
    stuck = [item for item in bad if item.app in (*state.first, *state.one_way)]
    if len(stuck) < len(bad):  # a first install goes, with what it changed
        stuck = [item for item in stuck if item.app in state.one_way]
    results = services.stop_names([item.name for item in stuck], run) if stuck else ServiceOutcomes()
    stopped = tuple(item.name for item in results.stopped)
    if len(stuck) == len(bad):
        _forget_gone(state, context)
        upgrade_journal.end_upgrade(root)
        return Judged(restarts, evidence=evidence, stopped=stopped)
    restored = roll_back(state, context)
    failures = tuple(item if item.app in state.one_way else _with_hint(item, evidence) for item in restarts.failures)
    return Judged(replace(restarts, failures=failures), rolled_back=restored, evidence=evidence, stopped=stopped)


def healthy_services(context: Context) -> tuple[str, ...]:
    """The names of the services that should run, run and are healthy."""
    run = open_run(context.settings, context.catalog, context.emit)
    root = run.site.root
    state = overview.known(root, run.site.generation, run.supervisor)
    records = [record for record in recorded_services(root) if wanted(root, record.name) == "running"]
    running = {name for name, status in state.statuses.items() if status.is_running}
    return tuple(record.name for record in records if record.name in running and _is_healthy(record.name, run))


def roll_back(state: UpgradeState, context: Context) -> RolledBack:
    """Restore the parts that the upgrade changed, and restart exactly the services that it restarted; apps from whose
    version there is no way back stay as they are.
    """
    root = context.root
    upgrade_journal.write_upgrade(root, replace(state, step="rolling back"))
    _, restored = revert(root, state.before, after=state.after, keep=state.one_way, wait=context.settings.wait)
    if not (state.services or state.others):
        restart_running([app for app in installed_of(state.apps, restored) if app not in state.one_way], context)
    for error in _restart_again(state, context):
        context.emit(WarningRaised(f"after the rollback: {error.message}", error.hint))
    start_again(RunningServices(state.leaving, state.leaving_others), context)
    upgrade_journal.end_upgrade(root)
    return RolledBack(restored, healthy_again=_is_healthy_again(state, context))


def installed_of(apps: Sequence[str], generation: Generation) -> list[str]:
    installed = {part.app for part in generation.records}
    return [app for app in apps if app in installed]


def _is_healthy_again(state: UpgradeState, context: Context) -> bool:
    try:
        return not _no_longer_healthy(state, context)
    except HeroBuildError:  # the supervisor does not answer
        return False


def _is_healthy(name: str, run: ServiceRun) -> bool:
    record = next(record for record in recorded_services(run.site.root) if record.name == name)
    try:
        owner = app_services(record.app, record.instance, run.site, secrets=False)
    except HeroBuildError:
        return False
    found = [service for service in owner.services if service.name == name]
    return bool(found) and all(answer.healthy for answer in check_health(found[0], run.timeouts.call))


def _forget_gone(state: UpgradeState, context: Context) -> None:
    """Forget the services of the apps that this upgrade removed."""
    if state.leaving:
        before = manifest.read(context.root.generation(state.before))
        forget_gone(before, manifest.read(context.root.generation(state.after)), context)


def _with_hint(item: ServiceFailed, evidence: Path) -> ServiceFailed:
    """What to do after a rollback: the version before runs again, so that there is nothing to start."""
    app = item.app or "APP"
    error = copy(item.error)
    error.hint = (
        f"The version before it is restored; {evidence} has the logs and answers of this one. "
        f"`hero-build troubleshoot {app}` shows what runs, `hero-build hold {app}` keeps it from the next `upgrade`."
    )
    return replace(item, error=error)


def _no_longer_healthy(state: UpgradeState, context: Context) -> list[ServiceFailed]:
    """Services that were healthy and are not, also of other apps: one may need what was upgraded."""
    run = open_run(context.settings, context.catalog, context.emit)
    should = {item.name: item.app for item in recorded_services(context.root) if item.name in state.healthy}

    def lost() -> set[str]:
        still = {name for name in should if wanted(context.root, name) == "running"}
        return (still - set(healthy_services(context))) | lost_in_supervisors(state.supervised, context)

    if wait_for(lambda: not lost(), run.timeouts.health, run.timeouts.poll):
        return []
    hint = "`hero-build troubleshoot APP` shows more."
    error = "{} was healthy before the upgrade, and is not any more"
    return [ServiceFailed(should.get(name, ""), name, NotHealthy(error.format(name), hint)) for name in sorted(lost())]


def _restart_again(state: UpgradeState, context: Context) -> Iterator[HeroBuildError]:
    """The services that the upgrade restarted; what does not come up."""
    try:
        stay = {item.name for item in recorded_services(context.root) if item.app in state.one_way}
        if names := set(state.services) - stay:
            run = open_run(context.settings, context.catalog, context.emit)
            yield from (failed.error for failed in services.restart_names(names, run).failed)
        if others := [item for item in state.others if item[0] not in state.one_way]:
            yield from (failed.error for failed in restart_named(others, context).failures)
    except HeroBuildError as error:
        yield error

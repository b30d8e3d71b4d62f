"""An install whose services must be as healthy after it as before; else it is rolled back.

install ─► restart what it changed ─► all healthy? ─► done
                                          └─ no ─► save the evidence ─► roll back ─► restart the same services

Only a service that was healthy before counts, so that one that was down already undoes nothing. Every step is in the
journal first: a command that finds the journal of a killed one finishes or undoes it.
"""

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hero_build import manifest
from hero_build.context import Context
from hero_build.errors import HeroBuildError, NotHealthy
from hero_build.events import Emit, WarningRaised
from hero_build.install.history import revert
from hero_build.install.layout import Root
from hero_build.install.recover import current_number
from hero_build.model.installed import Generation, PartId
from hero_build.ops import services
from hero_build.ops.install import Outcome, Plan, apply
from hero_build.ops.leaving import forget_gone, running_names, start_again
from hero_build.ops.restart import (
    RestartOutcomes,
    healthy_in_supervisors,
    lost_in_supervisors,
    restart_named,
    restart_running,
)
from hero_build.ops.services import ServiceOutcomes
from hero_build.ops.way_back import one_way_changes
from hero_build.services import overview, upgrade_journal
from hero_build.services.definitions import app_services
from hero_build.services.evidence import save_evidence
from hero_build.services.open_run import open_run
from hero_build.services.reclaim import wait_for
from hero_build.services.records import recorded_services, wanted
from hero_build.services.service_run import ServiceFailed, ServiceRun
from hero_build.services.upgrade_journal import UpgradeState
from hero_build.services.wait_until_up import check_health
from hero_build.system.hangup import outliving_the_caller


class GatedOutcome(Struct, frozen=True):
    """`outcome` of the install, what was restarted, and after a rollback the generation that it made and the folder
    with the evidence. `stopped`: services of which no version was there to return to.
    """

    outcome: Outcome
    restarts: RestartOutcomes
    rolled_back: Generation | None = None
    evidence: Path | None = None
    stopped: tuple[str, ...] = ()


class Judged(Struct, frozen=True):
    """What became of an upgrade after its services were restarted."""

    restarts: RestartOutcomes
    rolled_back: Generation | None = None
    evidence: Path | None = None
    stopped: tuple[str, ...] = ()


def apply_gated(todo: Plan, context: Context, action: str) -> GatedOutcome:
    """Do what was planned, restart what runs of it, and undo it where a service is not well. Raises as `apply`."""
    with upgrade_journal.upgrade_lock(context.root, context.settings.wait):
        apps = tuple(dict.fromkeys(step.facts.app for step in todo.steps))
        before = manifest.load(context.root.path)
        state = UpgradeState(
            "installing",
            before.number,
            apps,
            healthy=healthy_services(context),
            supervised=healthy_in_supervisors(context),
            first=_first_installs(apps, before, context),
            one_way=_one_way(todo, before, context),
            leaving=running_names(todo.leaving, context.root),
        )
        upgrade_journal.write_upgrade(context.root, state)
        try:
            outcome = apply(todo, context, action)
        except BaseException as error:
            # else the next command starts what was stopped
            finished = isinstance(error, Exception) or not state.leaving
            if finished and current_number(context.root) == before.number:  # else the next command finishes it
                upgrade_journal.end_upgrade(context.root)
            raise
        if outcome.before.number == outcome.after.number:
            upgrade_journal.end_upgrade(context.root)
            return GatedOutcome(outcome, restart_running(_installed(apps, outcome.after), context))
        with outliving_the_caller():
            judged = _restart_and_judge(
                replace(state, before=outcome.before.number, after=outcome.after.number), context
            )
    return GatedOutcome(
        outcome,
        judged.restarts,
        rolled_back=judged.rolled_back,
        evidence=judged.evidence,
        stopped=judged.stopped,
    )


def resume(root: Root, open_context: Callable[[], Context], emit: Emit) -> None:
    """Finish or undo an upgrade whose command was killed. What cannot be finished is a warning, never a block."""
    if (state := upgrade_journal.interrupted_upgrade(root)) is None:
        return
    try:
        context = open_context()
    except HeroBuildError as error:
        emit(WarningRaised(f"an interrupted upgrade of {', '.join(state.apps)} waits: {error.message}", error.hint))
        return
    with upgrade_journal.upgrade_lock(root, context.settings.wait):
        if (state := upgrade_journal.read_upgrade(root)) is None:
            return
        current = current_number(root)
        after = state.after or (current if current == state.before + 1 else 0)
        try:
            _resume(replace(state, after=after), context)
        except HeroBuildError as error:
            upgrade_journal.end_upgrade(root)
            sentence = f"an interrupted upgrade of {', '.join(state.apps)} could not be finished: {error.message}"
            context.emit(WarningRaised(sentence, error.hint))


def healthy_services(context: Context) -> tuple[str, ...]:
    """The names of the services that should run, run and are healthy."""
    run = open_run(context.settings, context.catalog, context.emit)
    root = run.site.root
    state = overview.known(root, run.site.generation, run.supervisor)
    records = [record for record in recorded_services(root) if wanted(root, record.name) == "running"]
    running = {name for name, status in state.statuses.items() if status.is_running}
    return tuple(record.name for record in records if record.name in running and _is_healthy(record.name, run))


def _is_healthy(name: str, run: ServiceRun) -> bool:
    record = next(record for record in recorded_services(run.site.root) if record.name == name)
    try:
        owner = app_services(record.app, record.instance, run.site, secrets=False)
    except HeroBuildError:
        return False
    found = [service for service in owner.services if service.name == name]
    return bool(found) and all(answer.healthy for answer in check_health(found[0], run.timeouts.call))


def _resume(state: UpgradeState, context: Context) -> None:
    root = context.root
    apps = ", ".join(state.apps)
    if not state.after:
        start_again(state.leaving, context)
        upgrade_journal.end_upgrade(root)  # nothing was committed, or it is not known what: another command came since
        return
    context.emit(WarningRaised(f"an upgrade of {apps} was interrupted: it is finished now, or undone"))
    if state.step == "rolling back":
        _roll_back(state, context)
    elif _restart_and_judge(state, context).rolled_back:  # and what the killed command had restarted
        restart_running(_installed(state.apps, manifest.load(root.path)), context)


def _restart_and_judge(state: UpgradeState, context: Context) -> Judged:
    root = context.root
    state = replace(state, step="restarting")
    upgrade_journal.write_upgrade(root, state)
    installed = manifest.load(root.path)
    restarts = restart_running(_installed(state.apps, installed), context)
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
    restored = _roll_back(state, context)
    failures = tuple(item if item.app in state.one_way else _with_hint(item, evidence) for item in restarts.failures)
    return Judged(replace(restarts, failures=failures), rolled_back=restored, evidence=evidence, stopped=stopped)


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


def _roll_back(state: UpgradeState, context: Context) -> Generation:
    """Restore the parts that the upgrade changed, and restart exactly the services that it restarted; apps from whose
    version there is no way back stay as they are.
    """
    root = context.root
    upgrade_journal.write_upgrade(root, replace(state, step="rolling back"))
    _, restored = revert(root, state.before, after=state.after, keep=state.one_way, wait=context.settings.wait)
    if not (state.services or state.others):
        restart_running([app for app in _installed(state.apps, restored) if app not in state.one_way], context)
    for error in _restart_again(state, context):
        context.emit(WarningRaised(f"after the rollback: {error.message}", error.hint))
    start_again(state.leaving, context)
    upgrade_journal.end_upgrade(root)
    return restored


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


def _installed(apps: Sequence[str], generation: Generation) -> list[str]:
    installed = {part.app for part in generation.records}
    return [app for app in apps if app in installed]


def _first_installs(apps: Sequence[str], before: Generation, context: Context) -> tuple[str, ...]:
    """The apps that should run and are not installed: said beforehand, since there is no version to return to."""
    running = {item.app for item in recorded_services(context.root) if wanted(context.root, item.name) == "running"}
    first = tuple(app for app in apps if app in running and PartId(app) not in before.records)
    for app in first:
        sentence = f"{app} was not installed before: if its services do not come up, there is no version to return to"
        context.emit(WarningRaised(sentence, "They are stopped then."))
    return first


def _one_way(todo: Plan, before: Generation, context: Context) -> tuple[str, ...]:
    """The apps that cannot be rolled back after this: said beforehand."""
    crossings = one_way_changes(todo.decisions, before, context.catalog)
    for crossing in crossings:
        context.emit(crossing.warning())
    return tuple(crossing.app for crossing in crossings)

"""An install whose services must be as healthy after it as before; else it is rolled back.

install ─► restart what it changed ─► all healthy? ─► done
                                          └─ no ─► save the evidence ─► roll back ─► restart the same services

Only a service that was healthy before counts, so that one that was down already undoes nothing. Every step is in the
journal first: a command that finds the journal of a killed one finishes or undoes it.
"""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from hero_build import manifest
from hero_build.context import Context
from hero_build.events import WarningRaised
from hero_build.install.recover import current_number
from hero_build.model.installed import Generation, PartId
from hero_build.ops.health_gate import Judged, healthy_services, installed_of, restart_and_judge
from hero_build.ops.install import Outcome, Plan, apply
from hero_build.ops.leaving import running_services
from hero_build.ops.restart import (
    healthy_in_supervisors,
    restart_running,
)
from hero_build.ops.way_back import one_way_changes
from hero_build.pipeline.early_downloads import EarlyDownloads
from hero_build.services import upgrade_journal
from hero_build.services.records import recorded_services, wanted
from hero_build.services.upgrade_journal import UpgradeState
from hero_build.system.hangup import outliving_the_caller


class GatedOutcome(Struct, frozen=True):
    """`outcome` of the install, and what became of it once its services were restarted."""

    outcome: Outcome
    judged: Judged


def apply_gated(todo: Plan, context: Context, action: str, early: EarlyDownloads | None = None) -> GatedOutcome:
    """Do what was planned, restart what runs of it, and undo it where a service is not well. Raises as `apply`."""
    with upgrade_journal.upgrade_lock(context.root, context.settings.wait):
        apps = tuple(dict.fromkeys(step.facts.app for step in todo.steps))
        before = manifest.load(context.root.path)
        leaving = running_services(todo.leaving, context)
        state = UpgradeState(
            "installing",
            before.number,
            apps,
            healthy=healthy_services(context),
            supervised=healthy_in_supervisors(context, {item.part.app for item in todo.leaving}),
            first=_first_installs(apps, before, context),
            one_way=_one_way(todo, before, context),
            leaving=leaving.started,
            leaving_others=leaving.others,
        )
        upgrade_journal.write_upgrade(context.root, state)
        try:
            outcome = apply(todo, context, action, early=early)
        except BaseException as error:
            # else the next command starts what was stopped
            finished = isinstance(error, Exception) or not (leaving.started or leaving.others)
            if finished and current_number(context.root) == before.number:  # else the next command finishes it
                upgrade_journal.end_upgrade(context.root)
            raise
        if outcome.before.number == outcome.after.number:
            upgrade_journal.end_upgrade(context.root)
            return GatedOutcome(outcome, Judged(restart_running(installed_of(apps, outcome.after), context)))
        with outliving_the_caller():
            judged = restart_and_judge(
                replace(state, before=outcome.before.number, after=outcome.after.number), context
            )
    return GatedOutcome(outcome, judged)


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

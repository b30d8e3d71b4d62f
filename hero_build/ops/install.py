"""The story of hero-build on one screen: plan what each app needs, then do it, wholly or not at all.

plan():   resolve ─► decide (─► fetch, while others are planned)
apply():  produce (fetch | build ─► verify) ─► stage ─► commit
"""

from collections.abc import Sequence
from functools import partial

from msgspec import Struct

from hero_build import manifest
from hero_build.context import Context
from hero_build.errors import HeroBuildError
from hero_build.events import PartFailed, Planning
from hero_build.install.commit import commit
from hero_build.install.generations import still_installed
from hero_build.install.recover import needs_recovery
from hero_build.install.root_lock import LockedRoot, locked
from hero_build.install.store import stage
from hero_build.model.decisions import Decision, Facts, Remove
from hero_build.model.installed import Generation
from hero_build.model.steps import Change, Drop, Failed, Put, Request, Restore, VerifiedPart
from hero_build.ops.way_back import refuse_downgrade
from hero_build.pipeline.decide import decide
from hero_build.pipeline.early_downloads import EarlyDownloads
from hero_build.pipeline.installed_bundles import with_installed
from hero_build.pipeline.resolve import Disk, read_disk, resolve
from hero_build.system.paced_calls import PacedCalls
from hero_build.system.thread_pool import ThreadPool


class Step(Struct, frozen=True):
    """An app's facts and the decisions that follow from them."""

    facts: Facts
    decisions: tuple[Decision, ...]


class Plan(Struct, frozen=True):
    """`lock`: the digest of the lock file that it installs completely; `leaving`: what that file does not have, and
    what therefore goes unless something fails.
    """

    steps: tuple[Step, ...]
    failed: tuple[Failed, ...]
    lock: str | None = None
    leaving: tuple[Remove, ...] = ()

    @property
    def decisions(self) -> tuple[Decision, ...]:
        return (*(decision for step in self.steps for decision in step.decisions), *self.leaving)


class Outcome(Struct, frozen=True):
    """What a command did: the generations before and after (equal: nothing changed), and all that failed."""

    plan: Plan
    before: Generation
    after: Generation
    failed: tuple[Failed, ...]


def plan(requests: Sequence[Request], context: Context, early: EarlyDownloads | None = None) -> Plan:
    """Facts and decisions of every app asked for; one that cannot be planned is a Failed among the others.

    `early` starts the downloads of an app once it is decided.
    """
    disk = read_disk(context, tuple(request.app for request in requests))
    jobs = context.settings.jobs
    with ThreadPool(jobs, thread_name_prefix="plan") as pool, context.checkouts.cancelling():
        planned = PacedCalls(pool, [partial(_step, request, disk, context) for request in requests], jobs)
        planned.start()
        if early and {request.app for request in requests} - {part.app for part in disk.installed}:
            early.prepare()
        for step in planned.as_completed():
            if early and isinstance(step, Step):
                early.start(step.decisions)
        results = planned.results()
    steps = tuple(result for result in results if isinstance(result, Step))
    return Plan(steps, tuple(result for result in results if isinstance(result, Failed)))


def apply(todo: Plan, context: Context, action: str, early: EarlyDownloads | None = None) -> Outcome:
    """Do what was planned, as one generation; a part that fails keeps its old version.

    `early` has the downloads that started while the rest was planned. Raises LockHeld, MachineError, RootDamaged.
    """
    current = manifest.load(context.root.path)
    work = [item for step in todo.steps for item in with_installed(step.facts, step.decisions, current)]
    gone = [Drop(item.part) for step in todo.steps for item in step.decisions if isinstance(item, Remove)]
    to_do = work or gone or todo.leaving or needs_recovery(context.root)
    if not to_do and (todo.failed or todo.lock in (None, current.lock)):
        return Outcome(todo, before=current, after=current, failed=todo.failed)
    with early or EarlyDownloads(context) as downloads:  # ends them before anything is restarted
        results = list(downloads.results(work))
        with locked(context.root, context.settings.wait) as held:
            staged = [stage_part(held, item, context) for item in results if not isinstance(item, Failed)]
            changes: list[Change] = [*(item for item in staged if not isinstance(item, Failed)), *gone]
            failed = (*todo.failed, *(item for item in (*results, *staged) if isinstance(item, Failed)))
            if todo.leaving and not failed:
                from hero_build.ops.leaving import commit_without  # services, for those that stop some

                before, after, failed = commit_without(held, changes, todo=todo, action=action, context=context)
            else:
                before, after = commit(held, changes, action, lock=None if failed else todo.lock)
    return Outcome(todo, before=before, after=after, failed=failed)


def _step(request: Request, disk: Disk, context: Context) -> Step | Failed:
    context.emit(Planning(request.app))
    try:
        loaded = context.catalog.get(request.app)
        facts = resolve(request, loaded=loaded, disk=disk, context=context)
        decisions = decide(request, facts)
        refuse_downgrade(request, facts, decisions, bound=loaded.recipe.compatible_from)
        return Step(facts, decisions)
    except HeroBuildError as error:
        return _failed(Failed(request.app, None, error), context)


def stage_part(locked_root: LockedRoot, ready: VerifiedPart | Restore, context: Context) -> Put | Restore | Failed:
    try:
        return stage(locked_root, ready) if isinstance(ready, VerifiedPart) else still_installed(locked_root, ready)
    except HeroBuildError as error:
        return _failed(Failed(ready.id.app, ready.id, error), context)


def _failed(failed: Failed, context: Context) -> Failed:
    context.emit(PartFailed(failed))
    return failed

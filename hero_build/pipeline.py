"""The story of hero-build on one screen: plan what each app needs, then do it, wholly or not at all.

plan():   resolve ─► decide
apply():  produce (fetch | build ─► verify) ─► stage ─► commit
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from hero_build import manifest
from hero_build.decide import decide
from hero_build.errors import HeroBuildError
from hero_build.events import Broke, Planning
from hero_build.forge.inbox import Inbox
from hero_build.install.commit import commit
from hero_build.install.lock import Locked, locked
from hero_build.install.recover import interrupted
from hero_build.install.store import stage
from hero_build.model import Build, Decision, Download, Drop, Facts, Failed, Put, Ready, Remove, Request
from hero_build.produce import produce
from hero_build.record import Generation
from hero_build.resolve import Disk, look, resolve
from hero_build.tools import Tools


@dataclass(frozen=True, slots=True)
class Step:
    """An app's facts and the decisions that follow from them."""

    facts: Facts
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    steps: tuple[Step, ...]
    failed: tuple[Failed, ...]

    @property
    def decisions(self) -> tuple[Decision, ...]:
        return tuple(decision for step in self.steps for decision in step.decisions)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command did: the generations before and after (equal: nothing changed), and all that failed."""

    plan: Plan
    before: Generation
    after: Generation
    failed: tuple[Failed, ...]


def plan(requests: Sequence[Request], tools: Tools) -> Plan:
    """Facts and decisions of every app asked for; one that cannot be planned is a Failed among the others."""
    disk = look(tools, tuple(request.app for request in requests))
    with ThreadPoolExecutor(tools.settings.jobs, thread_name_prefix="plan") as pool, tools.checkouts.cancelling():
        results = list(pool.map(lambda request: _step(request, disk, tools), requests))
    steps = tuple(result for result in results if isinstance(result, Step))
    return Plan(steps, tuple(result for result in results if isinstance(result, Failed)))


def apply(todo: Plan, tools: Tools, action: str) -> Outcome:
    """Do what was planned, as one generation; a part that fails keeps its old version.

    Raises LockHeld, MachineError, RootDamaged.
    """
    work = [item for item in todo.decisions if isinstance(item, Download | Build)]
    gone = [Drop(item.part) for item in todo.decisions if isinstance(item, Remove)]
    if not (work or gone or interrupted(tools.root)):
        unchanged = manifest.load(tools.root.path)
        return Outcome(todo, unchanged, unchanged, todo.failed)
    with Inbox(tools.root.partial) as inbox:
        results = list(produce(work, inbox, tools))
        with locked(tools.root, tools.settings.wait) as held:
            staged = [_staged(held, item, tools) for item in results if isinstance(item, Ready)]
            puts = [item for item in staged if isinstance(item, Put)]
            before, after = commit(held, [*puts, *gone], action)
    failed = (item for item in (*results, *staged) if isinstance(item, Failed))
    return Outcome(todo, before, after, (*todo.failed, *failed))


def _step(request: Request, disk: Disk, tools: Tools) -> Step | Failed:
    tools.emit(Planning(request.app))
    try:
        facts = resolve(request.app, tools.catalog.get(request.app), request, disk, tools)
        return Step(facts, decide(request, facts))
    except HeroBuildError as error:
        return _failed(Failed(request.app, None, error), tools)


def _staged(held: Locked, ready: Ready, tools: Tools) -> Put | Failed:
    try:
        return stage(held, ready)
    except HeroBuildError as error:
        return _failed(Failed(ready.part.id.app, ready.part.id, error), tools)


def _failed(failed: Failed, tools: Tools) -> Failed:
    tools.emit(Broke(failed))
    return failed

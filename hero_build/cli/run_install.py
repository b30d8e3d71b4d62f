"""Plan, apply, answer: what all commands share that install, once their words are parsed; no click."""

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hero_build.cli.app_names import check_versions, split_versions
from hero_build.cli.install_options import InstallOptions
from hero_build.cli.locked import LockedSet, locked_apps, locked_set, require_whole
from hero_build.cli.session import Session
from hero_build.errors import UsageError
from hero_build.model.artifacts import DESKTOP_APP
from hero_build.system import lean_futures  # noqa: F401 - before the first import of concurrent.futures

if TYPE_CHECKING:
    from hero_build.context import Context
    from hero_build.model.steps import Request
    from hero_build.ops.install import Outcome, Plan
    from hero_build.pipeline.early_downloads import EarlyDownloads
    from hero_build.queries.change_report import ChangeReport

_NAMED = 5  # names in an action that `history` shows


def install_apps(
    session: Session,
    apps: Sequence[str],
    options: InstallOptions,
    *,
    with_needs: bool = False,
    restart: bool = False,
    rollback_on_failure: bool = False,
    dry_run: bool = False,
) -> int:
    """Install what the words of `install` name; returns the exit code. Raises UsageError, AppNotFound, and what an
    install raises.
    """
    from hero_build.ops import noop_cache

    require_restart(restart=restart, rollback_on_failure=rollback_on_failure)
    options = options.for_pack(session)
    lock = options.open_lock(session)
    context = session.context(lock.forge if lock else None, use="plan" if dry_run else "change")
    typed, versions = split_versions(apps)
    check_versions(versions, version=options.version, ref=options.ref)
    require_whole(options, typed)
    names = session.expand(context.catalog, typed or locked_apps(lock, context.catalog), with_needs=with_needs)
    names = session.without_held(names, named=typed)
    requests = options.requests(names, versions, lock)
    asked = lock is None and options.mode != "source"
    cacheable = not (versions or restart or dry_run) and _is_cacheable(options, names, session)
    stamps = noop_cache.stamp_inputs(names, context, lock.files if lock else (), asked=asked) if cacheable else None

    def remember(plan: "Plan", text: str) -> None:
        if stamps is not None:
            words = sys.argv[1:]
            noop_cache.remember(stamps, plan=plan, context=context, arguments=words, answer=text, asked=asked)

    return run_install(
        session,
        requests=requests,
        context=context,
        action=f"install {shortened(apps or names)}",
        restart=restart,
        gated=rollback_on_failure,
        dry_run=dry_run,
        lock=locked_set(session, lock, names=names, options=options) if lock else None,
        remember=remember,
    )


def _is_cacheable(options: InstallOptions, apps: Sequence[str], session: Session) -> bool:
    """Whether there may be nothing to do until a file on this machine changes, or a newest release on the forge."""
    if options.version or options.ref or options.update or options.reset:
        return False
    return {part.app for part in session.generation().records}.issuperset(apps)


def require_restart(*, restart: bool, rollback_on_failure: bool) -> None:
    """Raises UsageError."""
    if rollback_on_failure and not restart:
        raise UsageError("--rollback-on-failure goes with --restart", "Add --restart, or use `hero-build upgrade`.")


class InstallChange(Struct, frozen=True):
    """What an install does: `method` is its name in the journal of operations, `action` that in `history`."""

    plan: "Plan"
    action: str
    method: str
    restart: bool
    gated: bool
    early: "EarlyDownloads"


def run_install(
    session: Session,
    requests: "Sequence[Request]",
    context: "Context",
    action: str,
    *,
    restart: bool,
    dry_run: bool,
    gated: bool = False,
    method: str = "service.install",
    lock: LockedSet | None = None,
    remember: "Callable[[Plan, str], None] | None" = None,
) -> int:
    """Plan, apply, print; returns the exit code. `action` is for `history`; `remember` gets the plan and the output.

    `gated`: restart what changed, and roll back where a service is not healthy after it.
    """
    from hero_build.ops import install
    from hero_build.pipeline.early_downloads import EarlyDownloads

    outcome = None
    with context.checkouts, EarlyDownloads(context) as early:
        plan = install.plan(requests, context, None if dry_run else early)
        plan = lock.applied(plan) if lock else plan
        one_way = session.warn_of_no_way_back(plan, context)
        from hero_build.output.pages.install import page  # from here on, while files arrive
        from hero_build.queries import change_report

        if dry_run:
            answer = change_report.dry(plan, session.generation())
        else:
            change = InstallChange(plan, action, method, restart=restart, gated=gated, early=early)
            outcome, answer = _journaled(session, change, context)
    answer = replace(answer, lock=lock.sha256 if lock else None, undo=None if one_way else answer.undo)
    shown = partial(page, answer)
    code = session.console.answer(answer, shown, code=answer.code, failed=answer.every_failure)
    if outcome and outcome.before.number == 0 < outcome.after.number:
        _say_path(session)
    if remember and outcome and (text := session.console.cacheable_text(answer, shown)):
        remember(plan, text)
    return code


def _journaled(session: Session, change: InstallChange, context: "Context") -> "tuple[Outcome, ChangeReport]":
    """Do it, in the journal of each app that it changes: from the restart of a service on, or at its end."""
    from hero_build.model.decisions import Keep

    if not change.restart and all(isinstance(item, Keep) for item in change.plan.decisions):
        return _apply(session, change, context)
    from hero_build.services.journaled import journaled

    with journaled(session.root, change.method) as operations:
        operations.expect([step.facts.app for step in change.plan.steps])
        outcome, answer = _apply(session, change, replace(context, emit=operations.watch(context.emit)))
        changed = {part.app for part in answer.parts if part.state != "kept"}
        refused = {item.app for item in change.plan.failed} - changed
        failed = [item for item in answer.every_failure if item.app not in refused]
        numbers = outcome.before.number, outcome.after.number
        operations.end(sorted(changed), failed=failed, generations=numbers)
    return outcome, answer


def _apply(session: Session, change: InstallChange, context: "Context") -> "tuple[Outcome, ChangeReport]":
    if change.gated:
        from hero_build.ops.gated_change import apply_gated
        from hero_build.queries.gated_report import gated_report

        gate = apply_gated(change.plan, context, change.action, early=change.early)
        outcome, answer = gate.outcome, gated_report(gate, session.root_flag)
    else:
        from hero_build.ops import install
        from hero_build.queries import change_report

        outcome = install.apply(change.plan, context, change.action, early=change.early)
        if change.plan.leaving:
            from hero_build.ops.leaving import forget_gone

            forget_gone(outcome.before, outcome.after, context)
        answer = change_report.outcome(outcome, session.root_flag)
    restart = change.restart and not change.gated
    return outcome, _finish(session, outcome=outcome, answer=answer, context=context, restart=restart)


def _say_path(session: Session) -> None:
    """Say, after the first install, how a shell finds the programs, unless it does."""
    from hero_build.output.pages.path import path_page
    from hero_build.queries.path_advice import path_advice

    if (advice := path_advice(session.root.place("bin"), os.environ)) is not None:
        session.console.note(lambda terminal: path_page(advice, terminal))


def _finish(
    session: Session, outcome: "Outcome", answer: "ChangeReport", context: "Context", *, restart: bool
) -> "ChangeReport":
    """Restart services if --restart is given; warn of lost file capabilities and of missing bundles of the desktop."""
    session.warn_of_lost_capabilities(outcome.before, outcome.after)
    failed = {item.part for item in outcome.failed}
    steps = (step.facts for step in outcome.plan.steps)
    apps = [facts.app for facts in steps if not failed.issuperset(part.id for part in facts.parts)]
    touched = set(apps)
    if restart and apps:
        from hero_build.ops import restart as ops_restart
        from hero_build.queries.change_report import report

        outcomes = ops_restart.restart_changed(apps, context)
        answer, touched = replace(answer, restart=report(outcomes)), touched | outcomes.touched
    if DESKTOP_APP in touched:
        from hero_build.queries.bundle_warnings import missing_bundles

        for warning in missing_bundles(session.root, session.generation()):
            session.console.report(warning)
    return answer


def shortened(names: Sequence[str]) -> str:
    """The names in an action that `history` shows."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return " ".join(names[:_NAMED]) + more

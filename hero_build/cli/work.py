"""What `install`, `shell` and `islands` have in common: plan, apply, answer."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import click

from hero_build.cli.session import Session

if TYPE_CHECKING:
    from hero_build.model import Request
    from hero_build.pipeline import Outcome, Plan
    from hero_build.queries.changed import Changed
    from hero_build.tools import Tools

DESKTOP = "hero_os"
F = TypeVar("F", bound=Callable[..., int])


def work_flags(work: F) -> F:
    work = click.option("-n", "--dry-run", is_flag=True, help="Say what would be done, and do nothing.")(work)
    return click.option("--restart", is_flag=True, help="Restart what runs and has changed.")(work)


def carry_out(
    session: Session,
    requests: "Sequence[Request]",
    tools: "Tools",
    action: str,
    *,
    restart: bool,
    dry_run: bool,
    remember: "Callable[[Plan, str], None] | None" = None,
) -> int:
    """The exit code. `action` is what `history` will show; `remember` gets the plan and the page of what was done."""
    from hero_build import pipeline
    from hero_build.output.pages.changed import page
    from hero_build.queries import changed

    with tools.checkouts:
        todo = pipeline.plan(requests, tools)
        if dry_run:
            answer = changed.dry(todo, session.generation())
        else:
            outcome = pipeline.apply(todo, tools, action)
            answer = changed.outcome(outcome, session.root_flag)
    if not dry_run:
        answer = _afterwards(session, outcome, answer, tools, restart=restart)
    code = session.screen.answer(answer, lambda paper: page(answer, paper), answer.code, answer.every_failure)
    if remember and not dry_run and (text := session.screen.plainly(lambda paper: page(answer, paper))):
        remember(todo, text)
    return code


def _afterwards(session: Session, outcome: "Outcome", answer: "Changed", tools: "Tools", *, restart: bool) -> "Changed":
    """Restart what is wanted of what was installed; warn of what the desktop lacks."""
    failed = {item.part for item in outcome.failed}
    steps = (step.facts for step in outcome.plan.steps)
    apps = [facts.app for facts in steps if not failed.issuperset(part.id for part in facts.parts)]
    touched = set(apps)
    if restart and apps:
        from hero_build import restarting
        from hero_build.queries.restarted import report

        found = restarting.changed(apps, tools)
        answer, touched = replace(answer, restart=report(found)), touched | found.touched
    if DESKTOP in touched:
        from hero_build.queries.warnings import missing_bundles

        for warning in missing_bundles(session.root, session.generation()):
            session.screen.report(warning)
    return answer

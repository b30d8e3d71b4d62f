"""`install`, `shell` and `islands`: plan, apply, answer."""

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click
from msgspec.structs import replace

from hero_build.cli import completion
from hero_build.cli.base import command
from hero_build.cli.options import InstallOptions, flags, phase_flags
from hero_build.cli.session import Session
from hero_build.model.artifacts import DESKTOP_APP, ISLANDS_APP

if TYPE_CHECKING:
    from hero_build.context import Context
    from hero_build.model.steps import Request
    from hero_build.ops.install import Outcome, Plan
    from hero_build.queries.change_report import ChangeReport


F = TypeVar("F", bound=Callable[..., int])


def work_flags(work: F) -> F:
    work = click.option("-n", "--dry-run", is_flag=True, help="Say what would be done, and do nothing.")(work)
    return click.option("--restart", is_flag=True, help="Restart what runs and has changed.")(work)


def run_install(
    session: Session,
    requests: "Sequence[Request]",
    context: "Context",
    action: str,
    *,
    restart: bool,
    dry_run: bool,
    remember: "Callable[[Plan, str], None] | None" = None,
) -> int:
    """The exit code. `action` is what `history` will show; `remember` gets the plan and the page of what was done."""
    from hero_build.ops import install
    from hero_build.output.pages.install import page
    from hero_build.queries import change_report

    with context.checkouts:
        todo = install.plan(requests, context)
        if dry_run:
            answer = change_report.dry(todo, session.generation())
        else:
            outcome = install.apply(todo, context, action)
            answer = change_report.outcome(outcome, session.root_flag)
    if not dry_run:
        answer = _afterwards(session, outcome=outcome, answer=answer, context=context, restart=restart)
    code = session.console.answer(answer, lambda terminal: page(answer, terminal), answer.code, answer.every_failure)
    if remember and not dry_run and (text := session.console.plain_text(lambda terminal: page(answer, terminal))):
        remember(todo, text)
    return code


def _afterwards(
    session: Session, outcome: "Outcome", answer: "ChangeReport", context: "Context", *, restart: bool
) -> "ChangeReport":
    """Restart what is wanted of what was installed; warn of what the desktop lacks."""
    failed = {item.part for item in outcome.failed}
    steps = (step.facts for step in outcome.plan.steps)
    apps = [facts.app for facts in steps if not failed.issuperset(part.id for part in facts.parts)]
    touched = set(apps)
    if restart and apps:
        from hero_build.ops import restart as ops_restart
        from hero_build.queries.change_report import report

        found = ops_restart.restart_changed(apps, context)
        answer, touched = replace(answer, restart=report(found)), touched | found.touched
    if DESKTOP_APP in touched:
        from hero_build.queries.bundle_warnings import missing_bundles

        for warning in missing_bundles(session.root, session.generation()):
            session.console.report(warning)
    return answer


_NAMED = 5


@command("install")
@click.argument("apps", nargs=-1, metavar="APP...", shell_complete=completion.apps)
@flags
@click.option("--with-needs", is_flag=True, help="Install what the apps need, too.")
@work_flags
def install(
    session: Session, apps: Sequence[str], *, with_needs: bool, restart: bool, dry_run: bool, **typed: Any
) -> int:
    """Install or update apps, wholly or not at all. @SET names a set, @all everything.

    An app that fails keeps its old version, and the others are installed. Without APP, --locked installs everything
    in its file.
    """
    from hero_build.ops import noop_cache

    options = InstallOptions(**typed)
    forge, pinned = options.forge(session)
    context = session.context(forge, works=not dry_run)
    wanted = session.wanted(context.catalog, apps or pinned, with_needs=with_needs)
    requests = [options.request(app) for app in wanted]
    seen = (
        noop_cache.stamp_inputs(wanted, context, options.locked)
        if _stands(options) and not (restart or dry_run)
        else None
    )

    def remember(todo: "Plan", text: str) -> None:
        if seen is not None:
            noop_cache.remember(seen, todo=todo, context=context, words=sys.argv[1:], answer=text)

    action = f"install {_some(apps or wanted)}"
    return run_install(
        session, requests=requests, context=context, action=action, restart=restart, dry_run=dry_run, remember=remember
    )


def _stands(options: InstallOptions) -> bool:
    """Whether the answer holds until something on this machine changes: nobody else is to be asked."""
    return bool(options.locked or options.mode == "source") and not (options.version or options.ref or options.update)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return " ".join(names[:_NAMED]) + more


_ISLAND_NAMES = 5


@command("shell")
@phase_flags
@work_flags
def shell(session: Session, *, restart: bool, dry_run: bool, **typed: Any) -> int:
    """Install or update the desktop's shell, wholly or not at all: from a release, or built."""
    request = InstallOptions(**typed).request(DESKTOP_APP, "shell")
    return run_install(
        session,
        requests=[request],
        context=session.context(works=not dry_run),
        action="shell",
        restart=restart,
        dry_run=dry_run,
    )


@command("islands")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@phase_flags
@work_flags
def islands(session: Session, names: Sequence[str], *, restart: bool, dry_run: bool, **typed: Any) -> int:
    """Install or update the desktop's islands, or those that are named: from a release, or built.

    An island that fails keeps its old version, and the others are installed.
    """
    request = InstallOptions(**typed).request(ISLANDS_APP, "islands", names)
    more = f" and {len(names) - _ISLAND_NAMES} more" if len(names) > _ISLAND_NAMES else ""
    action = " ".join(("islands", *names[:_ISLAND_NAMES])) + more
    return run_install(
        session,
        requests=[request],
        context=session.context(works=not dry_run),
        action=action,
        restart=restart,
        dry_run=dry_run,
    )

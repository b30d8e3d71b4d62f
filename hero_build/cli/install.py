"""`install`."""

import sys
from collections.abc import Sequence
from typing import Any

import click

from hero_build.cli import complete
from hero_build.cli.frame import command
from hero_build.cli.session import Session
from hero_build.cli.wish import Wish, flags
from hero_build.errors import UsageError

_NAMED = 5


@command("install")
@click.argument("apps", nargs=-1, metavar="APP...", shell_complete=complete.apps)
@flags
@click.option("--with-needs", is_flag=True, help="Install what the apps need, too.")
@click.option("--restart", is_flag=True, help="Restart what runs and has changed (not in this version).")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
def install(
    session: Session, apps: Sequence[str], *, with_needs: bool, restart: bool, dry_run: bool, **typed: Any
) -> int:
    """Install or update apps, wholly or not at all. @SET names a set, @all everything.

    An app that fails keeps its old version, and the others are installed. Without APP, --locked installs everything
    in its file.
    """
    from hero_build import pipeline, receipt
    from hero_build.output.pages.changed import page
    from hero_build.queries import changed

    if restart:
        hint = (
            "Leave out --restart, and restart the services by the means you use now; `hero-build status` shows which."
        )
        raise UsageError("--restart is not there yet: this version installs, and restarts nothing", hint)
    wish = Wish(**typed)
    forge, pinned = wish.forge(session)
    tools = session.tools(forge, works=not dry_run)
    wanted = session.wanted(tools.catalog, apps or pinned, with_needs=with_needs)
    with tools.checkouts:
        todo = pipeline.plan([wish.request(app) for app in wanted], tools)
        if dry_run:
            answer = changed.dry(todo, session.generation())
        else:
            outcome = pipeline.apply(todo, tools, f"install {_some(apps or wanted)}")
            answer = changed.outcome(outcome, session.root_flag)
    code = session.screen.answer(answer, lambda paper: page(answer, paper), answer.code, answer.failed)
    if wish.locked and not dry_run and (text := session.screen.plainly(lambda paper: page(answer, paper))):
        receipt.remember(todo, tools, sys.argv[1:], str(wish.locked.absolute()), text)
    return code


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return " ".join(names[:_NAMED]) + more

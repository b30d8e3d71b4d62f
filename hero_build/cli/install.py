"""`install`."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from hero_build.cli import complete
from hero_build.cli.frame import command
from hero_build.cli.session import Session
from hero_build.cli.wish import Wish, flags
from hero_build.cli.work import carry_out, work_flags

if TYPE_CHECKING:
    from hero_build.pipeline import Plan

_NAMED = 5


@command("install")
@click.argument("apps", nargs=-1, metavar="APP...", shell_complete=complete.apps)
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
    from hero_build import receipt

    wish = Wish(**typed)
    forge, pinned = wish.forge(session)
    tools = session.tools(forge, works=not dry_run)
    wanted = session.wanted(tools.catalog, apps or pinned, with_needs=with_needs)
    requests = [wish.request(app) for app in wanted]
    seen = receipt.look(wanted, tools, wish.locked) if _stands(wish) and not (restart or dry_run) else None

    def remember(todo: "Plan", text: str) -> None:
        if seen is not None:
            receipt.remember(seen, todo, tools, sys.argv[1:], text)

    action = f"install {_some(apps or wanted)}"
    return carry_out(session, requests, tools, action, restart=restart, dry_run=dry_run, remember=remember)


def _stands(wish: Wish) -> bool:
    """Whether the answer holds until something on this machine changes: nobody else is to be asked."""
    return bool(wish.locked or wish.mode == "source") and not (wish.version or wish.ref or wish.update)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return " ".join(names[:_NAMED]) + more

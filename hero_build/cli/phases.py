"""`shell` and `islands`: the phases that install WebAssembly."""

from collections.abc import Sequence
from typing import Any

import click

from hero_build.cli.frame import command
from hero_build.cli.session import Session
from hero_build.cli.wish import Wish, phase_flags
from hero_build.cli.work import DESKTOP, carry_out, work_flags

ISLANDS = "hero_archipelagos"
_NAMED = 5


@command("shell")
@phase_flags
@work_flags
def shell(session: Session, *, restart: bool, dry_run: bool, **typed: Any) -> int:
    """Install or update the desktop's shell, wholly or not at all: from a release, or built."""
    request = Wish(**typed).request(DESKTOP, "shell")
    return carry_out(session, [request], session.tools(works=not dry_run), "shell", restart=restart, dry_run=dry_run)


@command("islands")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@phase_flags
@work_flags
def islands(session: Session, names: Sequence[str], *, restart: bool, dry_run: bool, **typed: Any) -> int:
    """Install or update the desktop's islands, or those that are named: from a release, or built.

    An island that fails keeps its old version, and the others are installed.
    """
    request = Wish(**typed).request(ISLANDS, "islands", names)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    action = " ".join(("islands", *names[:_NAMED])) + more
    return carry_out(session, [request], session.tools(works=not dry_run), action, restart=restart, dry_run=dry_run)

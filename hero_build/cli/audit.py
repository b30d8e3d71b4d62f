"""`audit`."""

from collections.abc import Sequence
from pathlib import Path

import click

from hero_build.cli import complete
from hero_build.cli.frame import command
from hero_build.cli.session import Session
from hero_build.errors import UsageError


@command("audit")
@click.argument("apps", nargs=-1, metavar="[APP]...", shell_complete=complete.apps)
@click.option(
    "--all",
    "folder",
    metavar="[DIR]",
    is_flag=False,
    flag_value="",
    help="Every app with a checkout in DIR (default: $CODEROOT).",
)
@click.option("--version", metavar="TAG", help="This release, and not the newest.")
@click.option("--no-release", is_flag=True, help="Do not ask the forge.")
def audit(session: Session, apps: Sequence[str], *, folder: str | None, version: str | None, no_release: bool) -> int:
    """Hold recipes against the service.toml files, the cargo workspace and the release of their repos.

    Tells binaries that are missing, extra, renamed or of another kind. Ends with 5 when any drifts.
    """
    from hero_build.output.pages.audit import page
    from hero_build.queries.audit import Wish, everything
    from hero_build.queries.audit import audit as query

    if bool(apps) == (folder is not None):
        hint = "`hero-build audit APP…` looks at some, `hero-build audit --all DIR` at all that are checked out in DIR."
        raise UsageError("audit takes either apps or --all", hint)
    if version and no_release:
        raise UsageError("--version and --no-release exclude each other", "Leave out one of them.")
    tools = session.tools()
    place = Path(folder).expanduser().absolute() if folder else session.settings.coderoot
    wanted = tools.catalog.expand(apps) if apps else everything(place, tools)
    answer = query(wanted, Wish(place, not no_release, version), tools)
    return session.screen.answer(answer, lambda paper: page(answer, paper), answer.code, answer.failed)

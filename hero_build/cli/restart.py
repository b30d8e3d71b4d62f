"""`restart`."""

from collections.abc import Sequence

import click

from hero_build.cli import complete
from hero_build.cli.frame import command
from hero_build.cli.session import Session
from hero_build.errors import UsageError


@command("restart")
@click.argument("apps", nargs=-1, metavar="APP...", shell_complete=complete.installed)
def restart(session: Session, apps: Sequence[str]) -> int:
    """Restart the services of apps, through hero_router or zinit, and see them well again."""
    from hero_build import restarting
    from hero_build.output.pages.restart import page
    from hero_build.queries.restarted import report
    from hero_build.queries.warnings import missing_bundles

    if not apps:
        raise UsageError("no app is named", "`hero-build status` shows what is installed and what of it runs.")
    tools = session.tools()
    found = restarting.named(tools.catalog.expand(apps), tools)
    if "hero_os" in found.touched:
        for warning in missing_bundles(session.root, session.generation()):
            session.screen.report(warning)
    answer = report(found)
    return session.screen.answer(answer, lambda paper: page(answer, paper), answer.code, answer.failed)

"""`restart`."""

from collections.abc import Sequence

import click
from msgspec.structs import replace

from hero_build.cli import completion
from hero_build.cli.base import command
from hero_build.cli.session import Session
from hero_build.errors import UsageError
from hero_build.model.artifacts import DESKTOP_APP
from hero_build.model.failure import failures


@command("restart", finishes_upgrade=True)
@click.argument("apps", nargs=-1, metavar="APP[:INSTANCE][/BINARY]...", shell_complete=completion.services)
def restart(session: Session, apps: Sequence[str]) -> int:
    """Restart the services of apps, and check their health; start those that are down.

    What hero_router or zinit runs is restarted through them.
    """
    from hero_build.ops import restart as ops_restart
    from hero_build.output.pages.restart import page
    from hero_build.queries.bundle_warnings import missing_bundles
    from hero_build.queries.change_report import report

    if not apps:
        raise UsageError("no app is named", "`hero-build status` shows what is installed and what runs.")
    context = session.context()
    with session.journaled("service.restart", apps, session.service_run()) as (operations, _):
        outcomes = ops_restart.restart_apps(apps, replace(context, emit=operations.watch(context.emit)))
        operations.end(failed=failures(outcomes.failed))
    if DESKTOP_APP in outcomes.touched:
        for warning in missing_bundles(session.root, session.generation()):
            session.console.report(warning)
    answer = report(outcomes)
    return session.console.answer(
        answer, lambda terminal: page(answer, terminal), code=answer.code, failed=answer.failed
    )

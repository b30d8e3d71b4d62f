"""`delete`."""

from collections.abc import Sequence

import click

from hero_build.cli import completion
from hero_build.cli.base import command
from hero_build.cli.session import Session
from hero_build.model.failure import failures

_NAMES = "APP[:INSTANCE][/BINARY]..."


@command("delete", changes_root=True)
@click.argument(
    "names", nargs=-1, required=True, metavar="APP[:INSTANCE][/BINARY]...", shell_complete=completion.services
)
@click.option("--purge", is_flag=True, help="Also uninstall the apps.")
def delete(session: Session, names: Sequence[str], *, purge: bool) -> int:
    """Stop the services of apps, and have their supervisor forget them; with --purge, uninstall the apps.

    Data, logs, configuration and secrets stay. `start` defines the services again.
    """
    from hero_build.ops.delete import delete as delete_services
    from hero_build.output.pages.delete import page
    from hero_build.queries.delete_report import delete_report

    before, run = session.generation(), session.service_run()
    with session.journaled("service.delete", names, run, purge_binaries=purge) as (operations, watched):
        result = delete_services(names, watched, purge=purge, wait=session.settings.wait)
        numbers = result.uninstalled and (result.uninstalled[0].number, result.uninstalled[1].number)
        operations.end(result.apps, failed=failures(result.failed), generations=numbers)
    if result.uninstalled:
        session.warn_of_lost_capabilities(before, result.uninstalled[1])
    answer = delete_report(result, session.root_flag)
    return session.console.answer(
        answer, lambda terminal: page(answer, terminal), code=answer.code, failed=answer.failed
    )

"""`lock` and `mirror`: for machines without a network, and for those that shall all hold the same."""

from collections.abc import Sequence
from pathlib import Path

import click

from hero_build.cli import complete
from hero_build.cli.frame import command
from hero_build.cli.session import Session

_PATH = click.Path(path_type=Path)


@command("lock")
@click.argument("apps", nargs=-1, required=True, metavar="APP...", shell_complete=complete.apps)
@click.option("-o", "--output", "file", metavar="FILE", required=True, type=_PATH, help="The lock file to write.")
def lock(session: Session, apps: Sequence[str], file: Path) -> int:
    """Pin what apps' newest releases have for this machine. Install it with `install --locked FILE`."""
    from hero_build.output.pages.stores import pinnings
    from hero_build.pinning import pin
    from hero_build.queries.problem import exit_code, problems

    tools = session.tools()
    answer = pin(tools.catalog.expand(apps), file, tools)
    failed = problems(answer.failed)
    return session.screen.answer(answer, lambda paper: pinnings(answer, paper), exit_code(failed, 0), failed)


@command("mirror")
@click.argument("apps", nargs=-1, required=True, metavar="APP...", shell_complete=complete.apps)
@click.argument("directory", metavar="DIR", type=_PATH)
@click.option("--version", metavar="TAG", help="This release, and not the newest.")
def mirror(session: Session, apps: Sequence[str], directory: Path, version: str | None) -> int:
    """Copy apps' releases, every platform of them, into a directory. Install from it with --forge file:///DIR."""
    from hero_build import mirroring
    from hero_build.output.pages.stores import mirrored
    from hero_build.queries.problem import exit_code, problems

    tools = session.tools()
    answer = mirroring.mirror(tools.catalog.expand(apps), directory, version, tools)
    failed = problems(answer.failed)
    code = exit_code(failed, len(answer.apps))
    return session.screen.answer(answer, lambda paper: mirrored(answer, paper), code, failed)

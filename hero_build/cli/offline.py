"""`lock` and `mirror`: for machines without a network, and for machines that must all have the same versions."""

import os
from collections.abc import Sequence
from pathlib import Path

import click

from hero_build.cli import completion
from hero_build.cli.app_names import check_versions, split_versions
from hero_build.cli.base import command
from hero_build.cli.session import Session

_PATH = click.Path(path_type=Path)


@command("lock")
@click.argument("apps", nargs=-1, required=True, metavar="APP...", shell_complete=completion.apps)
@click.option("-o", "--output", "file", metavar="FILE", required=True, type=_PATH, help="Write the lock file FILE.")
@click.option("--sign", "key", metavar="KEYFILE", type=_PATH, help="Sign it with this minisign key, as FILE.minisig.")
def lock(session: Session, apps: Sequence[str], file: Path, *, key: Path | None) -> int:
    """Write a lock file of apps' newest releases for this machine, or of APP@VERSION.

    Install from it with `install --locked FILE`.
    """
    from hero_build.ops.write_lockfile import pin
    from hero_build.output.pages.maintenance import lock_page
    from hero_build.publish.signing import read_signer

    signer = read_signer(key, os.environ) if key else None
    context = session.context()
    names, versions = split_versions(apps)
    answer = pin(session.apps(context.catalog, names), versions=versions, file=file, context=context, signer=signer)
    return session.console.answer(
        answer, lambda terminal: lock_page(answer, terminal), code=answer.code, failed=answer.failed
    )


@command("mirror")
@click.argument("apps", nargs=-1, required=True, metavar="APP...", shell_complete=completion.apps)
@click.argument("directory", metavar="DIR", type=_PATH)
@click.option("--version", metavar="TAG", help="Use this release instead of the newest.")
def mirror(session: Session, apps: Sequence[str], directory: Path, version: str | None) -> int:
    """Copy apps' releases, for all platforms, into a directory; APP@VERSION names one. Install from it with --forge file:///DIR."""
    from hero_build.ops import write_mirror
    from hero_build.output.pages.maintenance import mirror_page

    context = session.context()
    typed, versions = split_versions(apps)
    check_versions(versions, version=version)
    names = session.apps(context.catalog, typed)
    tags = {app: versions.get(app, version) for app in names}
    answer = write_mirror.mirror(names, versions=tags, directory=directory, context=context)
    return session.console.answer(
        answer, lambda terminal: mirror_page(answer, terminal), code=answer.code, failed=answer.failed
    )

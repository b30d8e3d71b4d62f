"""`shell` and `islands`: the bundles of the desktop."""

from collections.abc import Sequence
from typing import Any

import click

from hero_build.cli.base import command
from hero_build.cli.install import change_options
from hero_build.cli.install_bundles import install_bundles
from hero_build.cli.install_options import InstallOptions
from hero_build.cli.options import bundle_options
from hero_build.cli.session import Session
from hero_build.model.installed import Phase


@command("shell", changes_root=True)
@bundle_options
@change_options
def shell(session: Session, **values: Any) -> int:
    """Install or update the desktop shell, from a release or built."""
    return _install(session, "shell", (), **values)


@command("islands", changes_root=True)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@bundle_options
@change_options
def islands(session: Session, names: Sequence[str], **values: Any) -> int:
    """Install or update the desktop islands, or only those named, from a release or built.

    An island that fails keeps its old version; the others are installed.
    """
    return _install(session, "islands", names, **values)


def _install(
    session: Session,
    phase: Phase,
    names: Sequence[str],
    *,
    restart: bool,
    rollback_on_failure: bool,
    dry_run: bool,
    **values: Any,
) -> int:
    return install_bundles(
        session,
        phase,
        names=names,
        options=InstallOptions(**values),
        restart=restart,
        rollback_on_failure=rollback_on_failure,
        dry_run=dry_run,
    )

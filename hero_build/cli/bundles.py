"""`shell` and `islands`: the bundles of the desktop."""

from collections.abc import Sequence
from typing import Any

import click

from hero_build.cli.base import command
from hero_build.cli.install import change_options
from hero_build.cli.install_options import InstallOptions
from hero_build.cli.locked import LockedSet
from hero_build.cli.options import bundle_options
from hero_build.cli.run_install import require_restart, run_install, shortened
from hero_build.cli.session import Session
from hero_build.model.artifacts import DESKTOP_APP, ISLANDS_APP
from hero_build.model.installed import Phase


@command("shell", changes_root=True)
@bundle_options
@change_options
def shell(session: Session, **values: Any) -> int:
    """Install or update the desktop shell, from a release or built."""
    return _install_bundles(session, DESKTOP_APP, "shell", names=(), **values)


@command("islands", changes_root=True)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@bundle_options
@change_options
def islands(session: Session, names: Sequence[str], **values: Any) -> int:
    """Install or update the desktop islands, or only those named, from a release or built.

    An island that fails keeps its old version; the others are installed.
    """
    return _install_bundles(session, ISLANDS_APP, "islands", names=names, **values)


def _install_bundles(
    session: Session,
    app: str,
    phase: Phase,
    *,
    names: Sequence[str],
    restart: bool,
    rollback_on_failure: bool,
    dry_run: bool,
    **values: Any,
) -> int:
    require_restart(restart=restart, rollback_on_failure=rollback_on_failure)
    options = InstallOptions(**values).for_pack(session)
    lock = options.open_lock(session)
    return run_install(
        session,
        requests=[options.request(app, phase, names)],
        context=session.context(lock.forge if lock else None, use="plan" if dry_run else "change"),
        action=f"{phase} {shortened(names)}".rstrip(),
        restart=restart,
        gated=rollback_on_failure,
        dry_run=dry_run,
        lock=LockedSet(lock.sha256, whole=False) if lock else None,
    )

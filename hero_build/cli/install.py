"""`install`."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from hero_build.cli import completion
from hero_build.cli.base import command
from hero_build.cli.install_options import InstallOptions
from hero_build.cli.options import app_options
from hero_build.cli.run_install import install_apps
from hero_build.cli.session import Session

F = TypeVar("F", bound=Callable[..., int])


def change_options(function: F) -> F:
    """Add the options of every command that installs."""
    dry_run = click.option("-n", "--dry-run", is_flag=True, help="Print what would be done, and do nothing.")
    restart = click.option("--restart", is_flag=True, help="Restart running services whose programs changed.")
    rollback = click.option(
        "--rollback-on-failure", is_flag=True, help="With --restart: roll back if a service is not healthy after it."
    )
    return restart(rollback(dry_run(function)))


@command("install", changes_root=True)
@click.argument("apps", nargs=-1, metavar="APP...", shell_complete=completion.apps)
@app_options
@click.option("--exact", is_flag=True, help="With --locked: uninstall apps that are not in the lock file.")
@click.option("--with-needs", is_flag=True, help="Also install the apps that these need.")
@change_options
def install(
    session: Session,
    apps: Sequence[str],
    *,
    with_needs: bool,
    restart: bool,
    rollback_on_failure: bool,
    dry_run: bool,
    **values: Any,
) -> int:
    """Install or update apps; each app switches as a whole. APP@VERSION names a release, @SET a set, @all every app.

    An app that fails keeps its old version; the others are installed. Without APP, --locked installs everything in its
    file, and a pack everything in it.
    """
    return install_apps(
        session,
        apps,
        InstallOptions(**values),
        with_needs=with_needs,
        restart=restart,
        rollback_on_failure=rollback_on_failure,
        dry_run=dry_run,
    )

"""`upgrade`, `hold` and `unhold`."""

from collections.abc import Sequence

import click

from hero_build.cli import completion
from hero_build.cli.base import command
from hero_build.cli.run_install import run_install, shortened
from hero_build.cli.session import Session
from hero_build.errors import UsageError
from hero_build.events import WarningRaised


@command("upgrade", changes_root=True)
@click.argument("apps", nargs=-1, metavar="[APP]...", shell_complete=completion.installed)
@click.option("-n", "--dry-run", is_flag=True, help="Print what would be done, and do nothing.")
@click.option("--no-restart", is_flag=True, help="Let running services run what they run.")
def upgrade(session: Session, apps: Sequence[str], *, dry_run: bool, no_restart: bool) -> int:
    """Upgrade installed apps, or only those named, to their newest versions; held apps stay as they are.

    An app that was installed with --mode source is built from its fast-forwarded checkout. Services that run are
    restarted; if one is not as healthy as before, the upgrade is rolled back.
    """
    from hero_build.ops.upgrade import requests
    from hero_build.queries.apps import by_app, present

    generation = session.generation()
    context = session.context(use="plan" if dry_run else "change")
    installed = by_app(generation)
    names = present(apps, installed, context.catalog) if apps else tuple(installed)
    if missing := [app for app in names if app not in context.catalog.files and app not in apps]:
        session.console.report(WarningRaised(f"not upgraded, for lack of a recipe: {', '.join(missing)}"))
    names = session.without_held([app for app in names if app not in missing], named=())
    if held := [app for app in apps if app in installed and app not in names]:
        raise UsageError(f"{held[0]} is held", f"`hero-build unhold {held[0]}` releases it.")
    return run_install(
        session,
        requests=requests(names, generation),
        context=context,
        action=f"upgrade {shortened(apps)}".rstrip(),
        method="service.upgrade",
        restart=not no_restart,
        gated=not no_restart,
        dry_run=dry_run,
    )


@command("hold")
@click.argument("apps", nargs=-1, required=True, metavar="APP...", shell_complete=completion.installed)
def hold(session: Session, apps: Sequence[str]) -> int:
    """Keep apps at their installed version: `upgrade` and `install @SET` leave them as they are.

    `install APP` still changes an app that is named; `status` shows which apps are held.
    """
    from hero_build.ops.hold import hold as hold_apps
    from hero_build.output.pages.hold import hold_page
    from hero_build.queries.apps import by_app, present

    names = present(apps, by_app(session.generation()), session.catalog())
    answer = hold_apps(session.root, names, session.settings.wait)
    session.record("hold", answer.changed)
    return session.console.answer(answer, lambda terminal: hold_page(answer, names, terminal))


@command("unhold")
@click.argument("apps", nargs=-1, required=True, metavar="APP...", shell_complete=completion.held)
def unhold(session: Session, apps: Sequence[str]) -> int:
    """Release apps that are held, so that they are upgraded again."""
    from hero_build.install.holds import held_apps
    from hero_build.ops.hold import unhold as unhold_apps
    from hero_build.output.pages.hold import unhold_page
    from hero_build.queries.apps import expand

    names = expand(apps, dict.fromkeys(held_apps(session.root)), session.catalog())
    answer = unhold_apps(session.root, names, session.settings.wait)
    session.record("unhold", answer.changed)
    return session.console.answer(answer, lambda terminal: unhold_page(answer, names, terminal))

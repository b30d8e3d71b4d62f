"""`list`, `show`, `status`, `explain`: answers that change nothing."""

from collections.abc import Sequence
from typing import Any

import click

from hero_build.cli import completion
from hero_build.cli.base import command
from hero_build.cli.options import InstallOptions, flags
from hero_build.cli.session import Session
from hero_build.model.artifacts import DESKTOP_APP


@command("list")
def list_(session: Session) -> int:
    """Every app there is, with what is installed, and the sets."""
    from hero_build.output.pages.list import page
    from hero_build.queries.list import listing

    answer = listing(session.catalog(), session.generation())
    return session.console.answer(answer, lambda terminal: page(answer, terminal))


@command("show")
@click.argument("app", shell_complete=completion.apps)
@click.option("--release", metavar="TAG", help="This release, and not the newest, with how it was built.")
def show(session: Session, app: str, *, release: str | None) -> int:
    """What an app is, what is installed of it, and its newest release. -v lists the release's assets."""
    from hero_build.output.pages.show import page
    from hero_build.queries import show as query

    answer = query.show(app, session.context(), release)
    return session.console.answer(answer, lambda terminal: page(answer, terminal))


@command("status")
@click.argument("apps", nargs=-1, metavar="[APP]...", shell_complete=completion.installed)
@click.option("--latest", is_flag=True, help="Ask the forge for the newest releases, too.")
def status(session: Session, apps: Sequence[str], *, latest: bool) -> int:
    """What is installed, whether it is intact, and what of it runs. A quick look: `verify` reads every byte."""
    from hero_build.output.pages.status import page
    from hero_build.queries import status as query

    answer = query.status(session.root, session.catalog(), apps)
    if any(app.name == DESKTOP_APP for app in answer.apps):
        from hero_build.queries.bundle_warnings import missing_bundles

        for warning in missing_bundles(session.root, session.generation()):
            session.console.report(warning)
    if latest:
        answer = query.with_latest(answer, session.context())
    return session.console.answer(answer, lambda terminal: page(answer, terminal))


@command("explain")
@click.argument("app", shell_complete=completion.apps)
@flags
def explain(session: Session, app: str, **typed: Any) -> int:
    """Why an install with the same flags would do what it does: facts, decision, reason. Changes nothing."""
    from hero_build.output.pages.explain import page
    from hero_build.queries import explain as query

    options = InstallOptions(**typed)
    forge, _ = options.forge(session)
    answer = query.explain(options.request(app), session.context(forge))
    return session.console.answer(answer, lambda terminal: page(answer, terminal), answer.code)

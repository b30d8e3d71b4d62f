"""`list`, `show`, `status`, `explain`: answers that change nothing."""

from collections.abc import Sequence
from typing import Any

import click

from hero_build.cli import complete
from hero_build.cli.frame import command
from hero_build.cli.session import Session
from hero_build.cli.wish import Wish, flags


@command("list")
def list_(session: Session) -> int:
    """Every app there is, with what is installed, and the sets."""
    from hero_build.output.pages.listing import page
    from hero_build.queries.listing import listing

    answer = listing(session.catalog(), session.generation())
    return session.screen.answer(answer, lambda paper: page(answer, paper))


@command("show")
@click.argument("app", shell_complete=complete.apps)
@click.option("--release", metavar="TAG", help="This release, and not the newest, with how it was built.")
def show(session: Session, app: str, *, release: str | None) -> int:
    """What an app is, what is installed of it, and its newest release. -v lists the release's assets."""
    from hero_build.output.pages.show import page
    from hero_build.queries import show as query

    answer = query.show(app, session.tools(), release)
    return session.screen.answer(answer, lambda paper: page(answer, paper))


@command("status")
@click.argument("apps", nargs=-1, metavar="[APP]...", shell_complete=complete.installed)
@click.option("--latest", is_flag=True, help="Ask the forge for the newest releases, too.")
def status(session: Session, apps: Sequence[str], *, latest: bool) -> int:
    """What is installed, whether it is intact, and what of it runs. A quick look: `verify` reads every byte."""
    from hero_build.output.pages.status import page
    from hero_build.queries import status as query

    answer = query.status(session.root, session.catalog(), apps)
    if any(app.name == "hero_os" for app in answer.apps):
        from hero_build.queries.warnings import missing_bundles

        for warning in missing_bundles(session.root, session.generation()):
            session.screen.report(warning)
    if latest:
        answer = query.with_latest(answer, session.tools())
    return session.screen.answer(answer, lambda paper: page(answer, paper))


@command("explain")
@click.argument("app", shell_complete=complete.apps)
@flags
def explain(session: Session, app: str, **typed: Any) -> int:
    """Why an install with the same flags would do what it does: facts, decision, reason. Changes nothing."""
    from hero_build.output.pages.explain import page
    from hero_build.queries import explain as query

    wish = Wish(**typed)
    forge, _ = wish.forge(session)
    answer = query.explain(wish.request(app), session.tools(forge))
    return session.screen.answer(answer, lambda paper: page(answer, paper), answer.code)

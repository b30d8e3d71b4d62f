"""`list`, `show`, `status` and `explain`: read-only commands."""

from collections.abc import Sequence
from typing import Any

import click
from msgspec.structs import replace

from hero_build.cli import completion
from hero_build.cli.app_names import check_versions, one_version, split_versions
from hero_build.cli.base import command
from hero_build.cli.install_options import InstallOptions
from hero_build.cli.options import app_options
from hero_build.cli.quick import list_apps
from hero_build.cli.session import Session
from hero_build.errors import NotFound
from hero_build.model.artifacts import DESKTOP_APP

_NOTHING = "nothing is installed. `hero-build list` shows what can be."


@command("list")
@click.option("--installed", is_flag=True, help="Only installed apps.")
@click.option("--outdated", "is_outdated", is_flag=True, help="Only apps with a newer release; asks the forge.")
def list_(session: Session, *, installed: bool, is_outdated: bool) -> int:
    """List all apps, what they are, their installed versions, and the sets.

    Beside the sets that are listed, @all is every app, and @installed is what is installed.
    """
    if not (installed or is_outdated):
        return list_apps(session)
    from hero_build.output.pages.list import page
    from hero_build.queries import list as query

    answer = query.listing(session.root, session.catalog(), session.generation(), installed_only=True)
    if not (is_outdated and answer.apps):
        return session.console.answer(answer, lambda terminal: page(answer, terminal, _NOTHING))
    from hero_build.output.pages.outdated import summary
    from hero_build.queries.outdated import only_outdated, outdated

    report = outdated([app.name for app in answer.apps], session.generation(), session.context())
    newer, empty = only_outdated(answer, report), "" if report.failed else summary(report)
    return session.console.answer(
        newer, lambda terminal: page(newer, terminal, empty), code=report.code, failed=report.failed
    )


@command("search")
@click.argument("words", nargs=-1, required=True, metavar="WORD...")
def search(session: Session, words: Sequence[str]) -> int:
    """Search for apps by words in their names and descriptions."""
    from hero_build.output.pages.list import page
    from hero_build.queries import list as query

    answer = query.search(query.listing(session.root, session.catalog(), session.generation()), words)
    if not (answer.apps or answer.sets):
        raise NotFound(f"no app matches {' '.join(words)!r}", "`hero-build list` shows all.")
    return session.console.answer(answer, lambda terminal: page(answer, terminal))


@command("outdated")
@click.argument("apps", nargs=-1, metavar="[APP]...", shell_complete=completion.installed)
def outdated(session: Session, apps: Sequence[str]) -> int:
    """Show installed apps with a newer release. `upgrade` installs those."""
    from hero_build.output.pages.outdated import page
    from hero_build.queries import outdated as query
    from hero_build.queries.apps import by_app, present

    generation, context = session.generation(), session.context()
    installed = by_app(generation)
    answer = query.outdated(
        present(apps, installed, context.catalog) if apps else tuple(installed), generation, context
    )
    return session.console.answer(
        answer, lambda terminal: page(answer, terminal), code=answer.code, failed=answer.failed
    )


@command("show")
@click.argument("app", shell_complete=completion.apps)
@click.option(
    "--version",
    "--release",
    "version",
    metavar="TAG",
    help="Show this release instead of the newest, with its build records.",
)
def show(session: Session, app: str, *, version: str | None) -> int:
    """Show an app's recipe, installed version and newest release. -v lists the assets of the release."""
    from hero_build.output.pages.show import page
    from hero_build.queries import show as query

    name, version = one_version(app, version, "--version")
    answer = query.show(name, session.context(), version)
    return session.console.answer(answer, lambda terminal: page(answer, terminal))


@command("status")
@click.argument("names", nargs=-1, metavar="[APP[:INSTANCE][/BINARY]]...", shell_complete=completion.services)
@click.option("--latest", is_flag=True, help="Also ask the forge for the newest releases.")
def status(session: Session, names: Sequence[str], *, latest: bool) -> int:
    """Show what is installed, whether it is intact, and what runs. A quick check: `verify` reads every byte."""
    from hero_build.output.pages.status import page
    from hero_build.queries import status as query

    installed = query.status(session.root, session.catalog(), query.apps_of(names))
    answer = query.with_services(installed, session.root, supervisor=session.supervisor(), names=names)
    if any(app.name == DESKTOP_APP for app in answer.apps):
        from hero_build.queries.bundle_warnings import missing_bundles

        for warning in missing_bundles(session.root, session.generation()):
            session.console.report(warning)
    if latest:
        answer = query.with_latest(answer, session.context())
    return session.console.answer(answer, lambda terminal: page(answer, terminal))


@command("explain")
@click.argument("app", shell_complete=completion.apps)
@app_options
def explain(session: Session, app: str, **values: Any) -> int:
    """Explain what an install with the same options would do: facts, decision, reason. Changes nothing."""
    from hero_build.output.pages.explain import page
    from hero_build.queries import explain as query

    options = InstallOptions(**values).for_pack(session)
    lock = options.open_lock(session)
    (name,), versions = split_versions([app])
    check_versions(versions, version=options.version, ref=options.ref)
    request = replace(options.request(name), version=versions.get(name, options.version))
    answer = query.explain(request, session.context(lock.forge if lock else None, use="plan"))
    return session.console.answer(answer, lambda terminal: page(answer, terminal), answer.code)

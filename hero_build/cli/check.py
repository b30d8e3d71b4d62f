"""`verify`, `doctor` and `audit`."""

import os
from collections.abc import Sequence
from pathlib import Path

import click
from msgspec.structs import replace

from hero_build.cli import completion
from hero_build.cli.base import command
from hero_build.cli.session import Session
from hero_build.errors import UsageError
from hero_build.system.home import expand


@command("verify", changes_root=True, finishes_upgrade=False)
@click.argument("apps", nargs=-1, metavar="[APP]...", shell_complete=completion.installed)
@click.option("--repair", is_flag=True, help="Restore links, and download or build damaged files again.")
@click.option("--against-release", is_flag=True, help="Also compare every file with the release.")
@click.option("--version", metavar="TAG", help="Compare with this release instead of the installed one.")
def verify(session: Session, apps: Sequence[str], *, repair: bool, against_release: bool, version: str | None) -> int:
    """Check every installed file and link against the manifest. Exit code 5: something is damaged."""
    from hero_build.output.pages.verify import page
    from hero_build.queries.verify import verify as query

    if version and not against_release:
        raise UsageError("--version needs --against-release", "Add --against-release, or leave out --version.")
    if repair:
        session.finish_interrupted_upgrade()
    answer = query(session.root, session.catalog(), apps)
    if repair and (answer.damaged or answer.stray):
        from hero_build.ops.repair import repair as repair_apps
        from hero_build.queries import change_report

        context = session.context(use="change")
        with context.checkouts:
            outcome = repair_apps(answer.damaged, context)
        session.warn_of_lost_capabilities(outcome.before, outcome.after)
        changes = change_report.outcome(outcome, session.root_flag)
        repaired = [part.app for part in changes.parts if part.state != "kept"]
        numbers = changes.before, changes.after
        session.record("verify --repair", repaired, failed=changes.failed, generations=numbers)
        answer = replace(query(session.root, session.catalog(), apps), repair=changes)
    if against_release:
        from hero_build.queries.compare_release import compare_release

        against = compare_release(session.generation(), names=apps, version=version, context=session.context())
        answer = replace(answer, against=against)
    return session.console.answer(
        answer, lambda terminal: page(answer, terminal), code=answer.code, failed=answer.failed
    )


@command("doctor")
@click.option("--wasm", is_flag=True, help="Also check the WebAssembly toolchain.")
@click.option("--publish", is_flag=True, help="Also check the Rust targets and tools that releases are built with.")
def doctor(session: Session, *, wasm: bool, publish: bool) -> int:
    """Check that this machine has what hero-build needs, and show each setting with its source."""
    from hero_build.output.pages.doctor import page
    from hero_build.queries.doctor import doctor as query

    answer = query(session.context(), os.environ.get("PATH", ""), wasm=wasm, publish=publish)
    return session.console.answer(answer, lambda terminal: page(answer, terminal), answer.code)


@command("audit")
@click.argument("apps", nargs=-1, metavar="[APP]...", shell_complete=completion.apps)
@click.option(
    "--all",
    "folder",
    metavar="[DIR]",
    is_flag=False,
    flag_value="",
    help="Audit every app with a checkout in DIR (default: $CODEROOT).",
)
@click.option("--version", metavar="TAG", help="Use this release instead of the newest.")
@click.option("--no-release", is_flag=True, help="Do not ask the forge.")
def audit(session: Session, apps: Sequence[str], *, folder: str | None, version: str | None, no_release: bool) -> int:
    """Compare recipes with the service.toml files, the cargo workspace and the release of their repositories.

    Reports binaries that are missing, extra, renamed or of another kind. Exit code 5: some recipe differs.
    """
    from hero_build.output.pages.audit import page
    from hero_build.queries.audit import AuditOptions, apps_with_checkout
    from hero_build.queries.audit import audit as query

    if bool(apps) == (folder is not None):
        hint = "Name apps, `hero-build audit APP…`, or a folder of checkouts, `hero-build audit --all DIR`."
        raise UsageError("audit takes either apps or --all", hint)
    if version and no_release:
        raise UsageError("--version and --no-release exclude each other", "Leave out one of them.")
    context = session.context()
    checkouts = Path(expand(folder)).absolute() if folder else session.settings.coderoot
    names = session.apps(context.catalog, apps) if apps else apps_with_checkout(checkouts, context)
    answer = query(names, AuditOptions(checkouts, not no_release, version), context)
    return session.console.answer(
        answer, lambda terminal: page(answer, terminal), code=answer.code, failed=answer.failed
    )

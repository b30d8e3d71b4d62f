"""`verify` and `doctor`."""

import os
from collections.abc import Sequence
from pathlib import Path

import click
from msgspec.structs import replace

from hero_build.cli import completion
from hero_build.cli.base import command
from hero_build.cli.session import Session
from hero_build.errors import UsageError


@command("verify")
@click.argument("apps", nargs=-1, metavar="[APP]...", shell_complete=completion.installed)
@click.option("--repair", is_flag=True, help="Link again and fetch again what is damaged.")
@click.option("--against-release", is_flag=True, help="Hold every byte against the release that has it, too.")
@click.option("--version", metavar="TAG", help="That release, and not the one that is installed.")
def verify(session: Session, apps: Sequence[str], *, repair: bool, against_release: bool, version: str | None) -> int:
    """Hold every installed byte and link against the manifest. Ends with 5 when something is damaged."""
    from hero_build.output.pages.verify import page
    from hero_build.queries.verify import verify as query

    if version and not against_release:
        raise UsageError("--version names a release to compare with", "Add --against-release, or leave it out.")
    answer = query(session.root, session.catalog(), apps)
    if repair and (answer.damaged or answer.stray):
        from hero_build.ops.repair import repair as mend
        from hero_build.queries import change_report

        context = session.context(works=True)
        with context.checkouts:
            mended = change_report.outcome(mend(answer.damaged, context), session.root_flag)
        answer = replace(query(session.root, session.catalog(), apps), repair=mended)
    if against_release:
        from hero_build.queries.compare_release import against

        answer = replace(
            answer, against=against(session.generation(), names=apps, version=version, context=session.context())
        )
    return session.console.answer(answer, lambda terminal: page(answer, terminal), answer.code, answer.failed)


@command("doctor")
@click.option("--wasm", is_flag=True, help="Look at the toolchain for WebAssembly, too.")
def doctor(session: Session, *, wasm: bool) -> int:
    """Whether this machine has what hero-build needs, and each setting with where it comes from."""
    from hero_build.output.pages.doctor import page
    from hero_build.queries.doctor import doctor as query

    answer = query(session.context(), os.environ.get("PATH", ""), wasm=wasm)
    return session.console.answer(answer, lambda terminal: page(answer, terminal), answer.code)


@command("audit")
@click.argument("apps", nargs=-1, metavar="[APP]...", shell_complete=completion.apps)
@click.option(
    "--all",
    "folder",
    metavar="[DIR]",
    is_flag=False,
    flag_value="",
    help="Every app with a checkout in DIR (default: $CODEROOT).",
)
@click.option("--version", metavar="TAG", help="This release, and not the newest.")
@click.option("--no-release", is_flag=True, help="Do not ask the forge.")
def audit(session: Session, apps: Sequence[str], *, folder: str | None, version: str | None, no_release: bool) -> int:
    """Hold recipes against the service.toml files, the cargo workspace and the release of their repos.

    Tells binaries that are missing, extra, renamed or of another kind. Ends with 5 when any drifts.
    """
    from hero_build.output.pages.audit import page
    from hero_build.queries.audit import AuditOptions, everything
    from hero_build.queries.audit import audit as query

    if bool(apps) == (folder is not None):
        hint = "`hero-build audit APP…` looks at some, `hero-build audit --all DIR` at all that are checked out in DIR."
        raise UsageError("audit takes either apps or --all", hint)
    if version and no_release:
        raise UsageError("--version and --no-release exclude each other", "Leave out one of them.")
    context = session.context()
    place = Path(folder).expanduser().absolute() if folder else session.settings.coderoot
    wanted = context.catalog.expand(apps) if apps else everything(place, context)
    answer = query(wanted, AuditOptions(place, not no_release, version), context)
    return session.console.answer(answer, lambda terminal: page(answer, terminal), answer.code, answer.failed)

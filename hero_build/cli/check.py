"""`verify` and `doctor`."""

import os
from collections.abc import Sequence
from dataclasses import replace

import click

from hero_build.cli import complete
from hero_build.cli.frame import command
from hero_build.cli.session import Session
from hero_build.errors import UsageError


@command("verify")
@click.argument("apps", nargs=-1, metavar="[APP]...", shell_complete=complete.installed)
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
        from hero_build.queries import changed
        from hero_build.repair import repair as mend

        tools = session.tools(works=True)
        with tools.checkouts:
            mended = changed.outcome(mend(answer.damaged, tools), session.root_flag)
        answer = replace(query(session.root, session.catalog(), apps), repair=mended)
    if against_release:
        from hero_build.queries.against import against

        answer = replace(answer, against=against(session.generation(), apps, version, session.tools()))
    return session.screen.answer(answer, lambda paper: page(answer, paper), answer.code, answer.failed)


@command("doctor")
@click.option("--wasm", is_flag=True, help="Look at the toolchain for WebAssembly, too.")
def doctor(session: Session, *, wasm: bool) -> int:
    """Whether this machine has what hero-build needs, and each setting with where it comes from."""
    from hero_build.output.pages.doctor import page
    from hero_build.queries.doctor import doctor as query

    answer = query(session.tools(), os.environ.get("PATH", ""), wasm=wasm)
    return session.screen.answer(answer, lambda paper: page(answer, paper), answer.code)

"""`build`."""

from collections.abc import Sequence
from typing import Any

import click

from hero_build.cli import completion
from hero_build.cli.app_names import check_versions, split_versions
from hero_build.cli.base import command
from hero_build.cli.install_options import InstallOptions
from hero_build.cli.locked import locked_apps
from hero_build.cli.options import app_options
from hero_build.cli.session import Session


@command("build")
@click.argument("apps", nargs=-1, metavar="APP...", shell_complete=completion.apps)
@app_options
def build(session: Session, apps: Sequence[str], **values: Any) -> int:
    """Download or build apps and verify them, without installing: the files are in the store alone.

    A later `install` takes what cargo has built; `gc` deletes what was never installed.
    """
    from hero_build.ops.build import build as build_apps
    from hero_build.output.pages.build import page
    from hero_build.queries.build_report import build_report

    options = InstallOptions(**values).for_pack(session)
    lock = options.open_lock(session)
    context = session.context(lock.forge if lock else None, use="change")
    typed, versions = split_versions(apps)
    check_versions(versions, version=options.version, ref=options.ref)
    names = session.expand(context.catalog, typed or locked_apps(lock, context.catalog), with_needs=False)
    requests = options.requests(names, versions, lock)
    with context.checkouts:
        answer = build_report(build_apps(requests, context))
    fresh = [part.app for part in answer.parts if part.fresh]
    session.record("service.build", fresh, failed=answer.failed, mode=options.mode)
    return session.console.answer(
        answer, lambda terminal: page(answer, terminal), code=answer.code, failed=answer.failed
    )

"""`history`, `diff`, `rollback`, `uninstall`, `gc`."""

import functools
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import click

from hero_build.cli import completion
from hero_build.cli.base import command
from hero_build.cli.session import Session
from hero_build.errors import HeroBuildError
from hero_build.events import WarningRaised

if TYPE_CHECKING:
    from hero_build.catalog.loader import Catalog
    from hero_build.model.installed import Generation

_NUMBER = click.IntRange(min=0)


@command("history")
def history(session: Session) -> int:
    """List the generations of this root, oldest first, with their changes. -v names every app."""
    from hero_build.install.history import list_generations
    from hero_build.install.recover import current_number
    from hero_build.output.pages.history import history as page
    from hero_build.queries.history import history as query

    root = session.root
    answer = query(str(root.path), current_number(root), list_generations(root))
    return session.console.answer(answer, lambda terminal: page(answer, terminal))


@command("diff")
@click.argument("first", metavar="[A]", required=False, type=_NUMBER, shell_complete=completion.generations)
@click.argument("second", metavar="[B]", required=False, type=_NUMBER, shell_complete=completion.generations)
def diff(session: Session, first: int | None, second: int | None) -> int:
    """Show what changed from generation A (default: the previous one) to generation B (default: the current one)."""
    from hero_build.output.pages.history import diff as page
    from hero_build.queries import diff as query

    numbers = [number for number in (first, second) if number is not None]
    answer = query.diff(*query.pair(session.root, numbers))
    return session.console.answer(answer, lambda terminal: page(answer, terminal))


@command("rollback", changes_root=True, finishes_upgrade=False)
@click.argument("number", metavar="[N]", required=False, type=_NUMBER, shell_complete=completion.generations)
def rollback(session: Session, number: int | None) -> int:
    """Restore the content of generation N (default: the previous one) as a new generation. What runs of apps that it
    does not have is stopped.

    A previous generation whose services did not come up, so that it was rolled back, is not the default.
    """
    from hero_build.install.history import earlier_number
    from hero_build.ops.rollback import rollback as restore
    from hero_build.ops.way_back import require_way_back
    from hero_build.output.pages.install import page
    from hero_build.queries.change_report import between
    from hero_build.services.evidence import failed_generations

    if number is None and session.root.upgrade.exists():  # earlier than it, also if a newer generation undoes it
        number = earlier_number(session.root, failed_generations(session.root))
    session.finish_interrupted_upgrade()
    check = partial(require_way_back, catalog=_catalog(session, "whether the data can go back is not known"))
    before, after = restore(
        session.root,
        number,
        wait=session.settings.wait,
        check=check,
        run=session.service_run,
        emit=session.console.report,
    )
    answer = between(before, after, session.root_flag)
    session.warn_of_lost_capabilities(before, after)
    _warn_of_running(session, before, after)
    session.record("catalog.restore", [part.app for part in answer.parts], generations=(before.number, after.number))
    return session.console.answer(answer, lambda terminal: page(answer, terminal))


@command("uninstall", changes_root=True)
@click.argument("apps", nargs=-1, required=True, metavar="APP...", shell_complete=completion.installed)
def uninstall(session: Session, apps: Sequence[str]) -> int:
    """Stop and forget the services of apps, uninstall the apps with all their parts, and restore the files that they
    replaced.

    An app of which a service does not stop stays installed. Data, logs, configuration and secrets stay.
    """
    from hero_build.model.failure import failures
    from hero_build.ops.uninstall import uninstall as remove
    from hero_build.output.pages.uninstall import page
    from hero_build.queries.uninstall_report import uninstall_report
    from hero_build.services.journaled import journaled

    names = _uninstallable(session, apps)
    with journaled(session.root, "uninstall") as operations:
        operations.expect(names)
        run = functools.partial(session.service_run, operations.watch(session.console.report))
        result = remove(names, session.root, wait=session.settings.wait, run=run)
        answer = uninstall_report(result, session.root_flag)
        gone = [part.app for part in answer.parts]
        operations.end(gone, failed=failures(result.failed), generations=(answer.before, answer.after))
    session.warn_of_lost_capabilities(result.before, result.after)
    _warn_of_running(session, result.before, result.after)
    return session.console.answer(
        answer, lambda terminal: page(answer, terminal), code=answer.code, failed=answer.failed
    )


def _warn_of_running(session: Session, before: "Generation", after: "Generation") -> None:
    """Of services whose programs have gone with a change from `before` to `after`."""
    from hero_build.queries.still_running import still_running

    for warning in still_running(session.root, before, after):
        session.console.report(warning)


def _uninstallable(session: Session, names: Sequence[str]) -> Sequence[str]:
    """Installed apps, and those of which an uninstall that was killed left services. Raises AppNotFound, NotFound."""
    from hero_build.queries.apps import by_app, present
    from hero_build.services.records import recorded_services

    left = {record.app: () for record in recorded_services(session.root)}
    return present(names, {**left, **by_app(session.generation())}, session.catalog())


@command("gc", finishes_upgrade=True)
@click.option("--keep", type=click.IntRange(min=1), default=5, show_default=True, help="Number of generations to keep.")
@click.option("--builds", is_flag=True, help="Also delete cargo's target folders in checkouts, and logs of builds.")
@click.option("--cache", is_flag=True, help="Also delete hero-build's cache.")
@click.option("-n", "--dry-run", is_flag=True, help="Print what would be deleted, and delete nothing.")
def gc(session: Session, keep: int, *, builds: bool, cache: bool, dry_run: bool) -> int:
    """Delete old generations and stale downloads, and show what is on the disk.

    Generations that running programs use are kept. What --builds and --cache delete is made again when it is needed;
    uncommitted work is never deleted.
    """
    from hero_build.ops.gc import GcOptions
    from hero_build.ops.gc import gc as collect
    from hero_build.output.pages.gc import gc_page

    options = GcOptions(keep, builds=builds, cache=cache, dry_run=dry_run)
    answer = collect(
        options, session.settings, session.catalog() if builds else _catalog(session, "checkouts are not measured")
    )
    return session.console.answer(answer, lambda terminal: gc_page(answer, terminal))


def _catalog(session: Session, lost: str) -> "Catalog":
    """The recipes; none where they cannot be read, with a warning that says what is `lost`: a full disk is freed, and a
    generation restored, also then.
    """
    from hero_build.catalog.loader import Catalog

    try:
        return session.catalog()
    except HeroBuildError as error:
        session.console.report(WarningRaised(f"{lost}: {error.message}", error.hint))
        return Catalog({}, {})

"""`publish`."""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hero_build.cli import complete
from hero_build.cli.frame import command
from hero_build.cli.session import Session
from hero_build.errors import HeroBuildError, UsageError

if TYPE_CHECKING:
    from hero_build.artifact import Package
    from hero_build.catalog import Found
    from hero_build.publish.publication import Published
    from hero_build.publishing import Order
    from hero_build.queries.problem import Problem
    from hero_build.tools import Tools

_PATH = click.Path(path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, readable=True, path_type=Path)


@dataclass(frozen=True, slots=True)
class _Typed:
    """The flags as typed."""

    tag: str
    platform: tuple[str, ...]
    matrix: str | None
    ref: str | None
    draft: bool
    prerelease: bool
    title: str | None
    notes: str | None
    notes_file: Path | None
    target: str | None
    clobber: bool
    allow_dirty: bool
    with_legacy_names: bool
    folder: Path | None


@command("publish")
@click.argument("apps", nargs=-1, required=True, metavar="APP...", shell_complete=complete.apps)
@click.option("--tag", metavar="TAG", required=True, help="The release's tag; made where it is not there yet.")
@click.option("--platform", metavar="P", multiple=True, help="Build for it, and not for this machine; may be repeated.")
@click.option("--matrix", metavar="JSON", help="Build what a job of `ci matrix` says.")
@click.option("--ref", metavar="REF", help="Build this branch, tag or commit, and not the checkout as it is.")
@click.option(
    "--from", "folder", metavar="DIR", type=_FOLDER, help="Build nothing: take what was built from this folder."
)
@click.option("--to", metavar="FORGE", help="Where to: https://HOST, or file:///DIR for a mirror (default: --forge).")
@click.option("-d", "--draft", is_flag=True, help="Leave it a draft, for other jobs to add to.")
@click.option("--finish", is_flag=True, help="Build nothing: prove what jobs have left in the draft, and publish it.")
@click.option("-p", "--prerelease", is_flag=True, help="Mark it as a prerelease.")
@click.option("-t", "--title", metavar="TEXT", help="The release's title (default: the tag).")
@click.option("-n", "--notes", metavar="TEXT", help="The release's notes.")
@click.option("-F", "--notes-file", metavar="FILE", type=_PATH, help="The notes from a file (-: stdin).")
@click.option("--target", metavar="COMMITISH", help="Where a new tag is made (default: at the commit that was built).")
@click.option("--clobber", is_flag=True, help="Replace assets that are there and differ.")
@click.option("--allow-dirty", is_flag=True, help="Publish what was built with uncommitted changes, and say so.")
@click.option("--with-legacy-names", is_flag=True, help="Publish renamed binaries under their old names, too.")
@click.option("--key", metavar="FILE", type=_PATH, help="Sign with this minisign key (default: $HERO_MINISIGN_KEY).")
def publish(
    session: Session, apps: Sequence[str], *, to: str | None, finish: bool, key: Path | None, **flags: Any
) -> int:
    """Build apps and publish them as releases, proven by getting every file back before anybody sees it.

    Run it again to finish what was interrupted; what is there and right is kept.
    """
    from hero_build import publishing
    from hero_build.output.pages.published import page
    from hero_build.publish import open_publisher
    from hero_build.publish.signing import read_signer
    from hero_build.queries.released import Released, problems_of

    typed = _Typed(**flags)
    if finish and (typed.draft or typed.folder):
        raise UsageError("--finish builds nothing and leaves no draft", "Leave out --draft and --from.")
    signer = read_signer(key, os.environ)
    tools = session.tools(works=True)
    done: list[Published] = []
    failed: list[Problem] = []
    with tools.checkouts:
        for order in tuple(_orders(tools.catalog.expand(apps), typed, tools)):  # what cannot be meant, before any
            packaged = order.publication.package is not None
            publisher = open_publisher(session.settings, to, tools.emit, signer=signer, package=packaged)
            with closing(publisher):
                try:
                    work = publishing.finish if finish else publishing.publish
                    done.append(work(order, publisher, tools))
                except HeroBuildError as error:
                    failed += problems_of(error, order.publication.app)
    answer = Released(tuple(done), tuple(failed))
    return session.screen.answer(answer, lambda paper: page(answer, paper), answer.code, answer.failed)


def _orders(apps: Sequence[str], typed: _Typed, tools: "Tools") -> "Iterator[Order]":
    """Raises UsageError."""
    from hero_build import platforms
    from hero_build.matrices import jobs_of
    from hero_build.publish.matrix import parse
    from hero_build.publish.publication import Publication
    from hero_build.publishing import Order

    if typed.matrix and typed.platform:
        raise UsageError("--matrix and --platform exclude each other", "A matrix names its platforms.")
    notes = _notes(typed)
    for app in apps:
        found = tools.catalog.get(app)
        jobs = parse(typed.matrix) if typed.matrix else jobs_of(found, typed.platform, tools)
        mine = tuple(job for job in jobs if job.app == app)
        for job in mine:
            if job.platform:
                platforms.parse(job.platform)
        if not mine:
            raise UsageError(
                f"the matrix has no job for {app}", "Pass on what `hero-build ci matrix APP` wrote for it."
            )
        publication = Publication(
            app,
            found.recipe.repo,
            typed.tag,
            title=typed.title or typed.tag,
            notes=notes,
            target=typed.target or "",
            draft=typed.draft,
            prerelease=typed.prerelease,
            clobber=typed.clobber,
            package=_package(found, typed.tag),
        )
        yield Order(publication, mine, typed.ref, typed.allow_dirty, typed.with_legacy_names, typed.folder)


def _package(found: "Found", tag: str) -> "Package | None":
    """Raises RecipeError."""
    from hero_build.catalog import asking

    with asking(found.path):
        return found.recipe.package(tag)


def _notes(typed: _Typed) -> str:
    """Raises UsageError."""
    if typed.notes_file is None:
        return typed.notes or ""
    if typed.notes is not None:
        raise UsageError("--notes and --notes-file exclude each other", "Leave one of them out.")
    try:
        with click.open_file(str(typed.notes_file), encoding="utf-8") as file:
            return str(file.read())
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{typed.notes_file} cannot be read: {error}", "Name another file with -F.") from error

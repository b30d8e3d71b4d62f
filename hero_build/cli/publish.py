"""`publish`."""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from hero_build.cli import completion
from hero_build.cli.base import command
from hero_build.cli.session import Session
from hero_build.errors import HeroBuildError, UsageError

if TYPE_CHECKING:
    from hero_build.catalog.loader import LoadedRecipe
    from hero_build.context import Context
    from hero_build.model.artifacts import GenericPackage
    from hero_build.model.failure import Failure
    from hero_build.ops.publish import PublishRequest
    from hero_build.publish.types import PublishResult

_PATH = click.Path(path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, readable=True, path_type=Path)


class PublishFlags(Struct, frozen=True):
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
@click.argument("apps", nargs=-1, required=True, metavar="APP...", shell_complete=completion.apps)
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
    from hero_build.ops import publish as ops_publish
    from hero_build.output.pages.publish import page
    from hero_build.publish import open_publisher
    from hero_build.publish.signing import read_signer
    from hero_build.queries.publish_report import PublishReport, publish_failures

    typed = PublishFlags(**flags)
    if finish and (typed.draft or typed.folder):
        raise UsageError("--finish builds nothing and leaves no draft", "Leave out --draft and --from.")
    signer = read_signer(key, os.environ)
    context = session.context(writable=True)
    done: list[PublishResult] = []
    failed: list[Failure] = []
    with context.checkouts:
        for order in tuple(_requests(context.catalog.expand(apps), typed, context)):  # what cannot be meant, before any
            packaged = order.spec.package is not None
            publisher = open_publisher(session.settings, to, context.emit, signer=signer, package=packaged)
            with closing(publisher):
                try:
                    work = ops_publish.finish if finish else ops_publish.publish
                    done.append(work(order, publisher, context))
                except HeroBuildError as error:
                    failed += publish_failures(error, order.spec.app)
    answer = PublishReport(tuple(done), tuple(failed))
    return session.console.answer(
        answer, lambda terminal: page(answer, terminal), code=answer.code, failed=answer.failed
    )


def _requests(apps: Sequence[str], typed: PublishFlags, context: "Context") -> "Iterator[PublishRequest]":
    """Raises UsageError."""
    from hero_build import platforms
    from hero_build.ops.ci_jobs import jobs_of
    from hero_build.ops.publish import PublishRequest
    from hero_build.publish.matrix import decode
    from hero_build.publish.types import ReleaseSpec

    if typed.matrix and typed.platform:
        raise UsageError("--matrix and --platform exclude each other", "A matrix names its platforms.")
    notes = _notes(typed)
    for app in apps:
        found = context.catalog.get(app)
        jobs = decode(typed.matrix) if typed.matrix else jobs_of(found, typed.platform, context)
        mine = tuple(job for job in jobs if job.app == app)
        for job in mine:
            if job.platform:
                platforms.parse(job.platform)
        if not mine:
            raise UsageError(
                f"the matrix has no job for {app}", "Pass on what `hero-build ci matrix APP` wrote for it."
            )
        publication = ReleaseSpec(
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
        yield PublishRequest(
            publication,
            jobs=mine,
            ref=typed.ref,
            allow_dirty=typed.allow_dirty,
            legacy_names=typed.with_legacy_names,
            folder=typed.folder,
        )


def _package(loaded: "LoadedRecipe", tag: str) -> "GenericPackage | None":
    """Raises RecipeError."""
    from hero_build.catalog.loader import recipe_errors

    with recipe_errors(loaded.path):
        return loaded.recipe.package(tag)


def _notes(typed: PublishFlags) -> str:
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

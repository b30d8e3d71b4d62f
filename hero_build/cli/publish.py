"""`publish`."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from hero_build.cli import completion
from hero_build.cli.base import NamedPath, command
from hero_build.cli.session import Session
from hero_build.errors import HeroBuildError, UsageError
from hero_build.os_errors import raise_for_machine
from hero_build.system import lean_futures  # noqa: F401 - before the first import of concurrent.futures

if TYPE_CHECKING:
    from hero_build.catalog.loader import LoadedRecipe
    from hero_build.context import Context
    from hero_build.model.artifacts import GenericPackage
    from hero_build.model.failure import Failure
    from hero_build.ops.publish import PublishRequest
    from hero_build.ops.publish_plan import PlannedRelease
    from hero_build.publish.matrix import CiJob
    from hero_build.publish.types import Publisher, PublishResult, ReleaseSpec

_PATH = NamedPath()
_NOTES_MAX = 1_000_000  # characters
_FOLDER = click.Path(exists=True, file_okay=False, readable=True, path_type=Path)


class PublishFlags(Struct, frozen=True):
    """The options of the command line."""

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
@click.option("--tag", metavar="TAG", required=True, help="The release's tag; created if it is missing.")
@click.option(
    "--platform", metavar="P", multiple=True, help="Build for it instead of this machine's platform; may be repeated."
)
@click.option("--matrix", metavar="JSON", help="Build the jobs of this `ci matrix` output, or one of them.")
@click.option("--ref", metavar="REF", help="Build this branch, tag or commit instead of the checkout as it is.")
@click.option(
    "--from", "folder", metavar="DIR", type=_FOLDER, help="Build nothing: publish the artifacts in this folder."
)
@click.option("--to", metavar="FORGE", help="Publish to https://HOST, or to a mirror, file:///DIR (default: --forge).")
@click.option("-d", "--draft", is_flag=True, help="Leave a draft, for other jobs to add to.")
@click.option("--finish", is_flag=True, help="Build nothing: verify the draft that jobs have filled, and publish it.")
@click.option("-p", "--prerelease", is_flag=True, help="Mark it as a prerelease.")
@click.option("-t", "--title", metavar="TEXT", help="The release's title (default: the tag).")
@click.option("-n", "--notes", metavar="TEXT", help="The release's notes.")
@click.option("-F", "--notes-file", metavar="FILE", type=_PATH, help="The notes from a file (-: stdin).")
@click.option("--target", metavar="COMMITISH", help="Branch or commit for a new tag (default: the one that was built).")
@click.option("--clobber", is_flag=True, help="Replace assets that differ.")
@click.option("--allow-dirty", is_flag=True, help="Publish builds with uncommitted changes, and record that.")
@click.option("--with-legacy-names", is_flag=True, help="Publish renamed binaries under their former names, too.")
@click.option("--dry-run", is_flag=True, help="Print what would be built and uploaded, and do neither.")
@click.option("--key", metavar="FILE", type=_PATH, help="Sign with this minisign key (default: $HERO_MINISIGN_KEY).")
def publish(
    session: Session,
    apps: Sequence[str],
    *,
    to: str | None,
    finish: bool,
    key: Path | None,
    dry_run: bool,
    **options: Any,
) -> int:
    """Build apps and publish them as releases. Every file is downloaded and verified before the release is visible.

    After an interruption, run it again: it keeps what is uploaded and correct.
    """
    from hero_build.output.pages.publish import page
    from hero_build.publish import open_publisher
    from hero_build.publish.signing import read_signer
    from hero_build.queries.publish_report import publish_failures, publish_report

    flags = PublishFlags(**options)
    if finish and (flags.draft or flags.folder):
        raise UsageError("--finish builds nothing and leaves no draft", "Leave out --draft and --from.")
    signer = read_signer(key, os.environ)
    context = session.context(use="plan" if dry_run else "change")
    results: list[PublishResult | PlannedRelease] = []
    failed: list[Failure] = []
    with context.checkouts, ExitStack() as publishers:
        requests = []
        names = session.apps(context.catalog, apps)
        for request in tuple(_requests(names, flags, context)):  # check all before any build
            package = request.spec.package is not None
            publisher = open_publisher(session.settings, to, context.emit, signer=signer, package=package)
            publishers.callback(publisher.close)
            requests.append((request, publisher))
        outcomes = _work(requests, context, finish=finish, dry_run=dry_run)
        for (request, _), outcome in zip(requests, outcomes, strict=True):
            if isinstance(outcome, HeroBuildError):
                failed += publish_failures(outcome, request.spec.app)
            else:
                results.append(outcome)
    answer = publish_report(results, failed, dry_run=dry_run)
    return session.console.answer(
        answer, lambda terminal: page(answer, terminal), code=answer.code, failed=answer.failed
    )


def _work(
    requests: "Sequence[tuple[PublishRequest, Publisher]]", context: "Context", *, finish: bool, dry_run: bool
) -> "Iterator[PublishResult | PlannedRelease | HeroBuildError]":
    from hero_build.ops import publish, publish_plan

    if dry_run:
        plan: Callable[[PublishRequest, Publisher, Context], PlannedRelease]
        plan = publish_plan.plan_finish if finish else publish_plan.plan_publish
        return (publish.result_or_error(plan, request, publisher, context) for request, publisher in requests)
    return publish.finish_all(requests) if finish else publish.publish_all(requests, context)


def _requests(apps: Sequence[str], flags: PublishFlags, context: "Context") -> "Iterator[PublishRequest]":
    """Raises UsageError, RecipeError, AppNotFound."""
    from hero_build.ops.publish import PublishRequest

    if flags.matrix and flags.platform:
        raise UsageError("--matrix and --platform exclude each other", "A matrix names its platforms.")
    notes = _notes(flags)
    for app in apps:
        loaded = context.catalog.get(app)
        jobs = _jobs(loaded, flags, context)
        yield PublishRequest(
            _spec(loaded, flags, notes),
            jobs=jobs,
            ref=flags.ref,
            allow_dirty=flags.allow_dirty,
            legacy_names=flags.with_legacy_names,
            folder=flags.folder,
        )


def _jobs(loaded: "LoadedRecipe", flags: PublishFlags, context: "Context") -> "tuple[CiJob, ...]":
    """Raises UsageError, RecipeError."""
    from hero_build import platforms
    from hero_build.ops.ci_jobs import jobs_of
    from hero_build.publish.matrix import decode

    jobs = decode(flags.matrix) if flags.matrix else jobs_of(loaded, flags.platform, context)
    own = tuple(job for job in jobs if job.app == loaded.app)
    for job in own:
        if job.platform:
            platforms.parse(job.platform)
    if not own:
        hint = "Pass on what `hero-build ci matrix APP` printed for it."
        raise UsageError(f"the matrix has no job for {loaded.app}", hint)
    return own


def _spec(loaded: "LoadedRecipe", flags: PublishFlags, notes: str) -> "ReleaseSpec":
    from hero_build.publish.types import ReleaseSpec

    return ReleaseSpec(
        loaded.app,
        repo=loaded.recipe.repo,
        tag=flags.tag,
        title=flags.title or flags.tag,
        notes=notes,
        target=flags.target or "",
        draft=flags.draft,
        prerelease=flags.prerelease,
        clobber=flags.clobber,
        package=_package(loaded, flags.tag),
    )


def _package(loaded: "LoadedRecipe", tag: str) -> "GenericPackage | None":
    """Raises RecipeError."""
    from hero_build.catalog.loader import recipe_errors

    with recipe_errors(loaded.path):
        return loaded.recipe.package(tag)


def _notes(flags: PublishFlags) -> str:
    """Raises UsageError."""
    if flags.notes_file is None:
        return flags.notes or ""
    if flags.notes is not None:
        raise UsageError("--notes and --notes-file exclude each other", "Leave one of them out.")
    try:
        with click.open_file(str(flags.notes_file), encoding="utf-8") as file:
            notes = str(file.read(_NOTES_MAX + 1))
    except (OSError, UnicodeDecodeError) as error:
        raise_for_machine(error, flags.notes_file)
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"{flags.notes_file} cannot be read: {reason}", "Name another file with -F.") from error
    if len(notes) > _NOTES_MAX:
        raise UsageError(f"{flags.notes_file} has more than {_NOTES_MAX:,} characters", "Name another file with -F.")
    return notes

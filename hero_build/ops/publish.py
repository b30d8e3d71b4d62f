"""Publishing in steps: plan as if nothing were installed, build, verify, assemble; then the publisher publishes.

A failure publishes nothing. A command builds all its apps before it publishes the first: builds run code of the
repositories, and publishing reads the token.

resolve ─► decide ─► produce (build ─► verify) ─► assemble ─► publish (draft ─► upload ─► verify ─► publish the draft)

Prebuilt artifacts skip the build: load_prebuilt (verify) ─► assemble ─► publish.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from hero_build.catalog.loader import LoadedRecipe
from hero_build.context import Context
from hero_build.errors import CheckoutRefused, HeroBuildError, ReleaseNotFound
from hero_build.forge.download_dir import DownloadDir
from hero_build.model.decisions import Build
from hero_build.model.installed import Phase
from hero_build.model.names import check_tag
from hero_build.model.steps import Failed, Request, Tree, VerifiedPart
from hero_build.pipeline.build_plan import checkout_request
from hero_build.pipeline.decide import decide
from hero_build.pipeline.produce import produce
from hero_build.pipeline.resolve import EMPTY, resolve
from hero_build.platforms import parse
from hero_build.publish.assemble import AssembleOptions, BuildOutput, assemble
from hero_build.publish.matrix import CiJob, expected_records
from hero_build.publish.prebuilt import load_prebuilt
from hero_build.publish.types import Publisher, PublishResult, ReleaseFile, ReleaseSpec
from hero_build.source.cargo.toolchain import for_platform
from hero_build.source.git import paths

P = ParamSpec("P")
T = TypeVar("T")


class PublishRequest(Struct, frozen=True):
    """What to build and how to publish it. `ref`: what to build (None: the checkout as it is).

    `folder`: take the artifacts from this folder and build nothing.
    """

    spec: ReleaseSpec
    jobs: tuple[CiJob, ...]
    ref: str | None = None
    allow_dirty: bool = False
    legacy_names: bool = False
    folder: Path | None = None


class NotBuilt(HeroBuildError):
    """A build failed, and nothing was published. `failed`: every failure; message and hint are those of the first."""

    def __init__(self, failed: Sequence[Failed]) -> None:
        first = failed[0].error
        super().__init__(first.message, first.hint)
        self.failed = tuple(failed)
        codes = {item.error.code for item in failed}
        self.code = codes.pop() if len(codes) == 1 else 1


def publish_all(
    requests: Sequence[tuple[PublishRequest, Publisher]], context: Context
) -> Iterator[PublishResult | HeroBuildError]:
    """Build all apps, then publish those that were built; for each request, in order, its result or its error."""
    with DownloadDir(context.settings.cache / "publish") as downloads:
        specs = [result_or_error(build, *pair, downloads=downloads, context=context) for pair in requests]
        for spec, (_, publisher) in zip(specs, requests, strict=True):
            yield spec if isinstance(spec, HeroBuildError) else result_or_error(publisher.publish, spec)


def finish_all(requests: Sequence[tuple[PublishRequest, Publisher]]) -> Iterator[PublishResult | HeroBuildError]:
    """As `publish_all`, of the drafts that jobs have filled."""
    for pair in requests:
        yield result_or_error(finish, *pair)


def result_or_error(step: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T | HeroBuildError:
    try:
        return step(*arguments, **options)
    except HeroBuildError as error:
        return error


def build(request: PublishRequest, publisher: Publisher, downloads: DownloadDir, context: Context) -> ReleaseSpec:
    """Build the jobs; the release with their files, which are in `downloads`. Sends no request to the publisher.

    The token is not read for it, except by a git that clones or fetches. Raises NotBuilt, CheckoutRefused, and as
    `load_prebuilt` and `Publisher.preflight`, which comes first.
    """
    spec = request.spec
    check_tag(spec.tag)
    publisher.preflight(spec)
    loaded = context.catalog.get(spec.app)
    outputs = [
        _job_output(job, request=request, loaded=loaded, downloads=downloads, context=context) for job in request.jobs
    ]
    options = AssembleOptions(
        loaded,
        tag=spec.tag,
        forge=publisher.url,
        folder=downloads.scratch(),
        legacy_names=request.legacy_names,
    )
    target = spec.target or outputs[0].tree.commit
    return replace(spec, files=_assemble_all(outputs, options), target=target)


def finish(request: PublishRequest, publisher: Publisher) -> PublishResult:
    """Verify the draft that the jobs have filled, and publish it. Raises as `Publisher.finish`."""
    check_tag(request.spec.tag)
    publisher.preflight(request.spec)
    return publisher.finish(request.spec, expected_records(request.jobs))


def job_phase(job: CiJob, loaded: LoadedRecipe) -> Phase:
    if job.platform:
        return "install"
    return "islands" if loaded.recipe.islands else "shell"


def _job_output(
    job: CiJob, request: PublishRequest, loaded: LoadedRecipe, downloads: DownloadDir, context: Context
) -> BuildOutput:
    phase = job_phase(job, loaded)
    names = job.islands if phase == "islands" else ()
    build = Request(loaded.app, "source", ref=request.ref, phase=phase, names=names)
    if request.folder is None:
        return _build_job(job, build=build, request=request, loaded=loaded, downloads=downloads, context=context)
    checkout = paths.checkout(context.settings.coderoot, loaded.recipe.repo, context.settings.forge)
    tree = require_clean(context.checkouts.tree(checkout, checkout_request(loaded, build)), request)
    artifacts = load_prebuilt(job, loaded=loaded, tree=tree, folder=request.folder, downloads=downloads)
    return BuildOutput(job, tree, artifacts)


def _build_job(
    job: CiJob,
    build: Request,
    request: PublishRequest,
    loaded: LoadedRecipe,
    downloads: DownloadDir,
    context: Context,
) -> BuildOutput:
    facts = resolve(build, loaded=loaded, disk=EMPTY, context=context)
    plan = facts.build_plan
    tree = require_clean(plan.job.tree if plan else None, request)
    builds = [item for item in decide(build, facts) if isinstance(item, Build)]
    if job.platform:
        builds = [_for_job_platform(item, job, context) for item in builds]
    results = list(produce(builds, downloads, context))
    if failed := [item for item in results if isinstance(item, Failed)]:
        raise NotBuilt(failed)
    artifacts = tuple(artifact for item in results if isinstance(item, VerifiedPart) for artifact in item.artifacts)
    if plan is None:
        return BuildOutput(job, tree, artifacts)
    return BuildOutput(job, tree=tree, artifacts=artifacts, fingerprint=plan.fingerprint, folders=plan.job.folders)


def _assemble_all(outputs: Sequence[BuildOutput], options: AssembleOptions) -> tuple[ReleaseFile, ...]:
    files: list[ReleaseFile] = []
    for output in outputs:
        files += [file for file in assemble(output, options) if file not in files]  # each job has the service.toml
    return tuple(files)


def require_clean(tree: Tree | None, request: PublishRequest) -> Tree:
    """Raises ReleaseNotFound without a checkout, CheckoutRefused for one with uncommitted changes."""
    if tree is None:
        raise ReleaseNotFound(f"{request.spec.repo} has no checkout", "Clone it.")
    if tree.dirty and not request.allow_dirty:
        hint = "Commit or stash them; with --allow-dirty the release says that it was built so."
        raise CheckoutRefused(f"{tree.path} has changes that are not committed", hint)
    return tree


def _for_job_platform(build: Build, job: CiJob, context: Context) -> Build:
    if build.task is None:
        return build
    platform = parse(job.platform)
    cargo_job = for_platform(build.task.job, platform, context.settings.cache)
    return replace(build, task=replace(build.task, job=cargo_job, platform=platform))

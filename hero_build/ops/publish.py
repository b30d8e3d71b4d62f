"""The story of the way out: plan with nothing installed, build, verify, pack, publish. Any failure publishes nothing.

resolve ─► decide ─► produce (build ─► verify) ─► pack ─► publish (draft ─► upload ─► prove ─► show)

What is built already is taken instead: take (─► verify) ─► pack ─► publish.
"""

from collections.abc import Sequence
from pathlib import Path

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


class PublishRequest(Struct, frozen=True):
    """What is to be built and how it is to be published. `ref`: what to build (None: the checkout as it is).

    `folder`: what has been built is there, and is taken from it.
    """

    spec: ReleaseSpec
    jobs: tuple[CiJob, ...]
    ref: str | None = None
    allow_dirty: bool = False
    legacy_names: bool = False
    folder: Path | None = None


class NotBuilt(HeroBuildError):
    """`failed`: all that failed, of which this is the first; nothing was published."""

    def __init__(self, failed: Sequence[Failed]) -> None:
        first = failed[0].error
        super().__init__(first.message, first.hint)
        self.failed = tuple(failed)
        codes = {item.error.code for item in failed}
        self.code = codes.pop() if len(codes) == 1 else 1


def publish(request: PublishRequest, publisher: Publisher, context: Context) -> PublishResult:
    """Build what the jobs name, and publish it. Raises NotBuilt, CheckoutRefused, what `taken.take` raises, and what
    the publisher raises; what it would refuse anyhow it refuses before anything is built.
    """
    publication = request.spec
    check_tag(publication.tag)
    publisher.preflight(publication)
    found = context.catalog.get(publication.app)
    with DownloadDir(context.settings.cache / "publish") as downloads:
        wares = [
            _job_output(job, order=request, loaded=found, downloads=downloads, context=context) for job in request.jobs
        ]
        packing = AssembleOptions(
            found,
            tag=publication.tag,
            forge=publisher.url,
            folder=downloads.scratch(),
            legacy_names=request.legacy_names,
        )
        made: list[ReleaseFile] = []
        for ware in wares:
            made += [item for item in assemble(ware, packing) if item not in made]  # all have the service.toml
        target = publication.target or wares[0].tree.commit
        return publisher.publish(replace(publication, files=tuple(made), target=target))


def finish(request: PublishRequest, publisher: Publisher, _tools: Context) -> PublishResult:
    """Prove the union that the jobs have left in the draft, and show it. Raises what the publisher raises."""
    check_tag(request.spec.tag)
    publisher.preflight(request.spec)
    return publisher.finish(request.spec, expected_records(request.jobs))


def _job_output(
    job: CiJob, order: PublishRequest, loaded: LoadedRecipe, downloads: DownloadDir, context: Context
) -> BuildOutput:
    phase: Phase = "install" if job.platform else "islands" if loaded.recipe.islands else "shell"
    names = job.islands if phase == "islands" else ()
    request = Request(loaded.app, "source", ref=order.ref, phase=phase, names=names)
    if order.folder is None:
        return _build_job(job, request=request, order=order, loaded=loaded, downloads=downloads, context=context)
    checkout = paths.checkout(context.settings.coderoot, loaded.recipe.repo, context.settings.forge)
    tree = _require_clean(context.checkouts.tree(checkout, checkout_request(loaded, request)), order)
    return BuildOutput(
        job, tree, load_prebuilt(job, loaded=loaded, tree=tree, folder=order.folder, downloads=downloads)
    )


def _build_job(
    job: CiJob, request: Request, order: PublishRequest, loaded: LoadedRecipe, downloads: DownloadDir, context: Context
) -> BuildOutput:
    facts = resolve(request, loaded=loaded, disk=EMPTY, context=context)
    blueprint = facts.build_plan
    tree = _require_clean(blueprint.job.tree if blueprint else None, order)
    builds = [item for item in decide(request, facts) if isinstance(item, Build)]
    if job.platform:
        builds = [_for_job_platform(item, job, context) for item in builds]
    results = list(produce(builds, downloads, context))
    if failed := [item for item in results if isinstance(item, Failed)]:
        raise NotBuilt(failed)
    made = tuple(artifact for item in results if isinstance(item, VerifiedPart) for artifact in item.artifacts)
    return BuildOutput(job, tree=tree, made=made, fingerprint=blueprint.fingerprint if blueprint else None)


def _require_clean(tree: Tree | None, request: PublishRequest) -> Tree:
    """Raises CheckoutRefused for one with changes, unless they are allowed."""
    if tree is None:
        raise ReleaseNotFound(f"there is no checkout of {request.spec.repo}", "Clone it.")
    if tree.dirty and not request.allow_dirty:
        hint = "Commit or stash them; with --allow-dirty the release says that it was built so."
        raise CheckoutRefused(f"{tree.path} has changes that are not committed", hint)
    return tree


def _for_job_platform(item: Build, job: CiJob, context: Context) -> Build:
    if item.task is None:
        return item
    platform = parse(job.platform)
    aim = for_platform(item.task.job, platform, context.settings.cache)
    return replace(item, task=replace(item.task, job=aim, platform=platform))

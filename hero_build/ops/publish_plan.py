"""`publish --dry-run`: what would be built, which assets that makes, and what the destination holds of the tag.

All that `publish` refuses before a build is refused here, too. Nothing is cloned, built or uploaded.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from hero_build.catalog.loader import LoadedRecipe
from hero_build.catalog.recipe_facts import asset_names
from hero_build.context import Context
from hero_build.errors import AssetNotFound
from hero_build.forge.build_record import SUFFIX
from hero_build.forge.download_dir import DownloadDir
from hero_build.model.artifacts import Artifact, Library, Platform
from hero_build.model.names import check_tag
from hero_build.model.steps import Request, Tree
from hero_build.ops.publish import PublishRequest, job_phase, require_clean
from hero_build.pipeline.build_plan import checkout_request
from hero_build.pipeline.resolve import EMPTY, resolve
from hero_build.platforms import parse
from hero_build.publish.matrix import CiJob, expected_records
from hero_build.publish.prebuilt import load_prebuilt
from hero_build.publish.types import ExistingRelease, Publisher
from hero_build.source.cargo.toolchain import for_platform
from hero_build.source.git import paths


class PlannedJob(Struct, frozen=True):
    """What one job would build. `checkout` and `commit` are None where it would first be cloned or switched; the names
    of `assets` are then those that the recipe lists.
    """

    what: str
    checkout: str | None
    commit: str | None
    dirty: bool
    assets: tuple[str, ...]


class PlannedRelease(Struct, frozen=True):
    """`state`: what the destination holds of the tag; `existing` are the names of its assets."""

    app: str
    repo: str
    tag: str
    forge: str
    state: Literal["absent", "draft", "published"]
    existing: tuple[str, ...]
    jobs: tuple[PlannedJob, ...]


def plan_publish(request: PublishRequest, publisher: Publisher, context: Context) -> PlannedRelease:
    """Raises what `publish` raises before it builds, and MissingTool for a target or linker that is not there."""
    check_tag(request.spec.tag)
    publisher.preflight(request.spec)
    loaded = context.catalog.get(request.spec.app)
    jobs = tuple(_job(job, request=request, loaded=loaded, context=context) for job in request.jobs)
    commits = [job.commit for job in jobs if job.commit]
    target = request.spec.target or (commits[0] if commits else "")
    existing = publisher.existing(replace(request.spec, target=target))
    return _planned(request, existing, forge=publisher.url, jobs=jobs)


def plan_finish(request: PublishRequest, publisher: Publisher, _: Context) -> PlannedRelease:
    """Raises AssetNotFound where a job has not uploaded its record."""
    check_tag(request.spec.tag)
    publisher.preflight(request.spec)
    existing = publisher.existing(request.spec)
    if missing := sorted(set(expected_records(request.jobs)) - set(existing.assets)):
        sentence = f"{request.spec.tag} of {request.spec.repo} lacks {', '.join(missing)}"
        raise AssetNotFound(sentence, "Run the jobs that upload them first.")
    return _planned(request, existing, forge=publisher.url, jobs=())


def _planned(
    request: PublishRequest, existing: ExistingRelease, forge: str, jobs: Sequence[PlannedJob]
) -> PlannedRelease:
    spec = request.spec
    return PlannedRelease(
        spec.app,
        repo=spec.repo,
        tag=spec.tag,
        forge=forge,
        state=existing.state,
        existing=existing.assets,
        jobs=tuple(jobs),
    )


def _job(job: CiJob, request: PublishRequest, loaded: LoadedRecipe, context: Context) -> PlannedJob:
    if request.folder is not None:
        return _prebuilt(job, request=request, loaded=loaded, folder=request.folder, context=context)
    phase = job_phase(job, loaded)
    build = Request(loaded.app, "source", ref=request.ref, phase=phase, names=job.islands if phase == "islands" else ())
    facts = resolve(build, loaded=loaded, disk=EMPTY, context=context)
    tree: Tree | None = None
    if facts.build_plan is not None:
        tree = require_clean(facts.build_plan.job.tree, request)
        if job.platform:
            for_platform(facts.build_plan.job, parse(job.platform), context.settings.cache)
    artifacts = [item for part in facts.parts for item in part.artifacts if not isinstance(item, Library)]
    return _planned_job(job, tree, _assets(job, request=request, loaded=loaded, artifacts=artifacts))


def _prebuilt(job: CiJob, request: PublishRequest, loaded: LoadedRecipe, folder: Path, context: Context) -> PlannedJob:
    """The artifacts in `folder`, verified as for a release; without a checkout those that the recipe lists."""
    checkout = paths.checkout(context.settings.coderoot, loaded.recipe.repo, context.settings.forge)
    state = checkout_request(loaded, Request(loaded.app, "source", ref=request.ref))
    tree = context.checkouts.tree(checkout, state)
    if tree is None:
        listed = loaded.recipe.binaries if job.platform else loaded.recipe.bundles
        return _planned_job(job, None, _assets(job, request=request, loaded=loaded, artifacts=listed))
    require_clean(tree, request)
    with DownloadDir(context.settings.cache / "publish") as downloads:
        verified = load_prebuilt(job, loaded=loaded, tree=tree, folder=folder, downloads=downloads)
    artifacts = [item.artifact for item in verified]
    return _planned_job(job, tree, _assets(job, request=request, loaded=loaded, artifacts=artifacts))


def _planned_job(job: CiJob, tree: Tree | None, assets: Iterable[str]) -> PlannedJob:
    return PlannedJob(
        job.what,
        checkout=str(tree.path) if tree else None,
        commit=tree.commit if tree else None,
        dirty=tree.dirty if tree else False,
        assets=tuple(assets),
    )


def _assets(job: CiJob, request: PublishRequest, loaded: LoadedRecipe, artifacts: Sequence[Artifact]) -> Iterator[str]:
    """The names of the artifacts and of the build record; former names, where they are asked for."""
    platform = parse(job.platform) if job.platform else Platform("amd64", "musl")  # the name of a bundle has none
    for names in asset_names(loaded, artifacts, platform).values():
        yield from names if request.legacy_names else names[:1]
    yield f"{loaded.app}-{job.what}{SUFFIX}"

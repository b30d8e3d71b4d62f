"""`explain APP`: the facts, decisions and reasons of an `install` with the same options. Changes nothing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from hero_build.catalog.recipe_facts import ask_recipe
from hero_build.context import Context
from hero_build.errors import HeroBuildError
from hero_build.model.artifacts import Artifact, Binary, Library
from hero_build.model.decisions import Build, Decision, Download, Facts, Keep, Reason, Remove
from hero_build.model.failure import Failure, failure
from hero_build.model.steps import BuildPlan, Release, Request
from hero_build.pipeline.decide import decide
from hero_build.pipeline.resolve import Disk, read_disk, resolve_build, resolve_release
from hero_build.settings import Settings, Source


class ExplainedArtifact(Struct, frozen=True):
    """`looked_for`: asset names in order; `checksum`: the source of the expected digest (None: it has none)."""

    name: str
    artifact: Literal["binary", "library", "bundle"]
    kind: str | None
    looked_for: tuple[str, ...]
    asset: str | None
    url: str | None
    size: int | None
    legacy: bool
    sha256: str | None
    checksum: str | None


class ExplainedDecision(Struct, frozen=True):
    part: str
    decision: Literal["keep", "download", "build", "remove"]
    why: str
    version: str | None


class ExplainedRelease(Struct, frozen=True):
    repo: str
    tag: str
    commit: str | None
    created: str
    prerelease: bool
    assets: tuple[str, ...]


class ExplainedPart(Struct, frozen=True):
    """A part as it is installed."""

    part: str
    version: str
    used: str
    why: str
    damage: tuple[str, ...]


class ExplainedBuild(Struct, frozen=True):
    """The inputs of a build, and which of them changed since the installed build (None: no build is installed).

    `decided_by`: what says whether the installed build is up to date: `inputs`, which are recorded completely, `cargo`,
    or `recipe`, whose own build runs again (None: no build is installed).
    """

    checkout: str
    commit: str
    dirty: bool
    ref: str
    programs: tuple[str, ...]
    wrapper: str
    fingerprint: Mapping[str, str]
    changed: tuple[str, ...] | None
    decided_by: Literal["inputs", "cargo", "recipe"] | None = None


class ExplainedSetting(Struct, frozen=True):
    name: str
    value: str
    source: Source


class Explanation(Struct, frozen=True):
    """`trouble`: the error that `install` would end with; the other facts are present anyway.

    `set_from`: the source of the set of binaries or islands. `no_release`: why `release` is null, where that is
    no error.
    """

    name: str
    repo: str
    recipe: str
    shadows: tuple[str, ...]
    request: Request
    forge: str
    settings: tuple[ExplainedSetting, ...]
    platform: str | None
    installed: tuple[ExplainedPart, ...]
    release: ExplainedRelease | None
    set_from: str | None
    build: ExplainedBuild | None
    artifacts: tuple[ExplainedArtifact, ...]
    decisions: tuple[ExplainedDecision, ...]
    trouble: Failure | None
    no_release: str | None = None

    @property
    def code(self) -> int:
        return self.trouble.exit if self.trouble else 0


def explain(request: Request, context: Context) -> Explanation:
    """Raises AppNotFound, RecipeError, RootDamaged; any other error is part of the answer."""
    loaded = context.catalog.get(request.app)
    if loaded.recipe.islands:  # such an app has nothing else
        request = replace(request, phase="islands")
    disk = read_disk(context, (request.app,))
    facts: Facts | None = None
    decisions: tuple[Decision, ...] = ()
    trouble = None
    try:
        recipe = ask_recipe(loaded, phase=request.phase, version=request.version)
        facts = resolve_release(recipe, request=request, disk=disk, context=context)
        facts = resolve_build(facts, recipe=recipe, request=request, context=context)
        decisions = decide(request, facts)
    except HeroBuildError as error:
        trouble = failure(error, request.app)
    return Explanation(
        name=request.app,
        repo=loaded.recipe.repo,
        recipe=str(loaded.path),
        shadows=tuple(str(path) for path in loaded.shadows),
        request=request,
        forge=context.forge.url,
        settings=tuple(settings_of(context.settings)),
        platform=str(facts.platform) if facts else None,
        installed=tuple(_installed(disk)),
        release=_release(facts.release) if facts and facts.release else None,
        set_from=facts.set_from if facts else None,
        build=_build(facts.build_plan, disk, decisions) if facts and facts.build_plan else None,
        artifacts=tuple(_artifact(item, facts) for part in facts.parts for item in part.artifacts) if facts else (),
        decisions=tuple(_decision(item) for item in decisions),
        trouble=trouble,
        no_release=_no_release(request, facts),
    )


def settings_of(settings: Settings) -> Iterator[ExplainedSetting]:
    """Each setting with its source; of the token only whether it is set."""
    values = {
        "root": str(settings.root),
        "forge": settings.forge,
        "token": "set" if settings.token else "not set",
        "recipes": ":".join(map(str, settings.recipes)) or "only the shipped ones",
        "cache": str(settings.cache),
        "coderoot": str(settings.coderoot),
        "sockets": str(settings.sockets),
        "supervisor": settings.supervisor,
        "jobs": str(settings.jobs),
        "wait": f"{settings.wait:g} s",
        "connect": f"{settings.connect:g} s",
        "stall": f"{settings.stall:g} s",
        "retries": str(settings.retries),
        "backoff": f"{settings.backoff:g} s",
        "depth": str(settings.depth) if settings.depth else "the whole history",
    }
    return (ExplainedSetting(name, value, settings.source(name)) for name, value in values.items())


def _installed(disk: Disk) -> Iterator[ExplainedPart]:
    for part, installed in disk.installed.items():
        origin = installed.record.origin
        yield ExplainedPart(
            str(part), version=origin.version, used=origin.used, why=origin.why, damage=installed.damage
        )


def _no_release(request: Request, facts: Facts | None) -> str | None:
    if request.ref is not None:
        return "not asked for: --ref means a build"
    if request.mode == "source":
        return "not asked for: this is a build"
    return f"none: {facts.absent.message}" if facts and facts.absent else None


def _release(release: Release) -> ExplainedRelease:
    assets = tuple(asset.name for asset in release.assets)
    return ExplainedRelease(
        release.repo,
        tag=release.tag,
        commit=release.commit,
        created=release.created,
        prerelease=release.prerelease,
        assets=assets,
    )


def _build(plan: BuildPlan, disk: Disk, decisions: Sequence[Decision]) -> ExplainedBuild:
    tree = plan.job.tree
    builds = [item.record.origin.build for item in disk.installed.values()]
    last = next((build for build in builds if build is not None), None)
    unknown = any(item.reason is Reason.INPUTS_UNKNOWN for item in decisions)
    builder: Literal["cargo", "recipe"] = "recipe" if plan.job.recipe_app else "cargo"
    return ExplainedBuild(
        checkout=str(tree.path),
        commit=tree.commit,
        dirty=tree.dirty,
        ref=tree.ref,
        programs=plan.job.programs,
        wrapper=plan.wrapper,
        fingerprint=dict(plan.fingerprint.parts),
        changed=(*plan.fingerprint.changed(last.fingerprint), *plan.last.changed) if last else None,
        decided_by=(builder if unknown else "inputs") if last else None,
    )


def _artifact(artifact: Artifact, facts: Facts) -> ExplainedArtifact:
    selected = facts.selected.get(artifact)
    asset = selected.asset if selected else None
    return ExplainedArtifact(
        name=artifact.name,
        artifact="binary" if isinstance(artifact, Binary) else "library" if isinstance(artifact, Library) else "bundle",
        kind=artifact.kind if isinstance(artifact, Binary) else None,
        looked_for=facts.asset_names.get(artifact, ()),
        asset=asset.name if asset else None,
        url=asset.url if asset else None,
        size=asset.size if asset else None,
        legacy=bool(selected and selected.legacy),
        sha256=selected.sha256 if selected else None,
        checksum=selected.digest_source if selected else None,
    )


def _decision(decision: Decision) -> ExplainedDecision:
    match decision:
        case Keep(part_id, why, origin):
            return ExplainedDecision(str(part_id), decision="keep", why=why, version=origin.version)
        case Download(part, why, _, origin, _):
            return ExplainedDecision(str(part.id), decision="download", why=why, version=origin.version)
        case Build(part, why, task):
            return ExplainedDecision(
                str(part.id), decision="build", why=why, version=task.origin.version if task else None
            )
        case Remove(part_id, why):
            return ExplainedDecision(str(part_id), decision="remove", why=why, version=None)
        case _:
            assert_never(decision)

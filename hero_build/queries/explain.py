"""`explain APP`: facts, decision, and why, for what `install` with the same flags would do. Changes nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, assert_never

from hero_build.artifact import Artifact, Binary, Library
from hero_build.decide import decide
from hero_build.errors import HeroBuildError
from hero_build.model import Blueprint, Build, Decision, Download, Facts, Keep, Release, Remove, Request
from hero_build.queries.problem import Problem, problem
from hero_build.record import PartId
from hero_build.resolve import Disk, look, resolve
from hero_build.settings import Settings, Source
from hero_build.tools import Tools


@dataclass(frozen=True, slots=True)
class ExplainedArtifact:
    """`looked_for`: asset names in order; `checksum` says where the digest it must have comes from (None: nowhere)."""

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


@dataclass(frozen=True, slots=True)
class ExplainedDecision:
    part: str
    decision: Literal["keep", "download", "build", "remove"]
    why: str
    version: str | None


@dataclass(frozen=True, slots=True)
class ExplainedRelease:
    repo: str
    tag: str
    commit: str | None
    created: str
    prerelease: bool
    assets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExplainedPart:
    """A part as it is installed now."""

    part: str
    version: str
    used: str
    why: str
    damage: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExplainedBuild:
    """What a build would be made from, and what of it differs from the last build that is installed (None: none is)."""

    checkout: str
    commit: str
    dirty: bool
    ref: str
    programs: tuple[str, ...]
    wrapper: str
    fingerprint: Mapping[str, str]
    changed: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class ExplainedSetting:
    name: str
    value: str
    source: Source


@dataclass(frozen=True, slots=True)
class Explanation:
    """`trouble`: what `install` would fail with; the facts that could be had are there all the same.

    `set_from` says who tells the set of binaries, or of islands.
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
    trouble: Problem | None

    @property
    def code(self) -> int:
        return self.trouble.exit if self.trouble else 0


def explain(request: Request, tools: Tools) -> Explanation:
    """Raises AppNotFound, RecipeError, RootDamaged; what else would fail is told in the answer."""
    found = tools.catalog.get(request.app)
    if found.recipe.islands:  # all that such an app has
        request = replace(request, phase="islands")
    disk = look(tools, (request.app,))
    facts: Facts | None = None
    decisions: tuple[Decision, ...] = ()
    trouble = None
    try:
        facts = resolve(request.app, found, request, disk, tools)
        decisions = decide(request, facts)
    except HeroBuildError as error:
        trouble = problem(error, request.app)
    return Explanation(
        name=request.app,
        repo=found.recipe.repo,
        recipe=str(found.path),
        shadows=tuple(str(path) for path in found.shadows),
        request=request,
        forge=tools.forge.url,
        settings=tuple(settings_of(tools.settings)),
        platform=str(facts.platform) if facts else None,
        installed=tuple(_installed(disk)),
        release=_release(facts.release) if facts and facts.release else None,
        set_from=facts.set_from if facts else None,
        build=_build(facts.blueprint, disk, request.app) if facts and facts.blueprint else None,
        artifacts=tuple(_artifact(item, facts) for part in facts.parts for item in part.artifacts) if facts else (),
        decisions=tuple(_decision(item) for item in decisions),
        trouble=trouble,
    )


def settings_of(settings: Settings) -> Iterator[ExplainedSetting]:
    """Each setting with where it came from; of the token only whether there is one."""
    values = {
        "root": str(settings.root),
        "forge": settings.forge,
        "token": "set" if settings.token else "not set",
        "recipes": ":".join(map(str, settings.recipes)) or "none besides the shipped ones",
        "cache": str(settings.cache),
        "coderoot": str(settings.coderoot),
        "sockets": str(settings.sockets),
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
        yield ExplainedPart(str(part), origin.version, origin.used, origin.why, installed.damage)


def _release(release: Release) -> ExplainedRelease:
    assets = tuple(asset.name for asset in release.assets)
    return ExplainedRelease(release.repo, release.tag, release.commit, release.created, release.prerelease, assets)


def _build(blueprint: Blueprint, disk: Disk, app: str) -> ExplainedBuild:
    tree = blueprint.job.tree
    installed = disk.installed.get(PartId(app))
    last = installed.record.origin.build if installed else None
    return ExplainedBuild(
        checkout=str(tree.path),
        commit=tree.commit,
        dirty=tree.dirty,
        ref=tree.ref,
        programs=blueprint.job.programs,
        wrapper=blueprint.wrapper,
        fingerprint=dict(blueprint.fingerprint.parts),
        changed=blueprint.fingerprint.changed(last.fingerprint) if last else None,
    )


def _artifact(artifact: Artifact, facts: Facts) -> ExplainedArtifact:
    offer = facts.offers.get(artifact)
    asset = offer.asset if offer else None
    return ExplainedArtifact(
        name=artifact.name,
        artifact="binary" if isinstance(artifact, Binary) else "library" if isinstance(artifact, Library) else "bundle",
        kind=artifact.kind if isinstance(artifact, Binary) else None,
        looked_for=facts.wanted.get(artifact, ()),
        asset=asset.name if asset else None,
        url=asset.url if asset else None,
        size=asset.size if asset else None,
        legacy=bool(offer and offer.legacy),
        sha256=offer.sha256 if offer else None,
        checksum=offer.told_by if offer else None,
    )


def _decision(decision: Decision) -> ExplainedDecision:
    match decision:
        case Keep(part_id, why, origin):
            return ExplainedDecision(str(part_id), "keep", why, origin.version)
        case Download(part, why, _, origin, _):
            return ExplainedDecision(str(part.id), "download", why, origin.version)
        case Build(part, why, task):
            return ExplainedDecision(str(part.id), "build", why, task.origin.version if task else None)
        case Remove(part_id, why):
            return ExplainedDecision(str(part_id), "remove", why, None)
        case _:
            assert_never(decision)

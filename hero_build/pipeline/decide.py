"""Facts ─► Decisions, pure: the same request and facts always give the same answer, with its reason.

The facts say where the app comes from (`choose.py`). What is installed already and intact is a Keep; parts of the app
that it no longer has are a Remove; the rest is a Download or a Build.
"""

from typing import assert_never

from msgspec import Struct

from hero_build.errors import InvalidChecksumFile
from hero_build.model.artifacts import Artifact, Binary, Library
from hero_build.model.decisions import (
    Build,
    BuildTask,
    Decision,
    Download,
    Facts,
    FromRelease,
    FromSource,
    Keep,
    Reason,
    Remove,
    Unavailable,
)
from hero_build.model.installed import BuildInfo, InstalledArtifact, InstalledPart, Origin, PartId, outputs_digest
from hero_build.model.steps import Asset, BuildPlan, Installed, Part, Release, Request, SelectedAsset

RECORD = ".build.json"
"""How the names of build records end in a release."""


class _Change(Struct, frozen=True):
    """Why what is installed is replaced."""

    reason: Reason
    sentence: str


def decide(request: Request, facts: Facts) -> tuple[Decision, ...]:
    """One decision per part. Raises AssetNotFound, InvalidChecksumFile."""
    match facts.choice:
        case Unavailable(error):
            raise error
        case FromSource(why) if not facts.parts:  # only a tree can list the islands, and there is none to look at
            return (Build(Part(PartId(facts.app), ()), why, fallback=_is_fallback(facts)),)
        case FromRelease() | FromSource():
            decisions = [_part(request, facts, part) for part in facts.parts]
    named = {part.id for part in facts.parts}
    removed = [Remove(part, "the recipe no longer has it") for part in facts.installed if part not in named]
    return (*decisions, *(removed if facts.complete else ()))


def _part(request: Request, facts: Facts, part: Part) -> Decision:
    match facts.choice:
        case FromRelease(release, why):
            return _download(request, facts=facts, part=part, release=release, why=why)
        case FromSource(why):
            return _build(request, facts=facts, part=part, why=why)
        case Unavailable(error):
            raise error
        case _:
            assert_never(facts.choice)


def _download(request: Request, *, facts: Facts, part: Part, release: Release, why: str) -> Keep | Download:
    selected = tuple(facts.selected[artifact] for artifact in part.artifacts)
    _require_checksums(request, release, selected)
    installed = facts.installed.get(part.id)
    change = _stale(request, release=release, part=part, selected=selected, installed=installed)
    if installed is not None and change is None:
        return Keep(part.id, f"{release.tag} is installed and intact", installed.record.origin)
    return Download(
        part,
        why=f"{change.sentence}; {why}" if change else why,
        platform=facts.platform,
        origin=_origin(request, release, why),
        selected=selected,
        records=_records(part, facts, release),
        reason=change.reason if change else Reason.NOT_INSTALLED,
    )


def _records(part: Part, facts: Facts, release: Release) -> tuple[Asset, ...]:
    """The build records of a release that may speak of a part: its platform's, or, of a bundle, those of its app."""
    records = tuple(asset for asset in release.assets if asset.name.endswith(RECORD))
    exact = f"{facts.app}-{facts.platform}{RECORD}"
    return tuple(asset for asset in records if asset.name == exact) if part.id.bundle is None else records


def _changed_on_disk(request: Request, installed: Installed) -> _Change | None:
    """Why a part is replaced whatever it came from."""
    if installed.damage:
        return _Change(Reason.DAMAGED, installed.damage[0])
    if request.reset:
        return _Change(Reason.RESET, "--reset asks for it again")
    return None


def _stale(
    request: Request,
    *,
    release: Release,
    part: Part,
    selected: tuple[SelectedAsset, ...],
    installed: Installed | None,
) -> _Change | None:
    """Why what is installed is not what the release has; None when it is (or when nothing is installed)."""
    if installed is None:
        return None
    if change := _changed_on_disk(request, installed):
        return change
    origin = installed.record.origin
    if origin.used != "download":
        return _Change(Reason.OTHER_MODE, "what is installed was built from source")
    if origin.tag != release.tag:
        return _Change(Reason.OTHER_VERSION, f"{release.tag} replaces {origin.tag}")
    entries = {entry.name: entry for entry in installed.record.entries}
    if entries.keys() != {artifact.name for artifact in part.artifacts}:
        return _Change(Reason.SET_CHANGED, "the recipe's set has changed")
    pairs = zip(part.artifacts, selected, strict=True)
    changed = (item.name for item, asset in pairs if not _same(item, asset, entries[item.name]))
    return next(
        (_Change(Reason.REPUBLISHED, f"{name} was published again under {release.tag}") for name in changed), None
    )


def _same(artifact: Artifact, selected: SelectedAsset, entry: InstalledArtifact) -> bool:
    if isinstance(artifact, Binary) and artifact.kind != entry.kind:
        return False
    if selected.sha256 is not None:
        return selected.sha256 == entry.asset_sha256
    return selected.asset.name == entry.asset and selected.asset.id == entry.asset_id


def _build(request: Request, *, facts: Facts, part: Part, why: str) -> Keep | Build:
    if facts.build_plan is None:
        return Build(part, why, fallback=_is_fallback(facts))
    installed = facts.installed.get(part.id)
    change = _outdated(request, plan=facts.build_plan, part=part, installed=installed)
    if installed is not None and change is None:
        origin = installed.record.origin
        return Keep(part.id, f"{origin.version} is up to date with its checkout; files intact", origin)
    origin = _built_origin(request, facts=facts, plan=facts.build_plan, why=why)
    libraries = tuple(facts.selected[item] for item in part.artifacts if isinstance(item, Library))
    return Build(
        part,
        why=f"{change.sentence}; {why}" if change else why,
        task=BuildTask(facts.build_plan.job, origin=origin, platform=facts.platform, libraries=libraries),
        reason=change.reason if change else Reason.NOT_INSTALLED,
        fallback=_is_fallback(facts),
    )


def _is_fallback(facts: Facts) -> bool:
    return isinstance(facts.choice, FromSource) and facts.choice.unavailable is not None


def _outdated(request: Request, *, plan: BuildPlan, part: Part, installed: Installed | None) -> _Change | None:
    """Why what is installed is not what a build would make; None when it is (or when nothing is installed)."""
    if installed is None:
        return None
    if change := _changed_on_disk(request, installed):
        return change
    record = installed.record
    if record.origin.used != "source" or record.origin.build is None:
        return _Change(Reason.OTHER_MODE, "what is installed was downloaded")
    if changed := plan.fingerprint.changed(record.origin.build.fingerprint):
        return _Change(Reason.INPUTS_CHANGED, f"changed since the last build: {', '.join(changed)}")
    listed = {(item.name, item.kind if isinstance(item, Binary) else None) for item in part.artifacts}
    if {(entry.name, entry.kind) for entry in record.entries} != listed:
        return _Change(Reason.SET_CHANGED, "the recipe's set has changed")
    return _unverified(plan, record)


def _unverified(plan: BuildPlan, record: InstalledPart) -> _Change | None:
    """Why only cargo can say whether a build with the same fingerprint would make the same."""
    if plan.last.changed:
        return _Change(Reason.INPUTS_CHANGED, f"changed since the last build: {', '.join(plan.last.changed)}")
    built = dict(plan.last.outputs)
    entries = [entry for entry in record.entries if entry.artifact != "library"]
    if plan.job.recipe_app:
        return _Change(Reason.INPUTS_UNKNOWN, "what the recipe's own build reads is not known, so it runs again")
    if any(built.get(entry.name) != _digest(entry) for entry in entries):
        return _Change(Reason.INPUTS_UNKNOWN, "not all that the last build read is recorded, so cargo decides")
    return None


def _digest(entry: InstalledArtifact) -> str:
    return outputs_digest((file.path, file.sha256) for file in entry.files)


def _built_origin(request: Request, facts: Facts, plan: BuildPlan, why: str) -> Origin:
    tree = plan.job.tree
    return Origin(
        version=f"{request.version or tree.commit[:12]}{'+dirty' if tree.dirty else ''}",
        requested=request.mode,
        used="source",
        why=why,
        forge=facts.forge,
        repo=facts.repo,
        tag=request.version,
        commit=tree.commit,
        dirty=tree.dirty,
        build=_build_info(plan),
        phase=request.phase,
    )


def _build_info(plan: BuildPlan) -> BuildInfo:
    """Of bundles also what makes them: a repair builds them in the same way."""
    job = plan.job
    optimise = job.optimise if job.backend else None
    return BuildInfo(
        job.tree.ref, fingerprint=plan.fingerprint, wrapper=plan.wrapper, backend=job.backend, optimise=optimise
    )


def _require_checksums(request: Request, release: Release, selected: tuple[SelectedAsset, ...]) -> None:
    unlisted = [item.asset.name for item in selected if item.sha256 is None]
    if unlisted and request.checksum == "required":
        sentence = f"release {release.tag} of {release.repo} has no checksum for {unlisted[0]}"
        hint = f"Publish {unlisted[0]}.sha256 or SHA256SUMS, or use --checksum if-present."
        raise InvalidChecksumFile(sentence, hint)


def _origin(request: Request, release: Release, why: str) -> Origin:
    return Origin(
        version=release.tag,
        requested=request.mode,
        used="download",
        why=why,
        forge=release.forge,
        repo=release.repo,
        tag=release.tag,
        commit=release.commit,
        phase=request.phase,
    )

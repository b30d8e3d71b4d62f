"""Facts ─► Decisions, pure: the same request and facts always give the same answer, with its reason (DESIGN section 5).

    mode      release carries every artifact   it lacks one        there is none
    auto      Download                         Build               Build
    download  Download                         AssetNotFound       (ReleaseNotFound, while resolving)
    source    Build                            Build               Build

What is installed already and intact is a Keep; parts of the app that are no longer part of it are a Remove.
"""

from msgspec import Struct

from hero_build.errors import AssetNotFound, InvalidChecksumFile
from hero_build.model.artifacts import Artifact, Binary, Library
from hero_build.model.installed import BuildInfo, InstalledArtifact, Origin, PartId
from hero_build.model.steps import (
    Asset,
    Build,
    BuildPlan,
    BuildTask,
    Decision,
    Download,
    Facts,
    Installed,
    Keep,
    Part,
    Release,
    Remove,
    Request,
    SelectedAsset,
)

RECORD = ".build.json"
"""How the names of build records end in a release."""


class _Choice(Struct, frozen=True):
    """How the whole app is had, never half and half: from `release`, or built (None)."""

    release: Release | None
    why: str


def decide(request: Request, facts: Facts) -> tuple[Decision, ...]:
    """One decision per part. Raises AssetNotFound, ChecksumUnreadable."""
    choice = _choose(request, facts)
    if not facts.parts:  # only a tree could tell which islands there are, and there is none to look at
        return (Build(Part(PartId(facts.app), ()), choice.why),)
    decisions = [_part(request, facts=facts, part=part, choice=choice) for part in facts.parts]
    named = {part.id for part in facts.parts}
    gone = [Remove(part, "the recipe no longer has it") for part in facts.installed if part not in named]
    return (*decisions, *(gone if facts.complete else ()))


def means_build(request: Request, facts: Facts) -> bool:
    """Whether these facts, which need not know of a tree yet, lead to a build; not to one of its errors either."""
    return request.mode != "download" and _choose(request, facts).release is None


def _choose(request: Request, facts: Facts) -> _Choice:
    missing = [artifact for artifact in facts.wanted if artifact not in facts.offers]
    if request.ref is not None:
        plain = "" if request.optimise else ", and --no-opt leaves out wasm-opt"
        return _Choice(None, f"--ref {request.ref} names a commit to build{plain}")
    if request.mode == "source":
        asked = "--mode source asks for a build" if request.optimise else "--no-opt asks for a build without wasm-opt"
        return _Choice(None, asked)
    if facts.release is None:
        return _Choice(None, f"there is no release {request.version}" if request.version else "there is no release")
    if not facts.wanted:
        return _untold(request, facts.app, facts.release)
    if not missing:
        return _Choice(facts.release, _carries_all(request, facts, facts.release))
    if request.mode == "download":
        raise _no_asset(facts, facts.release, missing[0])
    return _Choice(None, f"release {facts.release.tag} lacks {facts.wanted[missing[0]][0]}")


def _untold(request: Request, app: str, release: Release) -> _Choice:
    """Neither recipe nor release knows the set of binaries: the tree may. Raises AssetNotFound."""
    sentence = f"release {release.tag} does not tell what {app} is made of"
    if request.phase == "islands":
        sentence = f"release {release.tag} has no islands"
    if request.mode != "download":
        return _Choice(None, sentence)
    if request.phase == "islands":
        raise AssetNotFound(f"{sentence}", f"It would take assets like NAME-wasm.tar.gz. {_has(release)}")
    wanted = f"a service.toml, or assets named {app}, {app}_server, {app}_admin or {app}_web"
    raise AssetNotFound(f"{sentence}: the recipe lists no binaries", f"It would take {wanted}. {_has(release)}")


def _carries_all(request: Request, facts: Facts, release: Release) -> str:
    count = len(facts.wanted)
    one, many = ("bundle", "bundles") if request.phase != "install" else ("binary", "binaries")
    every = f"all {count} {many}" if count > 1 else f"its {one}"
    return f"release {release.tag} carries {every}"


def _part(request: Request, facts: Facts, part: Part, choice: _Choice) -> Decision:
    if choice.release is None:
        return _build(request, facts=facts, part=part, choice=choice)
    offers = tuple(facts.offers[artifact] for artifact in part.artifacts)
    _checksums(request, choice.release, offers)
    installed = facts.installed.get(part.id)
    reason = _stale(request, release=choice.release, part=part, offers=offers, installed=installed)
    if installed is not None and reason is None:
        return Keep(part.id, f"{choice.release.tag} is installed and intact", installed.record.origin)
    why = f"{reason}; {choice.why}" if reason else choice.why
    records = _records(part, facts, choice.release)
    return Download(
        part,
        why=why,
        platform=facts.platform,
        origin=_origin(request, choice.release, choice.why),
        offers=offers,
        records=records,
    )


def _records(part: Part, facts: Facts, release: Release) -> tuple[Asset, ...]:
    """The build records of a release that may speak of a part: its platform's, or, of a bundle, those of its app."""
    found = tuple(asset for asset in release.assets if asset.name.endswith(RECORD))
    exact = f"{facts.app}-{facts.platform}{RECORD}"
    return tuple(a for a in found if a.name == exact) if part.id.bundle is None else found


def _stale(
    request: Request, release: Release, part: Part, offers: tuple[SelectedAsset, ...], installed: Installed | None
) -> str | None:
    """Why what is installed will not do; None when it will (or when nothing is installed)."""
    if installed is None:
        return None
    origin = installed.record.origin
    if installed.damage:
        return installed.damage[0]
    if request.reset:
        return "--reset asks for it again"
    if origin.used != "download":
        return "what is installed was built from source"
    if origin.tag != release.tag:
        return f"{release.tag} takes the place of {origin.tag}"
    entries = {entry.name: entry for entry in installed.record.entries}
    if entries.keys() != {artifact.name for artifact in part.artifacts}:
        return "the recipe's set has changed"
    changed = (a.name for a, o in zip(part.artifacts, offers, strict=True) if not _same(a, o, entries[a.name]))
    return next((f"{name} was published anew under {release.tag}" for name in changed), None)


def _same(artifact: Artifact, selected: SelectedAsset, entry: InstalledArtifact) -> bool:
    if isinstance(artifact, Binary) and artifact.kind != entry.kind:
        return False
    if selected.sha256 is not None:
        return selected.sha256 == entry.asset_sha256
    return selected.asset.name == entry.asset and selected.asset.id == entry.asset_id


def _build(request: Request, facts: Facts, part: Part, choice: _Choice) -> Decision:
    if facts.build_plan is None:
        return Build(part, choice.why)
    installed = facts.installed.get(part.id)
    reason = _outdated(request, plan=facts.build_plan, part=part, installed=installed)
    if installed is not None and reason is None:
        origin = installed.record.origin
        return Keep(part.id, f"{origin.version} was built from what is there now, and is intact", origin)
    origin = _built_origin(request, facts=facts, plan=facts.build_plan, why=choice.why)
    libraries = tuple(facts.offers[item] for item in part.artifacts if isinstance(item, Library))
    task = BuildTask(facts.build_plan.job, origin=origin, platform=facts.platform, libraries=libraries)
    return Build(part, f"{reason}; {choice.why}" if reason else choice.why, task)


def _outdated(request: Request, plan: BuildPlan, part: Part, installed: Installed | None) -> str | None:
    """Why what is installed is not what a build would make; None when it is (or when nothing is installed)."""
    if installed is None:
        return None
    record = installed.record
    if installed.damage:
        return installed.damage[0]
    if request.reset:
        return "--reset asks for it again"
    if record.origin.used != "source" or record.origin.build is None:
        return "what is installed was downloaded"
    if changed := plan.fingerprint.changed(record.origin.build.fingerprint):
        return f"changed since the last build: {', '.join(changed)}"
    wanted = {(item.name, item.kind if isinstance(item, Binary) else None) for item in part.artifacts}
    if {(entry.name, entry.kind) for entry in record.entries} != wanted:
        return "the recipe's set has changed"
    return None


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
        build=BuildInfo(tree.ref, plan.fingerprint, plan.wrapper),
    )


def _checksums(request: Request, release: Release, offers: tuple[SelectedAsset, ...]) -> None:
    bare = [offer.asset.name for offer in offers if offer.sha256 is None]
    if bare and request.checksum == "required":
        sentence = f"release {release.tag} of {release.repo} has no checksum for {bare[0]}"
        raise InvalidChecksumFile(sentence, f"Publish {bare[0]}.sha256 or SHA256SUMS, or use --checksum if-present.")


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
    )


def _no_asset(facts: Facts, release: Release, artifact: Artifact) -> AssetNotFound:
    name, *formerly = facts.wanted[artifact]
    nor = f" (nor {formerly[0]})" if formerly else ""
    sentence = f"release {release.tag} of {release.repo} has no asset {name}{nor}"
    return AssetNotFound(sentence, _has(release) + _near(name, [asset.name for asset in release.assets]))


def _has(release: Release) -> str:
    has = [asset.name for asset in release.assets]
    return f"It has: {', '.join(has[:20])}{', …' if len(has) > 20 else ''}." if has else "It has no assets at all."


def _near(name: str, has: list[str]) -> str:
    import difflib  # only for the hint

    close = difflib.get_close_matches(name, has, n=1, cutoff=0.8)
    return f" Nearest: {close[0]}." if close else ""

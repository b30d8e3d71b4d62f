"""Gathers the Facts of one app: what its recipe says, what its forge has, what is on disk, what a build would be.

It changes nothing in the root. Where a build is meant it may clone, switch or update the app's checkout, as asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hero_build import ask, manifest
from hero_build.artifact import Artifact, Library, Platform
from hero_build.catalog import Found
from hero_build.decide import means_build
from hero_build.errors import ReleaseNotFound, Unsupported
from hero_build.install import seal
from hero_build.model import Asset, Facts, Installed, Offer, Part, Release, Request
from hero_build.record import Generation, PartId
from hero_build.told import match, tell
from hero_build.tools import Tools


@dataclass(frozen=True, slots=True)
class Disk:
    """What a root holds, read once for a whole command."""

    generation: Generation
    installed: Mapping[PartId, Installed]


def look(tools: Tools, apps: tuple[str, ...]) -> Disk:
    """The installed parts of these apps, with their damage by seal and links. Raises RootDamaged."""
    generation = manifest.load(tools.root.path)
    wanted = set(apps)
    parts = [part for part in generation.records if part.app in wanted]
    return Disk(generation, seal.inspect(tools.root, generation, parts))


def resolve(app: str, found: Found, request: Request, disk: Disk, tools: Tools) -> Facts:
    """Raises NotFound, ForgeError, VerificationError, RecipeError, MachineError, LockHeld, UnsafeName."""
    ask.must_be_installable(found, request.phase)
    facts = _published(app, found, request, disk, tools)
    return _built(found, facts, request, tools) if means_build(request, facts) else facts


def _built(found: Found, facts: Facts, request: Request, tools: Tools) -> Facts:
    """The same for a build: the set is the tree's, whatever the release knows of it."""
    from hero_build.blueprint import draw  # git and cargo, for those who build

    drawn = draw(found, request, tools)
    if drawn is None:
        return facts
    parts = _parts(found, request, drawn.artifacts)
    return replace(facts, parts=parts, blueprint=drawn.blueprint, set_from=drawn.by)


def _published(app: str, found: Found, request: Request, disk: Disk, tools: Tools) -> Facts:
    platform = ask.platform(found)
    release = _release(found, request, tools)
    told = tell(found, request, release, tools)
    wanted = ask.wanted(found, told.artifacts, platform)
    libraries = found.recipe.libraries if request.phase == "install" else ()
    return Facts(
        app=app,
        platform=platform,
        parts=_parts(found, request, told.artifacts),
        complete=not request.names,
        installed={part: installed for part, installed in disk.installed.items() if _concerns(part, app, request)},
        release=release,
        offers={**{item: _pin(item, platform) for item in libraries}, **_offers(release, wanted, tools)},
        wanted=wanted,
        forge=tools.settings.forge,
        repo=found.recipe.repo,
        set_from=told.by,
        manifest=told.asset,
    )


def _parts(found: Found, request: Request, artifacts: Sequence[Artifact]) -> tuple[Part, ...]:
    """An app's programs and libraries are one part, each of its bundles is one."""
    if request.phase == "install":
        return (Part(PartId(found.app), (*artifacts, *found.recipe.libraries)),)
    return tuple(Part(PartId(found.app, bundle.name), (bundle,)) for bundle in artifacts)


def _concerns(part: PartId, app: str, request: Request) -> bool:
    """Whether a phase has to do with an installed part: installing the one never drops the other."""
    return part.app == app and (part.bundle is None) == (request.phase == "install")


def _release(found: Found, request: Request, tools: Tools) -> Release | None:
    """The release to look at; None where a build needs none, or `auto` finds that there is none."""
    if request.mode == "source" or request.ref is not None:
        return None
    try:
        return tools.forge.find(ask.reference(found, request.version, request.phase))
    except ReleaseNotFound:
        if request.mode == "auto":
            return None
        raise


def _pin(library: Library, platform: Platform) -> Offer:
    here = f"{platform.os}-{platform.arch}"
    for pin in library.pins:
        if pin.platform == here:
            return Offer(
                Asset(pin.url.rsplit("/", 1)[-1], pin.url, id=pin.sha256, sha256=pin.sha256),
                pin.sha256,
                told_by="the recipe",
            )
    known = ", ".join(pin.platform for pin in library.pins) or "none"
    raise Unsupported(f"{library.name} is not pinned for {here}", f"The recipe has it for: {known}.")


def _offers(release: Release | None, wanted: Mapping[Artifact, tuple[str, ...]], tools: Tools) -> dict[Artifact, Offer]:
    """The asset of each artifact, with its digest where the release tells one; none of them unless all are there."""
    if release is None:
        return {}
    matched = {artifact: found for artifact, names in wanted.items() if (found := match(release, names))}
    if len(matched) < len(wanted):
        return {artifact: Offer(asset, None, legacy) for artifact, (asset, legacy) in matched.items()}
    offers = _told(release, [asset for asset, _ in matched.values()], tools)

    return {artifact: replace(offers[asset.name], legacy=legacy) for artifact, (asset, legacy) in matched.items()}


def _told(release: Release, assets: list[Asset], tools: Tools) -> dict[str, Offer]:
    """The assets with what the release says their sha256 is: itself, in SHA256SUMS, or in `<asset>.sha256`."""
    told = {asset.name: Offer(asset, asset.sha256, told_by="the release itself") for asset in assets if asset.sha256}
    if len(told) == len(assets):
        return told
    from hero_build.forge.transfer import read_small
    from hero_build.verify import checksums

    by_name = {asset.name: asset for asset in release.assets}
    sums = by_name.get("SHA256SUMS")
    listed = checksums.parse(read_small(tools.forge, sums), sums.name) if sums else {}
    for asset in (asset for asset in assets if asset.name not in told):
        beside = by_name.get(f"{asset.name}.sha256")
        if asset.name in listed:
            told[asset.name] = Offer(asset, listed[asset.name], told_by="SHA256SUMS")
        elif beside:
            digest = checksums.parse_single(read_small(tools.forge, beside), asset.name)
            told[asset.name] = Offer(asset, digest, told_by=beside.name)
        else:
            told[asset.name] = Offer(asset, None)
    return told

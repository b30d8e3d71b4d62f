"""Gathers the Facts of one app: what its recipe says, what its forge has, what is on disk, what a build would be.

It changes nothing in the root. Where a build is meant it may clone, switch or update the app's checkout, as asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hero_build import ask, manifest, services
from hero_build.artifact import Artifact, Binary, Library, Platform
from hero_build.catalog import Found
from hero_build.decide import means_build
from hero_build.errors import AmbiguousAsset, ChecksumMismatch, ReleaseNotFound, Unsupported
from hero_build.install import seal
from hero_build.model import Asset, Facts, Installed, Offer, Part, Release, Request
from hero_build.record import Generation, PartId
from hero_build.tools import Tools


@dataclass(frozen=True, slots=True)
class Disk:
    """What a root holds, read once for a whole command."""

    generation: Generation
    installed: Mapping[PartId, Installed]


@dataclass(frozen=True, slots=True)
class Told:
    """An app's binaries (none: not known before there is a tree), who says so, and the release's file that does."""

    binaries: tuple[Binary, ...]
    by: str
    asset: Asset | None = None


def look(tools: Tools, apps: tuple[str, ...]) -> Disk:
    """The installed parts of these apps, with their damage by seal and links. Raises RootDamaged."""
    generation = manifest.load(tools.root.path)
    wanted = set(apps)
    parts = [part for part in generation.records if part.app in wanted]
    return Disk(generation, seal.inspect(tools.root, generation, parts))


def resolve(app: str, found: Found, request: Request, disk: Disk, tools: Tools) -> Facts:
    """Raises NotFound, ForgeError, VerificationError, RecipeError, MachineError, LockHeld, UnsafeName."""
    ask.must_be_installable(found)
    facts = _published(app, found, request, disk, tools)
    return _built(found, facts, request, tools) if means_build(request, facts) else facts


def _built(found: Found, facts: Facts, request: Request, tools: Tools) -> Facts:
    """The same for a build: the set is the tree's, whatever the release knows of it."""
    from hero_build.blueprint import draw  # git and cargo, for those who build

    drawn = draw(found, request, tools)
    if drawn is None:
        return facts
    part = Part(PartId(facts.app), (*drawn.binaries, *found.recipe.libraries))
    return replace(facts, parts=(part,), blueprint=drawn.blueprint, set_from=drawn.by)


def _published(app: str, found: Found, request: Request, disk: Disk, tools: Tools) -> Facts:
    platform = ask.platform(found)
    release = _release(found, request, tools)
    told = tell(found, release, tools)
    wanted = ask.wanted(found, told.binaries, platform)
    return Facts(
        app=app,
        platform=platform,
        parts=(Part(PartId(app), (*told.binaries, *found.recipe.libraries)),),
        complete=True,
        installed={part: installed for part, installed in disk.installed.items() if part.app == app},
        release=release,
        offers={**_pinned(found, platform), **_offers(release, wanted, tools)},
        wanted=wanted,
        forge=tools.settings.forge,
        repo=found.recipe.repo,
        set_from=told.by,
        manifest=told.asset,
    )


def tell(found: Found, release: Release | None, tools: Tools) -> Told:
    """What the app's binaries are: the recipe knows, or its release does, by a service.toml or by its assets' names.

    Raises ForgeError, RecipeError, AmbiguousAsset, ServicesUnreadable, ChecksumMismatch.
    """
    if found.recipe.binaries:
        return Told(found.recipe.binaries, "the recipe")
    if release is None:
        return Told((), "not known before there is a checkout")
    if match := _match(release, (services.NAME,)):
        where = f"{services.NAME} of release {release.tag}"
        if binaries := services.parse(_manifest(match[0], tools), where).binaries:
            return Told(binaries, f"read from {where}", match[0])
    binaries = ask.told_by_names(found, {asset.name for asset in release.assets})
    return Told(binaries, f"read from the asset names of release {release.tag}")


def _manifest(asset: Asset, tools: Tools) -> bytes:
    """Raises ChecksumMismatch where the forge, or a lock file, tells another digest."""
    import hashlib

    from hero_build.forge.transfer import read_small

    text = read_small(tools.forge, asset, limits=tools.limits, emit=tools.emit)
    if asset.sha256 is not None and asset.sha256 != (found := hashlib.sha256(text).hexdigest()):
        sentence = f"{asset.name} has the sha256 {found} and should have {asset.sha256}"
        raise ChecksumMismatch(sentence, "Do not trust this release: tell whoever published it.")
    return text


def _release(found: Found, request: Request, tools: Tools) -> Release | None:
    """The release to look at; None where a build needs none, or `auto` finds that there is none."""
    if request.mode == "source" or request.ref is not None:
        return None
    try:
        return tools.forge.find(ask.reference(found, request.version))
    except ReleaseNotFound:
        if request.mode == "auto":
            return None
        raise


def _pinned(found: Found, platform: Platform) -> Mapping[Artifact, Offer]:
    return {library: _pin(library, platform) for library in found.recipe.libraries}


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
    matched = {artifact: match for artifact, names in wanted.items() if (match := _match(release, names))}
    if len(matched) < len(wanted):
        return {artifact: Offer(asset, None, legacy) for artifact, (asset, legacy) in matched.items()}
    offers = _told(release, [asset for asset, _ in matched.values()], tools)

    return {artifact: replace(offers[asset.name], legacy=legacy) for artifact, (asset, legacy) in matched.items()}


def _match(release: Release, names: tuple[str, ...]) -> tuple[Asset, bool] | None:
    """The asset of exactly the first name that is there, and whether it is a legacy one. Raises AmbiguousAsset."""
    for name in names:
        fitting = [asset for asset in release.assets if asset.name == name]
        if len(fitting) > 1:
            both = " and ".join(asset.url for asset in fitting)
            sentence = f"release {release.tag} of {release.repo} has {len(fitting)} assets named {name}"
            raise AmbiguousAsset(sentence, f"Delete all but one on the forge: {both}.")
        if fitting:
            return fitting[0], name != names[0]
    return None


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

"""Gathers the Facts of one app: what its recipe says, what its forge has, what is on disk, what a build would be.

It changes nothing in the root. Where a build is meant it may clone, switch or update the app's checkout, as asked.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hero_build import manifest
from hero_build.catalog import recipe_facts
from hero_build.catalog.loader import LoadedRecipe
from hero_build.context import Context
from hero_build.errors import ReleaseNotFound, Unsupported
from hero_build.install import seal
from hero_build.model.artifacts import Artifact, Library, Platform
from hero_build.model.installed import Generation, PartId
from hero_build.model.steps import Asset, Facts, Installed, Part, Release, Request, SelectedAsset
from hero_build.pipeline.artifact_set import find_asset, list_artifacts
from hero_build.pipeline.decide import means_build


class Disk(Struct, frozen=True):
    """What a root holds, read once for a whole command."""

    generation: Generation
    installed: Mapping[PartId, Installed]


def read_disk(context: Context, apps: tuple[str, ...]) -> Disk:
    """The installed parts of these apps, with their damage by seal and links. Raises RootDamaged."""
    generation = manifest.load(context.root.path)
    wanted = set(apps)
    parts = [part for part in generation.records if part.app in wanted]
    return Disk(generation, seal.inspect(context.root, generation, parts))


def resolve(app: str, loaded: LoadedRecipe, request: Request, disk: Disk, context: Context) -> Facts:
    """Raises NotFound, ForgeError, VerificationError, RecipeError, MachineError, LockHeld, UnsafeName."""
    recipe_facts.require_installable(loaded, request.phase)
    facts = _published(app, loaded=loaded, request=request, disk=disk, context=context)
    return _built(loaded, facts=facts, request=request, context=context) if means_build(request, facts) else facts


def _built(loaded: LoadedRecipe, facts: Facts, request: Request, context: Context) -> Facts:
    """The same for a build: the set is the tree's, whatever the release knows of it."""
    from hero_build.pipeline.build_plan import plan_build  # git and cargo, for those who build

    drawn = plan_build(loaded, request, context)
    if drawn is None:
        return facts
    parts = _parts(loaded, request, drawn.artifacts)
    return replace(facts, parts=parts, build_plan=drawn.build_plan, set_from=drawn.by)


def _published(app: str, loaded: LoadedRecipe, request: Request, disk: Disk, context: Context) -> Facts:
    platform = recipe_facts.platform(loaded)
    release = _release(loaded, request, context)
    told = list_artifacts(loaded, request=request, release=release, context=context)
    wanted = recipe_facts.asset_names(loaded, told.artifacts, platform)
    libraries = loaded.recipe.libraries if request.phase == "install" else ()
    return Facts(
        app=app,
        platform=platform,
        parts=_parts(loaded, request, told.artifacts),
        complete=not request.names,
        installed={part: installed for part, installed in disk.installed.items() if _concerns(part, app, request)},
        release=release,
        offers={**{item: _pin(item, platform) for item in libraries}, **_offers(release, wanted, context)},
        wanted=wanted,
        forge=context.settings.forge,
        repo=loaded.recipe.repo,
        set_from=told.by,
        manifest=told.asset,
    )


def _parts(loaded: LoadedRecipe, request: Request, artifacts: Sequence[Artifact]) -> tuple[Part, ...]:
    """An app's programs and libraries are one part, each of its bundles is one."""
    if request.phase == "install":
        return (Part(PartId(loaded.app), (*artifacts, *loaded.recipe.libraries)),)
    return tuple(Part(PartId(loaded.app, bundle.name), (bundle,)) for bundle in artifacts)


def _concerns(part: PartId, app: str, request: Request) -> bool:
    """Whether a phase has to do with an installed part: installing the one never drops the other."""
    return part.app == app and (part.bundle is None) == (request.phase == "install")


def _release(loaded: LoadedRecipe, request: Request, context: Context) -> Release | None:
    """The release to look at; None where a build needs none, or `auto` finds that there is none."""
    if request.mode == "source" or request.ref is not None:
        return None
    try:
        return context.forge.find(recipe_facts.release_ref(loaded, request.version, request.phase))
    except ReleaseNotFound:
        if request.mode == "auto":
            return None
        raise


def _pin(library: Library, platform: Platform) -> SelectedAsset:
    here = f"{platform.os}-{platform.arch}"
    for pin in library.pins:
        if pin.platform == here:
            return SelectedAsset(
                Asset(pin.url.rsplit("/", 1)[-1], pin.url, id=pin.sha256, sha256=pin.sha256),
                pin.sha256,
                digest_source="the recipe",
            )
    known = ", ".join(pin.platform for pin in library.pins) or "none"
    raise Unsupported(f"{library.name} is not pinned for {here}", f"The recipe has it for: {known}.")


def _offers(
    release: Release | None, wanted: Mapping[Artifact, tuple[str, ...]], context: Context
) -> dict[Artifact, SelectedAsset]:
    """The asset of each artifact, with its digest where the release tells one; none of them unless all are there."""
    if release is None:
        return {}
    matched = {artifact: found for artifact, names in wanted.items() if (found := find_asset(release, names))}
    if len(matched) < len(wanted):
        return {artifact: SelectedAsset(asset, None, legacy) for artifact, (asset, legacy) in matched.items()}
    offers = _digests(release, [asset for asset, _ in matched.values()], context)

    return {artifact: replace(offers[asset.name], legacy=legacy) for artifact, (asset, legacy) in matched.items()}


def _digests(release: Release, assets: list[Asset], context: Context) -> dict[str, SelectedAsset]:
    """The assets with what the release says their sha256 is: itself, in SHA256SUMS, or in `<asset>.sha256`."""
    told = {
        asset.name: SelectedAsset(asset, asset.sha256, digest_source="the release itself")
        for asset in assets
        if asset.sha256
    }
    if len(told) == len(assets):
        return told
    from hero_build.forge.transfer import read_small
    from hero_build.verify import checksums

    by_name = {asset.name: asset for asset in release.assets}
    sums = by_name.get("SHA256SUMS")
    listed = checksums.parse(read_small(context.forge, sums), sums.name) if sums else {}
    for asset in (asset for asset in assets if asset.name not in told):
        beside = by_name.get(f"{asset.name}.sha256")
        if asset.name in listed:
            told[asset.name] = SelectedAsset(asset, listed[asset.name], digest_source="SHA256SUMS")
        elif beside:
            digest = checksums.parse_single(read_small(context.forge, beside), asset.name)
            told[asset.name] = SelectedAsset(asset, digest, digest_source=beside.name)
        else:
            told[asset.name] = SelectedAsset(asset, None)
    return told

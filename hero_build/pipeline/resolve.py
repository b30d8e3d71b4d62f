"""Gathers the Facts of one app: what its recipe says, what its forge has, what is on disk, what a build would be.

It changes nothing in the root. Where the choice falls on a build it may clone, switch or update the app's checkout,
as asked.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hero_build import manifest
from hero_build.catalog.loader import LoadedRecipe
from hero_build.catalog.recipe_facts import AssetNames, RecipeFacts, ask_recipe
from hero_build.context import Context
from hero_build.errors import ReleaseNotFound
from hero_build.install import seal
from hero_build.model.artifacts import Artifact, Library, Platform, pin_of
from hero_build.model.decisions import Facts, FromSource
from hero_build.model.installed import Generation, PartId
from hero_build.model.steps import Asset, Installed, Part, Release, Request, SelectedAsset
from hero_build.pipeline.artifact_set import find_asset, list_artifacts
from hero_build.pipeline.choose import choose


class Disk(Struct, frozen=True):
    """What a root holds, read once for a whole command."""

    generation: Generation
    installed: Mapping[PartId, Installed]


EMPTY = Disk(Generation(0), {})
"""Of a command for which it does not matter what is installed."""


def read_disk(context: Context, apps: tuple[str, ...]) -> Disk:
    """The installed parts of these apps, with their damage by seal and links. Raises RootDamaged."""
    generation = manifest.load(context.root.path)
    parts = [part for part in generation.records if part.app in set(apps)]
    return Disk(generation, seal.inspect(context.root, generation, parts))


def resolve(request: Request, *, loaded: LoadedRecipe, disk: Disk, context: Context) -> Facts:
    """The facts that `decide` needs. Raises NotFound, ForgeError, VerificationError, RecipeError, MachineError,
    LockHeld, UnsafeName.
    """
    recipe = ask_recipe(loaded, phase=request.phase, version=request.version)
    facts = _with_release(recipe, request=request, disk=disk, context=context)
    if isinstance(facts.choice, FromSource):
        return _with_build(facts, recipe=recipe, request=request, context=context)
    return facts


def _with_release(recipe: RecipeFacts, *, request: Request, disk: Disk, context: Context) -> Facts:
    release = _find_release(recipe, request, context)
    artifacts = list_artifacts(recipe, names=request.names, release=release, context=context)
    names = recipe.names_of(artifacts.artifacts)
    selected = _select(release, names, context)
    libraries: dict[Artifact, SelectedAsset] = {item: _pinned(item, recipe.platform) for item in recipe.libraries}
    return Facts(
        app=request.app,
        platform=recipe.platform,
        parts=_parts(recipe, artifacts.artifacts),
        complete=not request.names,
        installed={part: installed for part, installed in disk.installed.items() if _concerns(part, request)},
        release=release,
        selected={**libraries, **selected},
        asset_names=names,
        choice=choose(request, release=release, names=names, selected=selected),
        forge=context.settings.forge,
        repo=recipe.loaded.recipe.repo,
        set_from=artifacts.listed_by,
        manifest=artifacts.asset,
    )


def _with_build(facts: Facts, *, recipe: RecipeFacts, request: Request, context: Context) -> Facts:
    """The same with what a build would be: the set is then the tree's, whatever the release lists."""
    from hero_build.pipeline.build_plan import plan_build  # git and cargo, for those who build

    planned = plan_build(recipe, request, context)
    if planned is None:
        return facts
    parts = _parts(recipe, planned.artifacts)
    return replace(facts, parts=parts, build_plan=planned.build_plan, set_from=planned.listed_by)


def _parts(recipe: RecipeFacts, artifacts: Sequence[Artifact]) -> tuple[Part, ...]:
    """An app's programs and libraries are one part, each of its bundles is one."""
    app = recipe.loaded.app
    if recipe.phase == "install":
        return (Part(PartId(app), (*artifacts, *recipe.libraries)),)
    return tuple(Part(PartId(app, bundle.name), (bundle,)) for bundle in artifacts)


def _concerns(part: PartId, request: Request) -> bool:
    """Whether a phase has to do with an installed part: installing the one never drops the other."""
    return part.app == request.app and (part.bundle is None) == (request.phase == "install")


def _find_release(recipe: RecipeFacts, request: Request, context: Context) -> Release | None:
    """The release to look at; None where a build needs none, or `auto` finds that there is none."""
    if request.mode == "source" or request.ref is not None:
        return None
    try:
        return context.forge.find(recipe.ref)
    except ReleaseNotFound:
        if request.mode == "auto":
            return None
        raise


def _pinned(library: Library, platform: Platform) -> SelectedAsset:
    """Raises Unsupported where the recipe pins nothing for the platform."""
    pin = pin_of(library, platform)
    asset = Asset(pin.url.rsplit("/", 1)[-1], pin.url, id=pin.sha256, sha256=pin.sha256)
    return SelectedAsset(asset, pin.sha256, digest_source="the recipe")


def _select(release: Release | None, names: AssetNames, context: Context) -> dict[Artifact, SelectedAsset]:
    """The asset of each artifact, with its digest where the release lists one; no digests unless all are there."""
    if release is None:
        return {}
    matches = {artifact: match for artifact, known in names.items() if (match := find_asset(release, known))}
    if len(matches) < len(names):
        return {artifact: SelectedAsset(asset, None, legacy) for artifact, (asset, legacy) in matches.items()}
    selected = _digests(release, [asset for asset, _ in matches.values()], context)
    return {artifact: replace(selected[asset.name], legacy=legacy) for artifact, (asset, legacy) in matches.items()}


def _digests(release: Release, assets: list[Asset], context: Context) -> dict[str, SelectedAsset]:
    """The assets by name, with the sha256 that the release publishes: itself, in SHA256SUMS, or in `<asset>.sha256`."""
    selected = {
        asset.name: SelectedAsset(asset, asset.sha256, digest_source="the release itself")
        for asset in assets
        if asset.sha256
    }
    if len(selected) == len(assets):
        return selected
    from hero_build.forge.transfer import read_small
    from hero_build.verify import checksums

    by_name = {asset.name: asset for asset in release.assets}
    sums = by_name.get("SHA256SUMS")
    listed = checksums.parse(read_small(context.forge, sums), sums.name) if sums else {}
    for asset in (asset for asset in assets if asset.name not in selected):
        single = by_name.get(f"{asset.name}.sha256")
        if asset.name in listed:
            selected[asset.name] = SelectedAsset(asset, listed[asset.name], digest_source="SHA256SUMS")
        elif single:
            digest = checksums.parse_single(read_small(context.forge, single), asset.name)
            selected[asset.name] = SelectedAsset(asset, digest, digest_source=single.name)
        else:
            selected[asset.name] = SelectedAsset(asset, None)
    return selected

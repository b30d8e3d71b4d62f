"""Gathers the Facts of one app: what its recipe says, what its forge has, what is on disk, what a build would be.

It changes nothing in the root. Where the choice falls on a build it may clone, switch or update the app's checkout,
as asked.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from hero_build.catalog.loader import LoadedRecipe
from hero_build.catalog.recipe_facts import AssetNames, RecipeFacts, ask_recipe
from hero_build.context import Context
from hero_build.errors import ForgeError, MissingTool, NotFound, ReleaseNotFound
from hero_build.install import seal, snapshot
from hero_build.model.artifacts import Artifact, Library, Platform, pin_of
from hero_build.model.decisions import Facts, FromSource
from hero_build.model.installed import Generation, PartId
from hero_build.model.steps import Asset, Installed, Part, Release, Request, SelectedAsset
from hero_build.pipeline.artifact_set import find_asset, list_artifacts
from hero_build.pipeline.checksum_files import release_digests
from hero_build.pipeline.choose import choose
from hero_build.verify.checksums import PublishedDigest


class Disk(Struct, frozen=True):
    """What a root holds, read once for a whole command."""

    generation: Generation
    installed: Mapping[PartId, Installed]


EMPTY = Disk(Generation(0), {})
"""Of a command for which it does not matter what is installed."""


def read_disk(context: Context, apps: tuple[str, ...]) -> Disk:
    """The installed parts of these apps, with their damage by seal and links. Raises RootDamaged."""
    asked = frozenset(apps)

    def look(generation: Generation) -> Disk:
        parts = [part for part in generation.records if part.app in asked]
        return Disk(generation, seal.inspect(context.root, generation, parts))

    return snapshot.examine(context.root, look, lambda disk: any(item.damage for item in disk.installed.values()))


def resolve(request: Request, *, loaded: LoadedRecipe, disk: Disk, context: Context) -> Facts:
    """The facts that `decide` needs. Raises NotFound, ForgeError, VerificationError, RecipeError, MachineError,
    LockHeld, UnsafeName.
    """
    recipe = ask_recipe(loaded, phase=request.phase, version=request.version)
    facts = resolve_release(recipe, request=request, disk=disk, context=context)
    return resolve_build(facts, recipe=recipe, request=request, context=context)


def resolve_release(recipe: RecipeFacts, *, request: Request, disk: Disk, context: Context) -> Facts:
    """The facts without those of a build. Raises as `resolve`."""
    release, absent = _find_release(recipe, request, context)
    artifacts = list_artifacts(recipe, names=request.names, release=release, context=context)
    names = recipe.names_of(artifacts.artifacts)
    selected = _select(release, artifacts.asset, names=names, request=request, disk=disk, context=context)
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
        choice=choose(request, release=release, names=names, selected=selected, absent=absent),
        forge=context.settings.forge,
        repo=recipe.loaded.recipe.repo,
        set_from=artifacts.listed_by,
        manifest=artifacts.asset,
        absent=absent,
    )


def resolve_build(facts: Facts, *, recipe: RecipeFacts, request: Request, context: Context) -> Facts:
    """The same with what a build would be, where the choice is one: the set is then the tree's, whatever the release
    lists. Raises as `resolve`.
    """
    if not isinstance(facts.choice, FromSource):
        return facts
    from hero_build.pipeline.build_plan import plan_build  # git and cargo, for those who build

    try:
        planned = plan_build(recipe, request, context)
    except (MissingTool, NotFound, ForgeError) as error:  # what is missing hides why anything is built
        if reason := facts.choice.unavailable:
            error.message = f"{facts.choice.why}, so it would be built, and {error.message}"
            missing = "" if reason.hint and isinstance(error, NotFound) else error.hint
            error.hint = " ".join(hint for hint in (reason.hint, missing) if hint)
        raise
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


def _find_release(
    recipe: RecipeFacts, request: Request, context: Context
) -> tuple[Release | None, ReleaseNotFound | None]:
    """The release to look at; none where a build needs none, or, with the forge's answer, where `auto` finds none."""
    if request.mode == "source" or request.ref is not None:
        return None, None
    try:
        return context.forge.find(recipe.ref), None
    except ReleaseNotFound as error:
        if request.mode == "auto":
            return None, error
        raise


def _pinned(library: Library, platform: Platform) -> SelectedAsset:
    """Raises Unsupported where the recipe pins nothing for the platform."""
    pin = pin_of(library, platform)
    asset = Asset(pin.url.rsplit("/", 1)[-1], pin.url, id=pin.sha256, sha256=pin.sha256)
    return SelectedAsset(asset, pin.sha256, digest_source="the recipe")


def _select(
    release: Release | None, listing: Asset | None, *, names: AssetNames, request: Request, disk: Disk, context: Context
) -> dict[Artifact, SelectedAsset]:
    """The asset of each artifact, with its digest where the release lists one; no digests unless all are there.

    `listing` is the asset that lists the artifacts, with the digest of its content. Raises InvalidChecksumFile.
    """
    if release is None:
        return {}
    matches = {artifact: match for artifact, known in names.items() if (match := find_asset(release, known))}
    if len(matches) < len(names):
        return {artifact: SelectedAsset(asset, None, legacy) for artifact, (asset, legacy) in matches.items()}
    assets = [*(asset for asset, _ in matches.values()), *([listing] if listing else [])]
    records = [part.record for part in disk.installed.values()]
    digests = release_digests(
        release,
        assets,
        installed=frozenset(entry.asset_sha256 or "" for record in records for entry in record.entries),
        every_list=request.checksum == "required",
        context=context,
    )
    return {
        artifact: _selected(asset, legacy=legacy, digest=digests.get(asset.name))
        for artifact, (asset, legacy) in matches.items()
    }


def _selected(asset: Asset, *, legacy: bool, digest: PublishedDigest | None) -> SelectedAsset:
    if digest is None:
        return SelectedAsset(asset, None, legacy)
    return SelectedAsset(asset, digest.sha256, legacy, digest_source=digest.source)

"""What an app is made of, and who says so: its recipe, a file of its release, or the names of the release's assets."""

import json

from msgspec import Struct

from hero_build.catalog import recipe_facts, service_toml
from hero_build.catalog.loader import LoadedRecipe
from hero_build.context import Context
from hero_build.errors import AmbiguousAsset, ChecksumMismatch, InvalidServiceManifest
from hero_build.model.artifacts import Artifact, Binary, WasmBundle
from hero_build.model.names import check_name
from hero_build.model.steps import Asset, Release, Request

INDEX = "islands.json"
NOT_YET = "not known before there is a checkout"


class ArtifactSet(Struct, frozen=True):
    """A phase's artifacts (none: not known before there is a tree), who says so, and the release's file that does."""

    artifacts: tuple[Artifact, ...]
    by: str
    asset: Asset | None = None

    @property
    def binaries(self) -> tuple[Binary, ...]:
        return tuple(item for item in self.artifacts if isinstance(item, Binary))


def list_artifacts(loaded: LoadedRecipe, request: Request, release: Release | None, context: Context) -> ArtifactSet:
    """Raises ForgeError, RecipeError, AmbiguousAsset, ServicesUnreadable, ChecksumMismatch, UnsafeName."""
    match request.phase:
        case "install":
            return programs(loaded, release, context)
        case "shell":
            return ArtifactSet(loaded.recipe.bundles, "the recipe")
        case "islands":
            return _named(request.names) if request.names else _islands(loaded, release, context)


def programs(loaded: LoadedRecipe, release: Release | None, context: Context) -> ArtifactSet:
    """The binaries: the recipe knows, or the release, by a service.toml or by its assets' names. Raises as `tell`."""
    if loaded.recipe.binaries:
        return ArtifactSet(loaded.recipe.binaries, "the recipe")
    if release is None:
        return ArtifactSet((), NOT_YET)
    if listed := find_asset(release, (service_toml.NAME,)):
        where = f"{service_toml.NAME} of release {release.tag}"
        if binaries := service_toml.parse(_read(listed[0], context), where).binaries:
            return ArtifactSet(binaries, f"read from {where}", listed[0])
    binaries = recipe_facts.binaries_from_names(loaded, {asset.name for asset in release.assets})
    return ArtifactSet(binaries, f"read from the asset names of release {release.tag}")


def find_asset(release: Release, names: tuple[str, ...]) -> tuple[Asset, bool] | None:
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


def _named(names: tuple[str, ...]) -> ArtifactSet:
    return ArtifactSet(tuple(WasmBundle(check_name(name, "island")) for name in names), "those that were named")


def _islands(loaded: LoadedRecipe, release: Release | None, context: Context) -> ArtifactSet:
    if release is None:
        return ArtifactSet((), NOT_YET)
    if listed := find_asset(release, (INDEX,)):
        where = f"{INDEX} of release {release.tag}"
        return ArtifactSet(_indexed(_read(listed[0], context), where), f"read from {where}", listed[0])
    names = recipe_facts.bundles_from_names(loaded, [asset.name for asset in release.assets])
    return ArtifactSet(_named(names).artifacts, f"read from the asset names of release {release.tag}")


def _indexed(text: bytes, where: str) -> tuple[WasmBundle, ...]:
    """Of an index as a root has one, its islands' names. Raises ServicesUnreadable, UnsafeName."""
    try:
        names = [str(island["name"]) for island in json.loads(text)["islands"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        sentence = f"{where} is no index of islands: {error!r}"
        raise InvalidServiceManifest(
            sentence, "Publish the release anew, or take another with --version TAG."
        ) from error
    return tuple(WasmBundle(check_name(name, "island")) for name in sorted(set(names)))


def _read(asset: Asset, context: Context) -> bytes:
    """Raises ChecksumMismatch where the forge, or a lock file, tells another digest."""
    import hashlib

    from hero_build.forge.transfer import read_small

    text = read_small(context.forge, asset, limits=context.limits, emit=context.emit)
    if asset.sha256 is not None and asset.sha256 != (found := hashlib.sha256(text).hexdigest()):
        sentence = f"{asset.name} has the sha256 {found} and should have {asset.sha256}"
        raise ChecksumMismatch(sentence, "Do not trust this release: tell whoever published it.")
    return text

"""What an app is made of, and who says so: its recipe, a file of its release, or the names of the release's assets."""

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hero_build.catalog import service_toml
from hero_build.catalog.loader import LoadedRecipe
from hero_build.catalog.recipe_facts import RecipeFacts, binaries_from_names, bundles_from_names
from hero_build.context import Context
from hero_build.errors import AmbiguousAsset, ChecksumMismatch, InvalidServiceManifest
from hero_build.model.artifacts import Artifact, Binary, WasmBundle
from hero_build.model.names import check_name
from hero_build.model.steps import Asset, Release
from hero_build.system.decoding import decode_json
from hero_build.system.file_cache import lookup, store
from hero_build.system.sha256 import sha256_of

INDEX = "islands.json"
_LISTINGS, _LISTED = "listings.json", 1000
UNKNOWN = "not known before there is a checkout"


class ArtifactSet(Struct, frozen=True):
    """A phase's artifacts (none: not known before there is a tree), who lists them, and the file if a release does."""

    artifacts: tuple[Artifact, ...]
    listed_by: str
    asset: Asset | None = None

    @property
    def binaries(self) -> tuple[Binary, ...]:
        return tuple(item for item in self.artifacts if isinstance(item, Binary))


class _Island(Struct, frozen=True):
    name: str


class _Index(Struct, frozen=True):
    """Of an islands.json only what names the islands."""

    islands: list[_Island]


def list_artifacts(
    recipe: RecipeFacts, names: tuple[str, ...], release: Release | None, context: Context
) -> ArtifactSet:
    """The artifacts of the recipe's phase; `names` are the islands that were asked for (none: all).

    Raises ForgeError, RecipeError, AmbiguousAsset, InvalidServiceManifest, ChecksumMismatch, UnsafeName.
    """
    match recipe.phase:
        case "install":
            return list_programs(recipe.loaded, release, context)
        case "shell":
            return ArtifactSet(recipe.artifacts, "the recipe")
        case "islands":
            return _named(names) if names else _islands(recipe.loaded, release, context)


def list_programs(loaded: LoadedRecipe, release: Release | None, context: Context) -> ArtifactSet:
    """The binaries: of the recipe, else of the release's service.toml, else by its asset names.

    Raises as `list_artifacts`.
    """
    if loaded.recipe.binaries:
        return ArtifactSet(loaded.recipe.binaries, "the recipe")
    if release is None:
        return ArtifactSet((), UNKNOWN)
    if manifest := find_asset(release, (service_toml.NAME,)):
        where = f"{service_toml.NAME} of release {release.tag}"
        content = _read(manifest[0], context)
        if binaries := service_toml.parse(content.text, where).binaries:
            return ArtifactSet(binaries, f"read from {where}", content.asset)
    binaries = binaries_from_names(loaded, {asset.name for asset in release.assets})
    return ArtifactSet(binaries, f"read from the asset names of release {release.tag}")


def find_asset(release: Release, names: tuple[str, ...]) -> tuple[Asset, bool] | None:
    """The asset of exactly the first name that is there, and whether it is a legacy one. Raises AmbiguousAsset."""
    for name in names:
        matching = [asset for asset in release.assets if asset.name == name]
        if len(matching) > 1:
            both = " and ".join(asset.url for asset in matching)
            sentence = f"release {release.tag} of {release.repo} has {len(matching)} assets named {name}"
            raise AmbiguousAsset(sentence, f"Delete all but one on the forge: {both}.")
        if matching:
            return matching[0], name != names[0]
    return None


def _named(names: tuple[str, ...]) -> ArtifactSet:
    return ArtifactSet(tuple(WasmBundle(check_name(name, "island")) for name in names), "those that were named")


def _islands(loaded: LoadedRecipe, release: Release | None, context: Context) -> ArtifactSet:
    if release is None:
        return ArtifactSet((), UNKNOWN)
    if index := find_asset(release, (INDEX,)):
        where = f"{INDEX} of release {release.tag}"
        content = _read(index[0], context)
        return ArtifactSet(_indexed(content.text, where), f"read from {where}", content.asset)
    names = bundles_from_names(loaded, [asset.name for asset in release.assets])
    return ArtifactSet(_named(names).artifacts, f"read from the asset names of release {release.tag}")


def _indexed(text: bytes, where: str) -> tuple[WasmBundle, ...]:
    """The islands that an islands.json lists, sorted by name. Raises InvalidServiceManifest, UnsafeName."""
    try:
        names = {island.name for island in decode_json(text, kind=_Index).islands}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        hint = "Publish the release again, or take another with --version TAG."
        raise InvalidServiceManifest(f"{where} is not an islands index: {error}", hint) from error
    return tuple(WasmBundle(check_name(name, "island")) for name in sorted(names))


class _Content(Struct, frozen=True):
    """The content of an asset, and the asset with the digest of that content."""

    text: bytes
    asset: Asset


def _read(asset: Asset, context: Context) -> _Content:
    """A file that lists artifacts; one of a known digest is kept, so that a lock file needs no request for it.

    Raises ChecksumMismatch where the forge, or a lock file, lists another digest.
    """
    from hero_build.forge.transfer import read_small

    cache = context.settings.cache / _LISTINGS
    if asset.sha256 is not None:
        known = lookup(cache).get(asset.sha256, "").encode()
        if sha256_of(known) == asset.sha256:
            return _Content(known, asset)
    text = read_small(context.forge, asset, limits=context.limits, emit=context.emit)
    digest = sha256_of(text)
    if asset.sha256 is not None and asset.sha256 != digest:
        sentence = f"{asset.name} has the sha256 {digest} and should have {asset.sha256}"
        raise ChecksumMismatch(sentence, "Do not trust this release; report it to its publisher.")
    if asset.sha256 is not None and text.isascii():
        store(cache, key=digest, answer=text.decode(), most=_LISTED)
    return _Content(text, replace(asset, sha256=digest, size=len(text)))

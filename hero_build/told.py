"""What an app is made of, and who says so: its recipe, a file of its release, or the names of the release's assets."""

import json
from dataclasses import dataclass

from hero_build import ask, services
from hero_build.artifact import Artifact, Binary, WasmBundle
from hero_build.catalog import Found
from hero_build.errors import AmbiguousAsset, ChecksumMismatch, ServicesUnreadable
from hero_build.model import Asset, Release, Request
from hero_build.names import check_name
from hero_build.tools import Tools

INDEX = "islands.json"
NOT_YET = "not known before there is a checkout"


@dataclass(frozen=True, slots=True)
class Told:
    """A phase's artifacts (none: not known before there is a tree), who says so, and the release's file that does."""

    artifacts: tuple[Artifact, ...]
    by: str
    asset: Asset | None = None

    @property
    def binaries(self) -> tuple[Binary, ...]:
        return tuple(item for item in self.artifacts if isinstance(item, Binary))


def tell(found: Found, request: Request, release: Release | None, tools: Tools) -> Told:
    """Raises ForgeError, RecipeError, AmbiguousAsset, ServicesUnreadable, ChecksumMismatch, UnsafeName."""
    match request.phase:
        case "install":
            return programs(found, release, tools)
        case "shell":
            return Told(found.recipe.bundles, "the recipe")
        case "islands":
            return _named(request.names) if request.names else _islands(found, release, tools)


def programs(found: Found, release: Release | None, tools: Tools) -> Told:
    """The binaries: the recipe knows, or the release, by a service.toml or by its assets' names. Raises as `tell`."""
    if found.recipe.binaries:
        return Told(found.recipe.binaries, "the recipe")
    if release is None:
        return Told((), NOT_YET)
    if listed := match(release, (services.NAME,)):
        where = f"{services.NAME} of release {release.tag}"
        if binaries := services.parse(_read(listed[0], tools), where).binaries:
            return Told(binaries, f"read from {where}", listed[0])
    binaries = ask.told_by_names(found, {asset.name for asset in release.assets})
    return Told(binaries, f"read from the asset names of release {release.tag}")


def match(release: Release, names: tuple[str, ...]) -> tuple[Asset, bool] | None:
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


def _named(names: tuple[str, ...]) -> Told:
    return Told(tuple(WasmBundle(check_name(name, "island")) for name in names), "those that were named")


def _islands(found: Found, release: Release | None, tools: Tools) -> Told:
    if release is None:
        return Told((), NOT_YET)
    if listed := match(release, (INDEX,)):
        where = f"{INDEX} of release {release.tag}"
        return Told(_indexed(_read(listed[0], tools), where), f"read from {where}", listed[0])
    names = ask.bundles_told_by_names(found, [asset.name for asset in release.assets])
    return Told(_named(names).artifacts, f"read from the asset names of release {release.tag}")


def _indexed(text: bytes, where: str) -> tuple[WasmBundle, ...]:
    """Of an index as a root has one, its islands' names. Raises ServicesUnreadable, UnsafeName."""
    try:
        names = [str(island["name"]) for island in json.loads(text)["islands"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        sentence = f"{where} is no index of islands: {error!r}"
        raise ServicesUnreadable(sentence, "Publish the release anew, or take another with --version TAG.") from error
    return tuple(WasmBundle(check_name(name, "island")) for name in sorted(set(names)))


def _read(asset: Asset, tools: Tools) -> bytes:
    """Raises ChecksumMismatch where the forge, or a lock file, tells another digest."""
    import hashlib

    from hero_build.forge.transfer import read_small

    text = read_small(tools.forge, asset, limits=tools.limits, emit=tools.emit)
    if asset.sha256 is not None and asset.sha256 != (found := hashlib.sha256(text).hexdigest()):
        sentence = f"{asset.name} has the sha256 {found} and should have {asset.sha256}"
        raise ChecksumMismatch(sentence, "Do not trust this release: tell whoever published it.")
    return text

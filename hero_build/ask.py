"""Questions to a recipe; whatever its code raises while it answers becomes a RecipeError with its name."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import product

from hero_build import services
from hero_build.artifact import Artifact, Binary, Libc, Platform
from hero_build.catalog import Found, asking
from hero_build.errors import Unsupported
from hero_build.forge.protocol import Ref
from hero_build.tools import machine_arch

Wanted = Mapping[Artifact, tuple[str, ...]]
ARCHES = ("amd64", "arm64")
_LIBCS: tuple[Libc, ...] = ("musl", "gnu")


def must_be_installable(found: Found) -> None:
    """Raises Unsupported when the recipe says that it is not."""
    if found.recipe.refuses:
        raise Unsupported(found.recipe.refuses, f"`hero-build show {found.app}` tells what it is.")


def platform(found: Found) -> Platform:
    """What is downloaded for this machine. Raises RecipeError, Unsupported."""
    arch = machine_arch()
    with asking(found.path):
        return found.recipe.platform(arch)


def wanted(found: Found, binaries: Iterable[Binary], target: Platform) -> Wanted:
    """The asset names to look for, the canonical one first, by artifact. Raises RecipeError."""
    with asking(found.path):
        return dict(_names(found, binaries, target))


def reference(found: Found, version: str | None) -> Ref:
    """Where the release of this version is (None: the newest). Raises RecipeError, Unsupported."""
    must_be_installable(found)
    binaries = found.recipe.binaries or services.candidates(found.app)
    names = [name for names in wanted(found, binaries, platform(found)).values() for name in names]
    names += [] if found.recipe.binaries else [services.NAME]
    with asking(found.path):
        tag = found.recipe.tag(version) if version else None
        return Ref(found.recipe.repo, tag, found.recipe.package(version), tuple(names))


def told_by_names(found: Found, assets: Collection[str]) -> tuple[Binary, ...]:
    """The binaries that these names of assets, of whatever platform, tell of. Raises RecipeError."""
    candidates = services.candidates(found.app)
    targets = [Platform(arch, libc) for arch, libc in product(ARCHES, _LIBCS)]
    looked_for = [wanted(found, candidates, target) for target in targets]
    return tuple(item for item in candidates if any(set(names[item]) & set(assets) for names in looked_for))


def _names(found: Found, binaries: Iterable[Binary], target: Platform) -> Iterator[tuple[Artifact, tuple[str, ...]]]:
    for binary in binaries:
        names = [binary.name, *([binary.formerly] if binary.formerly else [])]
        yield binary, tuple(found.recipe.asset_name(binary, name, target) for name in names)

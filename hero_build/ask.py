"""Questions to a recipe; whatever its code raises while it answers becomes a RecipeError with its name."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import product

from hero_build import services
from hero_build.artifact import Artifact, Binary, Libc, Platform, WasmBundle
from hero_build.catalog import Found, asking
from hero_build.errors import Unsupported
from hero_build.forge.protocol import Ref
from hero_build.record import Phase
from hero_build.tools import machine_arch

Wanted = Mapping[Artifact, tuple[str, ...]]
ARCHES = ("amd64", "arm64")
_LIBCS: tuple[Libc, ...] = ("musl", "gnu")


def must_be_installable(found: Found, phase: Phase = "install") -> None:
    """Raises Unsupported when the recipe says that it is not, or has nothing for this phase."""
    if found.recipe.refuses:
        raise Unsupported(found.recipe.refuses, f"`hero-build show {found.app}` tells what it is.")
    if phase == "install" and found.recipe.islands:
        raise Unsupported(f"{found.app} has islands and no programs", "Install them with `hero-build islands`.")
    if (phase == "shell" and not found.recipe.bundles) or (phase == "islands" and not found.recipe.islands):
        hint = f"Its recipe is {found.path}: `bundles` names a shell, `islands` says that there are any."
        raise Unsupported(f"the recipe of {found.app} has nothing for `hero-build {phase}`", hint)


def platform(found: Found) -> Platform:
    """What is downloaded for this machine. Raises RecipeError, Unsupported."""
    arch = machine_arch()
    with asking(found.path):
        return found.recipe.platform(arch)


def wanted(found: Found, artifacts: Iterable[Artifact], target: Platform) -> Wanted:
    """The asset names to look for, the canonical one first, by artifact. Raises RecipeError."""
    with asking(found.path):
        return dict(_names(found, artifacts, target))


def reference(found: Found, version: str | None, phase: Phase | None = None) -> Ref:
    """Where the release of this version is (None: the newest); `phase` None: of whatever the app has.

    Raises RecipeError, Unsupported.
    """
    must_be_installable(found, phase or ("islands" if found.recipe.islands else "install"))
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


def bundles_told_by_names(found: Found, assets: Iterable[str]) -> tuple[str, ...]:
    """The bundles that these names of assets tell of, in order. Raises RecipeError."""
    target = platform(found)
    with asking(found.path):
        mark = "island"
        before, _, after = found.recipe.asset_name(WasmBundle(mark), mark, target).partition(mark)
    cut = [name[len(before) : len(name) - len(after)] for name in assets if _between(name, before, after)]
    return tuple(sorted(cut))


def _between(name: str, before: str, after: str) -> bool:
    return name.startswith(before) and name.endswith(after) and len(name) > len(before) + len(after)


def _names(found: Found, artifacts: Iterable[Artifact], target: Platform) -> Iterator[tuple[Artifact, tuple[str, ...]]]:
    for artifact in artifacts:
        formerly = artifact.formerly if isinstance(artifact, Binary) else None
        names = [artifact.name, *([formerly] if formerly else [])]
        yield artifact, tuple(found.recipe.asset_name(artifact, name, target) for name in names)

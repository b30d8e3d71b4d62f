"""Questions to a recipe; whatever its code raises while it answers becomes a RecipeError with its name."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import product

from hero_build.catalog import service_toml
from hero_build.catalog.loader import LoadedRecipe, recipe_errors
from hero_build.errors import Unsupported
from hero_build.forge.protocol import Ref
from hero_build.model.artifacts import Artifact, Binary, Libc, Platform, WasmBundle
from hero_build.model.installed import Phase
from hero_build.platforms import machine_arch

AssetNames = Mapping[Artifact, tuple[str, ...]]
ARCHES = ("amd64", "arm64")
_LIBCS: tuple[Libc, ...] = ("musl", "gnu")


def require_installable(loaded: LoadedRecipe, phase: Phase = "install") -> None:
    """Raises Unsupported when the recipe says that it is not, or has nothing for this phase."""
    if loaded.recipe.refuses:
        raise Unsupported(loaded.recipe.refuses, f"`hero-build show {loaded.app}` tells what it is.")
    if phase == "install" and loaded.recipe.islands:
        raise Unsupported(f"{loaded.app} has islands and no programs", "Install them with `hero-build islands`.")
    if (phase == "shell" and not loaded.recipe.bundles) or (phase == "islands" and not loaded.recipe.islands):
        hint = f"Its recipe is {loaded.path}: `bundles` names a shell, `islands` says that there are any."
        raise Unsupported(f"the recipe of {loaded.app} has nothing for `hero-build {phase}`", hint)


def platform(loaded: LoadedRecipe) -> Platform:
    """What is downloaded for this machine. Raises RecipeError, Unsupported."""
    arch = machine_arch()
    with recipe_errors(loaded.path):
        return loaded.recipe.platform(arch)


def asset_names(loaded: LoadedRecipe, artifacts: Iterable[Artifact], target: Platform) -> AssetNames:
    """The asset names to look for, the canonical one first, by artifact. Raises RecipeError."""
    with recipe_errors(loaded.path):
        return dict(_names(loaded, artifacts, target))


def release_ref(loaded: LoadedRecipe, version: str | None, phase: Phase | None = None) -> Ref:
    """Where the release of this version is (None: the newest); `phase` None: of whatever the app has.

    Raises RecipeError, Unsupported.
    """
    require_installable(loaded, phase or ("islands" if loaded.recipe.islands else "install"))
    binaries = loaded.recipe.binaries or service_toml.candidates(loaded.app)
    names = [name for names in asset_names(loaded, binaries, platform(loaded)).values() for name in names]
    names += [] if loaded.recipe.binaries else [service_toml.NAME]
    with recipe_errors(loaded.path):
        tag = loaded.recipe.tag(version) if version else None
        return Ref(loaded.recipe.repo, tag=tag, package=loaded.recipe.package(version), names=tuple(names))


def binaries_from_names(loaded: LoadedRecipe, assets: Collection[str]) -> tuple[Binary, ...]:
    """The binaries that these names of assets, of whatever platform, tell of. Raises RecipeError."""
    candidates = service_toml.candidates(loaded.app)
    targets = [Platform(arch, libc) for arch, libc in product(ARCHES, _LIBCS)]
    looked_for = [asset_names(loaded, candidates, target) for target in targets]
    return tuple(item for item in candidates if any(set(names[item]) & set(assets) for names in looked_for))


def bundles_from_names(loaded: LoadedRecipe, assets: Iterable[str]) -> tuple[str, ...]:
    """The bundles that these names of assets tell of, in order. Raises RecipeError."""
    target = platform(loaded)
    with recipe_errors(loaded.path):
        mark = "island"
        before, _, after = loaded.recipe.asset_name(WasmBundle(mark), mark, target).partition(mark)
    cut = [name[len(before) : len(name) - len(after)] for name in assets if _between(name, before, after)]
    return tuple(sorted(cut))


def _between(name: str, before: str, after: str) -> bool:
    return name.startswith(before) and name.endswith(after) and len(name) > len(before) + len(after)


def _names(
    loaded: LoadedRecipe, artifacts: Iterable[Artifact], target: Platform
) -> Iterator[tuple[Artifact, tuple[str, ...]]]:
    for artifact in artifacts:
        formerly = artifact.formerly if isinstance(artifact, Binary) else None
        names = [artifact.name, *([formerly] if formerly else [])]
        yield artifact, tuple(loaded.recipe.asset_name(artifact, name, target) for name in names)

"""What a recipe answers, asked once for one phase and version: platform, asset names, and where its release is.

Whatever the recipe's own code raises while it answers becomes a RecipeError that names its file.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import product
from typing import cast, get_args

from msgspec import Struct
from msgspec.structs import replace

from hero_build.catalog import service_toml
from hero_build.catalog.loader import LoadedRecipe, recipe_errors
from hero_build.errors import RecipeError, Unsupported
from hero_build.forge.protocol import Ref
from hero_build.model.artifacts import Artifact, Binary, Library, Platform, WasmBundle
from hero_build.model.installed import Kind, Phase
from hero_build.platforms import ARCHES, LIBCS, machine_arch

AssetNames = Mapping[Artifact, tuple[str, ...]]


class RecipeFacts(Struct, frozen=True):
    """A recipe's answers for this machine. `artifacts` are those that the recipe lists itself (none: its set is read
    from a release or a checkout), and `asset_names` their names in a release, the canonical one first.

    `ref` says where the release is.
    """

    loaded: LoadedRecipe
    phase: Phase
    platform: Platform
    artifacts: tuple[Artifact, ...]
    asset_names: AssetNames
    ref: Ref

    @property
    def libraries(self) -> tuple[Library, ...]:
        """What is installed beside the programs: the same pinned files in every mode."""
        return self.loaded.recipe.libraries if self.phase == "install" else ()

    def names_of(self, artifacts: tuple[Artifact, ...]) -> AssetNames:
        """The asset names of a set that need not be the recipe's own. Raises RecipeError."""
        if artifacts == self.artifacts:
            return self.asset_names
        return asset_names(self.loaded, artifacts, self.platform)


def ask_recipe(loaded: LoadedRecipe, *, phase: Phase | None = None, version: str | None = None) -> RecipeFacts:
    """Ask the recipe; `phase` None: whatever the app has, islands or programs; `version` None: the newest release.

    Raises Unsupported where the recipe has nothing for the phase or this machine, RecipeError.
    """
    phase = phase or ("islands" if loaded.recipe.islands else "install")
    require_installable(loaded, phase)
    target = platform(loaded)
    listed = _listed(loaded, phase)
    names = asset_names(loaded, listed, target)
    return RecipeFacts(
        loaded,
        phase=phase,
        platform=target,
        artifacts=listed,
        asset_names=names,
        ref=_release_ref(loaded, version, target, phase=phase),
    )


def require_installable(loaded: LoadedRecipe, phase: Phase = "install") -> None:
    """Raises Unsupported when the recipe says that it is not, or has nothing for this phase."""
    if loaded.recipe.refuses:
        raise Unsupported(loaded.recipe.refuses, f"`hero-build show {loaded.app}` says what it is.")
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
    """The asset names of artifacts for any platform, the canonical one first. Raises RecipeError."""
    with recipe_errors(loaded.path):
        return dict(_names(loaded, artifacts, target))


def binaries_from_names(loaded: LoadedRecipe, assets: Collection[str]) -> tuple[Binary, ...]:
    """The usual binaries of an app that a release has by its asset names, for whatever platform. Raises RecipeError."""
    candidates = service_toml.candidates(loaded.app)
    targets = [Platform(arch, libc) for arch, libc in product(ARCHES, LIBCS)]
    per_target = [asset_names(loaded, candidates, target) for target in targets]
    present = [item for item in candidates if any(set(names[item]) & set(assets) for names in per_target)]
    return tuple(replace(item, kind=kind_of(loaded, item.name)) for item in present)


def kind_of(loaded: LoadedRecipe, name: str) -> Kind:
    """The kind of a binary that a source lists by its name alone. Raises RecipeError, also for an unknown kind."""
    with recipe_errors(loaded.path):
        kind: object = loaded.recipe.kind(name)
    if kind not in get_args(Kind):
        sentence = f"the recipe of {loaded.app} says that {name} is of the kind {kind!r}"
        raise RecipeError(sentence, f"Correct `kind` in {loaded.path}; the kinds are {', '.join(get_args(Kind))}.")
    return cast("Kind", kind)


def bundles_from_names(loaded: LoadedRecipe, assets: Iterable[str]) -> tuple[str, ...]:
    """The names of the bundles that a release has by its asset names, sorted. Raises RecipeError."""
    placeholder = "island"
    target = platform(loaded)
    with recipe_errors(loaded.path):
        pattern = loaded.recipe.asset_name(WasmBundle(placeholder), placeholder, target)
    prefix, _, suffix = pattern.partition(placeholder)
    return tuple(sorted(name[len(prefix) : len(name) - len(suffix)] for name in assets if _fits(name, prefix, suffix)))


def _listed(loaded: LoadedRecipe, phase: Phase) -> tuple[Artifact, ...]:
    match phase:
        case "install":
            return loaded.recipe.binaries
        case "shell":
            return loaded.recipe.bundles
        case "islands":
            return ()


def _release_ref(loaded: LoadedRecipe, version: str | None, target: Platform, *, phase: Phase) -> Ref:
    """With every asset name that a program of the app may have: a generic package that cannot be listed is probed."""
    binaries = loaded.recipe.binaries or service_toml.candidates(loaded.app)
    names = [name for names in asset_names(loaded, binaries, target).values() for name in names]
    names += [] if loaded.recipe.binaries else [service_toml.NAME]
    with recipe_errors(loaded.path):
        tag = loaded.recipe.tag(version) if version else None
        package = loaded.recipe.package(version)
        return Ref(loaded.recipe.repo, tag=tag, package=package, names=tuple(names), phase=phase)


def _fits(name: str, prefix: str, suffix: str) -> bool:
    return name.startswith(prefix) and name.endswith(suffix) and len(name) > len(prefix) + len(suffix)


def _names(
    loaded: LoadedRecipe, artifacts: Iterable[Artifact], target: Platform
) -> Iterator[tuple[Artifact, tuple[str, ...]]]:
    for artifact in artifacts:
        formerly = artifact.formerly if isinstance(artifact, Binary) else None
        names = [artifact.name, *([formerly] if formerly else [])]
        yield artifact, tuple(loaded.recipe.asset_name(artifact, name, target) for name in names)

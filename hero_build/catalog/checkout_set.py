"""The set of an app whose recipe lists no binaries, from a checkout: its service manifests, else its buildenv.sh."""

from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from hero_build.catalog import buildenv, service_toml
from hero_build.catalog.loader import LoadedRecipe
from hero_build.catalog.service_toml import Declared
from hero_build.errors import HeroBuildError, InvalidServiceManifest
from hero_build.model.artifacts import Binary, Cargo
from hero_build.recipe import Recipe


def declarations(loaded: LoadedRecipe, folder: Path) -> tuple[Declared, ...]:
    """What the service manifests of a checkout declare; if they list nothing, what its buildenv.sh lists.

    Raises InvalidServiceManifest, RecipeError.
    """
    files = service_toml.manifests(folder)
    if any(file.binaries for file in files):
        return files
    listed = buildenv.declared(loaded, folder)
    return files if listed is None else (listed,)


def binaries_of_checkout(
    loaded: LoadedRecipe, folder: Path, programs: Callable[[], str] | None = None
) -> tuple[tuple[Binary, ...], str]:
    """The set, and the sentence about where it is from.

    Raises InvalidServiceManifest, also where nothing lists any: its hint has the result of `programs`, the programs
    that the workspaces have; RecipeError.
    """
    files = declarations(loaded, folder)
    if binaries := service_toml.merge(files):
        name = "the service manifests" if files[0].where != buildenv.NAME else buildenv.NAME
        return binaries, f"read from {name} in {folder}"
    sentence = (
        f"no {service_toml.NAME} in {folder} lists the programs of {loaded.app}, its {buildenv.NAME} does not either, "
        "and its recipe lists no binaries"
    )
    available = _available(programs) if programs else ""
    raise InvalidServiceManifest(sentence, f"List them in the recipe: docs/recipes.md shows how.{available}")


def with_listed_features(loaded: LoadedRecipe, cargo: Cargo, folder: Path) -> Cargo:
    """The recipe's `cargo`, with the features of a buildenv.sh that lists the programs if the recipe has no own method.

    Raises InvalidServiceManifest, RecipeError.
    """
    recipe = loaded.recipe
    if recipe.binaries or type(recipe).cargo is not Recipe.cargo or not (folder / buildenv.NAME).is_file():
        return cargo
    files = declarations(loaded, folder)
    listed = files[:1] and files[0].where == buildenv.NAME
    return replace(cargo, features=buildenv.features(folder)) if listed else cargo


def _available(programs: Callable[[], str]) -> str:
    try:
        return f" The repo has: {programs()}."
    except HeroBuildError as error:
        return f" Its programs are not known: {error.message}."

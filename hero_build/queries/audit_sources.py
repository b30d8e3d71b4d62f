"""Those who say what an app's repo is made of: its service manifests, its cargo workspace, its release."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct

from hero_build.catalog import recipe_facts, service_toml
from hero_build.catalog.loader import LoadedRecipe, recipe_errors
from hero_build.catalog.service_toml import Declared
from hero_build.context import Context
from hero_build.errors import ForgeError, MissingTool, NotFound
from hero_build.model.steps import Release
from hero_build.queries.audit_findings import SourceKind
from hero_build.source.cargo import metadata, toolchain


class AuditSource(Struct, frozen=True):
    """One teller: `said` is what it has, in a few words, or why it says nothing."""

    teller: SourceKind
    state: Literal["heard", "absent", "not asked", "unreachable"]
    said: str


def manifests(folder: Path | None) -> tuple[tuple[Declared, ...], AuditSource]:
    """What the service manifests of a checkout declare. Raises InvalidServiceManifest."""
    if folder is None:
        return (), AuditSource(service_toml.NAME, "absent", "no checkout")
    found = service_toml.manifests(folder)
    if not found:
        return (), AuditSource(service_toml.NAME, "absent", "none in the checkout")
    count = len({binary.name for file in found for binary in file.binaries})
    return found, AuditSource(
        service_toml.NAME, "heard", f"{_many(count, 'binary', 'binaries')} in {_many(len(found), 'file')}"
    )


def workspace(loaded: LoadedRecipe, folder: Path | None) -> tuple[Mapping[str, tuple[str, ...]], AuditSource]:
    """What cargo would build of a checkout, as `metadata.lacking` tells it. Raises BuildError, RecipeError."""
    if folder is None:
        return {}, AuditSource("cargo", "absent", "no checkout")
    if not (folder / "Cargo.toml").is_file():
        return {}, AuditSource("cargo", "absent", "no Cargo.toml in the checkout")
    target = recipe_facts.platform(loaded)
    with recipe_errors(loaded.path):
        cargo = loaded.recipe.cargo(target)
    try:
        targets = metadata.missing_features(metadata.workspace(folder, toolchain.environment()), cargo)
    except MissingTool as error:
        return {}, AuditSource("cargo", "unreachable", error.message)
    return targets, AuditSource("cargo", "heard", _many(len(targets), "binary", "binaries"))


def release(loaded: LoadedRecipe, version: str | None, context: Context) -> tuple[Release | None, AuditSource]:
    """The release. Raises NotFound when a version was named, RecipeError."""
    try:
        told = context.forge.find(recipe_facts.ask_recipe(loaded, version=version).ref)
    except NotFound as error:
        if version:
            raise
        return None, AuditSource("release", "absent", error.message)
    except ForgeError as error:
        return None, AuditSource("release", "unreachable", error.message)
    return told, AuditSource("release", "heard", f"{told.tag}, {_many(len(told.assets), 'asset')}")


def _many(count: int, one: str, more: str = "") -> str:
    return f"{count} {one if count == 1 else more or one + 's'}"

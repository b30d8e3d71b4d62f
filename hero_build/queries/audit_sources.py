"""The sources that `audit` compares a recipe with: service manifests, cargo workspace, release."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct, field

from hero_build.catalog import buildenv, checkout_set, recipe_facts, service_toml
from hero_build.catalog.loader import LoadedRecipe, recipe_errors
from hero_build.catalog.service_toml import Declared
from hero_build.context import Context
from hero_build.errors import ForgeError, MissingTool, NotFound
from hero_build.model.steps import Release
from hero_build.queries.audit_findings import SourceKind
from hero_build.source.cargo import toolchain
from hero_build.source.cargo.metadata import missing_features
from hero_build.source.cargo.workspaces import Workspaces, nested_manifests
from hero_build.system.plain_text import plural


class AuditSource(Struct, frozen=True):
    """One source; `summary`: what it contains, in a few words, or why it was not read."""

    source: SourceKind = field(name="teller")
    state: Literal["read", "absent", "not asked", "unreachable"]
    summary: str = field(name="said")


def manifests(loaded: LoadedRecipe, folder: Path | None) -> tuple[tuple[Declared, ...], AuditSource]:
    """What the service manifests of a checkout declare, or its buildenv.sh lists.

    The latter has no kinds: a binary that the recipe lists is of the recipe's kind. Raises InvalidServiceManifest,
    RecipeError.
    """
    if folder is None:
        return (), AuditSource(service_toml.NAME, "absent", "no checkout")
    files = checkout_set.declarations(loaded, folder)
    if not files:
        return (), AuditSource(service_toml.NAME, "absent", "none in the checkout")
    if files[0].where == buildenv.NAME:
        listed = {binary.name: binary for binary in loaded.recipe.binaries}
        files = tuple(
            Declared(file.where, tuple(listed.get(item.name, item) for item in file.binaries)) for file in files
        )
    count = plural(len({binary.name for file in files for binary in file.binaries}), "binary", "binaries")
    where = buildenv.NAME if files[0].where == buildenv.NAME else plural(len(files), "file")
    return files, AuditSource(service_toml.NAME, "read", f"{count} in {where}")


def workspace(
    loaded: LoadedRecipe, folder: Path | None, programs: Collection[str]
) -> tuple[Mapping[str, tuple[str, ...]], AuditSource]:
    """The programs of a checkout's workspaces, each with the features that it lacks.

    The workspaces are those that have one of `programs` (none named: all). Raises BuildError, RecipeError,
    InvalidServiceManifest.
    """
    if folder is None:
        return {}, AuditSource("cargo", "absent", "no checkout")
    if not (folder / "Cargo.toml").is_file() and not nested_manifests(folder):
        return {}, AuditSource("cargo", "absent", "no Cargo.toml in the checkout")
    target = recipe_facts.platform(loaded)
    with recipe_errors(loaded.path):
        cargo = loaded.recipe.cargo(target)
    cargo = checkout_set.with_listed_features(loaded, cargo, folder)
    try:
        workspaces = Workspaces(folder, cargo, toolchain.environment()).owners(programs)
    except MissingTool as error:
        return {}, AuditSource("cargo", "unreachable", error.message)
    # a program of the root's workspace, which is the first, hides one of the same name in a folder
    targets = {name: lacks for item in reversed(workspaces) for name, lacks in missing_features(item, cargo).items()}
    return targets, AuditSource("cargo", "read", plural(len(targets), "binary", "binaries"))


def release(loaded: LoadedRecipe, version: str | None, context: Context) -> tuple[Release | None, AuditSource]:
    """The release. Raises RecipeError, and NotFound if `version` names one."""
    try:
        newest = context.forge.find(recipe_facts.ask_recipe(loaded, version=version).ref)
    except NotFound as error:
        if version:
            raise
        return None, AuditSource("release", "absent", error.message)
    except ForgeError as error:
        return None, AuditSource("release", "unreachable", error.message)
    return newest, AuditSource("release", "read", f"{newest.tag}, {plural(len(newest.assets), 'asset')}")

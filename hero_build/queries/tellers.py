"""Those who say what an app's repo is made of: its service manifests, its cargo workspace, its release."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hero_build import ask, services
from hero_build.catalog import Found, asking
from hero_build.errors import ForgeError, MissingTool, NotFound
from hero_build.model import Release
from hero_build.queries.drift import Teller
from hero_build.services import Declared
from hero_build.source import metadata, toolchain
from hero_build.tools import Tools


@dataclass(frozen=True, slots=True)
class Heard:
    """One teller: `said` is what it has, in a few words, or why it says nothing."""

    teller: Teller
    state: Literal["heard", "absent", "not asked", "unreachable"]
    said: str


def manifests(folder: Path | None) -> tuple[tuple[Declared, ...], Heard]:
    """What the service manifests of a checkout declare. Raises ServicesUnreadable."""
    if folder is None:
        return (), Heard(services.NAME, "absent", "no checkout")
    found = services.manifests(folder)
    if not found:
        return (), Heard(services.NAME, "absent", "none in the checkout")
    count = len({binary.name for file in found for binary in file.binaries})
    return found, Heard(services.NAME, "heard", f"{_many(count, 'binary', 'binaries')} in {_many(len(found), 'file')}")


def workspace(found: Found, folder: Path | None) -> tuple[Mapping[str, tuple[str, ...]], Heard]:
    """What cargo would build of a checkout, as `metadata.lacking` tells it. Raises BuildError, RecipeError."""
    if folder is None:
        return {}, Heard("cargo", "absent", "no checkout")
    if not (folder / "Cargo.toml").is_file():
        return {}, Heard("cargo", "absent", "no Cargo.toml in the checkout")
    target = ask.platform(found)
    with asking(found.path):
        cargo = found.recipe.cargo(target)
    try:
        targets = metadata.lacking(metadata.workspace(folder, toolchain.environment()), cargo)
    except MissingTool as error:
        return {}, Heard("cargo", "unreachable", error.message)
    return targets, Heard("cargo", "heard", _many(len(targets), "binary", "binaries"))


def release(found: Found, version: str | None, tools: Tools) -> tuple[Release | None, Heard]:
    """The release. Raises NotFound when a version was named, RecipeError."""
    try:
        told = tools.forge.find(ask.reference(found, version))
    except NotFound as error:
        if version:
            raise
        return None, Heard("release", "absent", error.message)
    except ForgeError as error:
        return None, Heard("release", "unreachable", error.message)
    return told, Heard("release", "heard", f"{told.tag}, {_many(len(told.assets), 'asset')}")


def _many(count: int, one: str, more: str = "") -> str:
    return f"{count} {one if count == 1 else more or one + 's'}"

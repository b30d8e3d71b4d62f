"""Questions to a recipe; whatever its code raises while it answers becomes a RecipeError with its name."""

from collections.abc import Iterator, Mapping

from hero_build.artifact import Artifact, Platform
from hero_build.catalog import Found, asking
from hero_build.forge.protocol import Ref
from hero_build.tools import machine_arch

Wanted = Mapping[Artifact, tuple[str, ...]]


def platform(found: Found) -> Platform:
    """What is downloaded for this machine. Raises RecipeError, Unsupported."""
    arch = machine_arch()
    with asking(found.path):
        return found.recipe.platform(arch)


def wanted(found: Found) -> Wanted:
    """The asset names to look for, the canonical one first, by artifact. Raises RecipeError, Unsupported."""
    target = platform(found)
    with asking(found.path):
        return dict(_names(found, target))


def reference(found: Found, version: str | None) -> Ref:
    """Where the release of this version is (None: the newest). Raises RecipeError, Unsupported."""
    names = tuple(name for names in wanted(found).values() for name in names)
    with asking(found.path):
        tag = found.recipe.tag(version) if version else None
        return Ref(found.recipe.repo, tag, found.recipe.package(version), names)


def _names(found: Found, target: Platform) -> Iterator[tuple[Artifact, tuple[str, ...]]]:
    for binary in found.recipe.binaries:
        names = [binary.name, *([binary.formerly] if binary.formerly else [])]
        yield binary, tuple(found.recipe.asset_name(binary, name, target) for name in names)

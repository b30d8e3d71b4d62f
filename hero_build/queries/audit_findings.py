"""The differences between a recipe's binaries and its repository: pure comparisons, one for each source."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Literal

from msgspec import Struct

from hero_build.catalog import buildenv, recipe_facts
from hero_build.catalog.loader import LoadedRecipe
from hero_build.catalog.service_toml import Declared
from hero_build.model.artifacts import Artifact, Binary, Platform
from hero_build.model.steps import Release
from hero_build.platforms import ARCHES

SourceKind = Literal["service.toml", "cargo", "release"]
What = Literal["missing", "extra", "renamed", "kind differs", "unreadable"]
_PROGRAM = re.compile(r"(.+)-linux-(?:amd64|arm64)(?:-(?:musl|gnu))?")


class Finding(Struct, frozen=True):
    """One difference, as a sentence. `drift` False: an expected one, which the recipe handles."""

    what: What
    where: SourceKind
    binary: str | None
    text: str
    drift: bool = True


class ExpectedSet(Struct, frozen=True):
    """The binaries to compare with; `others` are those of the repository's other apps."""

    app: str
    binaries: tuple[Binary, ...]
    others: frozenset[str]

    def knows(self, name: str) -> bool:
        return name in self.others or any(name in (item.name, item.formerly) for item in self.binaries)


def of_manifests(expected: ExpectedSet, files: Collection[Declared]) -> Iterator[Finding]:
    """Compare with all service manifests of a checkout; an install_only program may be of any kind."""
    declared, names = _declared(files), {binary.name for file in files for binary in file.binaries}
    none = "no service.toml declares" if any(file.where != buildenv.NAME for file in files) else "buildenv.sh lists no"
    for binary in expected.binaries:
        yield from _absent(binary, present=names, where="service.toml", none=none)
    for (name, kind), where in declared.items():
        listed = next((item for item in expected.binaries if item.name == name), None)
        if listed is not None and not listed.install_only and listed.kind != kind:
            text = f"{name} is of the kind {kind} in {where}, and {listed.kind} in the recipe"
            yield Finding("kind differs", where="service.toml", binary=name, text=text)
        if not expected.knows(name):
            text = f"{where} declares {name} ({kind}), which the recipe does not list"
            yield Finding("extra", where="service.toml", binary=name, text=text)


def of_crates(expected: ExpectedSet, targets: Mapping[str, tuple[str, ...]]) -> Iterator[Finding]:
    """Compare with the programs of a workspace, each with the required features that a build does not enable.

    A workspace may have internal programs: a program that is not named after the app is not reported.
    """
    built = {name for name, lacking in targets.items() if not lacking}
    for binary in expected.binaries:
        if lacking := targets.get(binary.name):
            text = f"cargo builds {binary.name} only with {', '.join(lacking)}, which the recipe does not ask for"
            yield Finding("missing", where="cargo", binary=binary.name, text=text)
        else:
            yield from _absent(binary, present=built, where="cargo", none="the workspace has no binary")
    for name in sorted(built):
        if not expected.knows(name) and (
            name == expected.app or name.startswith((f"{expected.app}_", f"{expected.app}-"))
        ):
            text = f"the workspace has a binary {name}, which the recipe does not list"
            yield Finding("extra", where="cargo", binary=name, text=text)


def of_release(expected: ExpectedSet, loaded: LoadedRecipe, release: Release) -> Iterator[Finding]:
    """Compare with the assets of a release, for each platform that it serves. Raises RecipeError."""
    names = [asset.name for asset in release.assets]
    expected_names = _published(expected, loaded, set(names))
    for binary in expected.binaries:
        yield from _offered(
            binary, expected=[names_of[binary] for names_of in expected_names], release=release, assets=set(names)
        )
    for name in dict.fromkeys(names):
        program = _PROGRAM.fullmatch(name)
        if names.count(name) > 1:
            text = f"release {release.tag} has {names.count(name)} assets named {name}"
            yield Finding("extra", where="release", binary=program[1] if program else None, text=text)
        if program and not expected.knows(program[1]):
            text = f"release {release.tag} has {name}, which the recipe does not list"
            yield Finding("extra", where="release", binary=program[1], text=text)


def _declared(files: Collection[Declared]) -> dict[tuple[str, str], str]:
    """Each declared name and kind, with the file that declares it, and how many more do."""
    files_of: dict[tuple[str, str], list[str]] = {}
    for file in files:
        for binary in file.binaries:
            files_of.setdefault((binary.name, binary.kind), []).append(file.where)
    return {key: _several(where) for key, where in files_of.items()}


def _several(where: list[str]) -> str:
    return where[0] if len(where) == 1 else f"{where[0]} and {len(where) - 1} more"


def _absent(binary: Binary, present: Collection[str], where: SourceKind, none: str) -> Iterator[Finding]:
    """`none`: the beginning of the sentence about a missing binary."""
    if binary.name in present:
        return
    if binary.formerly in present:
        text = f"{binary.name} still has its former name there, {binary.formerly}"
        yield Finding("renamed", where=where, binary=binary.name, text=text)
    else:
        yield Finding("missing", where=where, binary=binary.name, text=f"{none} {binary.name}")


def _published(
    expected: ExpectedSet, loaded: LoadedRecipe, assets: set[str]
) -> list[Mapping[Artifact, tuple[str, ...]]]:
    """The asset names to look for, for each platform that the release serves, or else for this machine's."""
    targets: list[Platform] = [loaded.recipe.platform(arch) for arch in ARCHES]
    candidates = [recipe_facts.asset_names(loaded, expected.binaries, target) for target in targets]
    served = [names for names in candidates if any(assets & set(group) for group in names.values())]
    return served or [recipe_facts.asset_names(loaded, expected.binaries, recipe_facts.platform(loaded))]


def _offered(binary: Binary, expected: list[tuple[str, ...]], release: Release, assets: set[str]) -> Iterator[Finding]:
    for canonical, *former in expected:
        legacy = next((name for name in former if name in assets), None)
        if canonical in assets:
            continue
        if legacy:
            text = f"release {release.tag} has {legacy} from before the rename: it is installed as {binary.name}"
            yield Finding("renamed", where="release", binary=binary.name, text=text, drift=False)
        else:
            yield Finding(
                "missing", where="release", binary=binary.name, text=f"release {release.tag} has no asset {canonical}"
            )

"""Where a recipe's set of binaries and what its repo says of itself part: pure comparisons, one for each teller."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Literal

from msgspec import Struct

from hero_build.catalog import recipe_facts
from hero_build.catalog.loader import LoadedRecipe
from hero_build.catalog.service_toml import Declared
from hero_build.model.artifacts import Artifact, Binary, Platform
from hero_build.model.steps import Release
from hero_build.platforms import ARCHES

SourceKind = Literal["service.toml", "cargo", "release"]
What = Literal["missing", "extra", "renamed", "kind differs", "unreadable"]
_PROGRAM = re.compile(r"(.+)-linux-(?:amd64|arm64)(?:-(?:musl|gnu))?")


class Finding(Struct, frozen=True):
    """One difference, as a sentence. `drift` False: a known one, which the recipe provides for."""

    what: What
    where: SourceKind
    binary: str | None
    text: str
    drift: bool = True


class ExpectedSet(Struct, frozen=True):
    """The binaries that everything is held against; `others` are those of the repo's other apps."""

    app: str
    binaries: tuple[Binary, ...]
    others: frozenset[str]

    def knows(self, name: str) -> bool:
        return name in self.others or any(name in (item.name, item.formerly) for item in self.binaries)


def of_manifests(own: ExpectedSet, files: Collection[Declared]) -> Iterator[Finding]:
    """Against all service manifests of a checkout; for what is install_only whatever kind is declared will do."""
    places = _places(files)
    for binary in own.binaries:
        yield from _absent(
            binary, there={name for name, _ in places}, where="service.toml", none="no service.toml declares"
        )
    for (name, kind), where in places.items():
        wanted = next((item for item in own.binaries if item.name == name), None)
        if wanted is not None and not wanted.install_only and wanted.kind != kind:
            text = f"{name} is of the kind {kind} in {where}, and {wanted.kind} in the recipe"
            yield Finding("kind differs", where="service.toml", binary=name, text=text)
        if not own.knows(name):
            text = f"{where} declares {name} ({kind}), which the recipe does not list"
            yield Finding("extra", where="service.toml", binary=name, text=text)


def of_crates(own: ExpectedSet, targets: Mapping[str, tuple[str, ...]]) -> Iterator[Finding]:
    """Against the programs of a workspace: each with the features that it requires and a build does not ask for.

    A workspace may have programs for its own use: those that are not called after the app are no finding.
    """
    built = {name for name, lacking in targets.items() if not lacking}
    for binary in own.binaries:
        if lacking := targets.get(binary.name):
            text = f"cargo builds {binary.name} only with {', '.join(lacking)}, which the recipe does not ask for"
            yield Finding("missing", where="cargo", binary=binary.name, text=text)
        else:
            yield from _absent(binary, there=built, where="cargo", none="the workspace has no binary")
    for name in sorted(built):
        if not own.knows(name) and (name == own.app or name.startswith((f"{own.app}_", f"{own.app}-"))):
            text = f"the workspace has a binary {name}, which the recipe does not list"
            yield Finding("extra", where="cargo", binary=name, text=text)


def of_release(own: ExpectedSet, loaded: LoadedRecipe, release: Release) -> Iterator[Finding]:
    """Against the assets of a release, for each platform that it has anything for. Raises RecipeError."""
    names = [asset.name for asset in release.assets]
    wanted = _published(own, loaded, set(names))
    for binary in own.binaries:
        yield from _offered(
            binary, wanted=[looked_for[binary] for looked_for in wanted], release=release, assets=set(names)
        )
    for name in dict.fromkeys(names):
        program = _PROGRAM.fullmatch(name)
        if names.count(name) > 1:
            text = f"release {release.tag} has {names.count(name)} assets named {name}"
            yield Finding("extra", where="release", binary=program[1] if program else None, text=text)
        if program and not own.knows(program[1]):
            text = f"release {release.tag} has {name}, which the recipe does not list"
            yield Finding("extra", where="release", binary=program[1], text=text)


def _places(files: Collection[Declared]) -> dict[tuple[str, str], str]:
    """Each name and kind that is declared, with the file that does; of several, how many more."""
    found: dict[tuple[str, str], list[str]] = {}
    for file in files:
        for binary in file.binaries:
            found.setdefault((binary.name, binary.kind), []).append(file.where)
    return {key: _several(where) for key, where in found.items()}


def _several(where: list[str]) -> str:
    return where[0] if len(where) == 1 else f"{where[0]} and {len(where) - 1} more"


def _absent(binary: Binary, there: Collection[str], where: SourceKind, none: str) -> Iterator[Finding]:
    """`none`: how the sentence that misses it begins."""
    if binary.name in there:
        return
    if binary.formerly in there:
        text = f"{binary.name} goes there by the name that the recipe calls a former one, {binary.formerly}"
        yield Finding("renamed", where=where, binary=binary.name, text=text)
    else:
        yield Finding("missing", where=where, binary=binary.name, text=f"{none} {binary.name}")


def _published(own: ExpectedSet, loaded: LoadedRecipe, assets: set[str]) -> list[Mapping[Artifact, tuple[str, ...]]]:
    """The asset names to look for, once for each platform that the release serves; for this machine's if for none."""
    targets: list[Platform] = [loaded.recipe.platform(arch) for arch in ARCHES]
    every = [recipe_facts.asset_names(loaded, own.binaries, target) for target in targets]
    served = [names for names in every if any(assets & set(one) for one in names.values())]
    return served or [recipe_facts.asset_names(loaded, own.binaries, recipe_facts.platform(loaded))]


def _offered(binary: Binary, wanted: list[tuple[str, ...]], release: Release, assets: set[str]) -> Iterator[Finding]:
    for canonical, *former in wanted:
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

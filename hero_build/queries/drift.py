"""Where a recipe's set of binaries and what its repo says of itself part: pure comparisons, one for each teller."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from hero_build import ask
from hero_build.artifact import Artifact, Binary, Platform
from hero_build.catalog import Found
from hero_build.model import Release
from hero_build.services import Declared

Teller = Literal["service.toml", "cargo", "release"]
What = Literal["missing", "extra", "renamed", "kind differs", "unreadable"]
_PROGRAM = re.compile(r"(.+)-linux-(?:amd64|arm64)(?:-(?:musl|gnu))?")


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference, as a sentence. `drift` False: a known one, which the recipe provides for."""

    what: What
    where: Teller
    binary: str | None
    text: str
    drift: bool = True


@dataclass(frozen=True, slots=True)
class Set:
    """The binaries that everything is held against; `others` are those of the repo's other apps."""

    app: str
    binaries: tuple[Binary, ...]
    others: frozenset[str]

    def knows(self, name: str) -> bool:
        return name in self.others or any(name in (item.name, item.formerly) for item in self.binaries)


def of_manifests(own: Set, files: Collection[Declared]) -> Iterator[Finding]:
    """Against all service manifests of a checkout; for what is install_only whatever kind is declared will do."""
    places = _places(files)
    for binary in own.binaries:
        yield from _absent(binary, {name for name, _ in places}, "service.toml", "no service.toml declares")
    for (name, kind), where in places.items():
        wanted = next((item for item in own.binaries if item.name == name), None)
        if wanted is not None and not wanted.install_only and wanted.kind != kind:
            text = f"{name} is of the kind {kind} in {where}, and {wanted.kind} in the recipe"
            yield Finding("kind differs", "service.toml", name, text)
        if not own.knows(name):
            text = f"{where} declares {name} ({kind}), which the recipe does not list"
            yield Finding("extra", "service.toml", name, text)


def of_crates(own: Set, targets: Mapping[str, tuple[str, ...]]) -> Iterator[Finding]:
    """Against the programs of a workspace: each with the features that it requires and a build does not ask for.

    A workspace may have programs for its own use: those that are not called after the app are no finding.
    """
    built = {name for name, lacking in targets.items() if not lacking}
    for binary in own.binaries:
        if lacking := targets.get(binary.name):
            text = f"cargo builds {binary.name} only with {', '.join(lacking)}, which the recipe does not ask for"
            yield Finding("missing", "cargo", binary.name, text)
        else:
            yield from _absent(binary, built, "cargo", "the workspace has no binary")
    for name in sorted(built):
        if not own.knows(name) and (name == own.app or name.startswith((f"{own.app}_", f"{own.app}-"))):
            text = f"the workspace has a binary {name}, which the recipe does not list"
            yield Finding("extra", "cargo", name, text)


def of_release(own: Set, found: Found, release: Release) -> Iterator[Finding]:
    """Against the assets of a release, for each platform that it has anything for. Raises RecipeError."""
    names = [asset.name for asset in release.assets]
    wanted = _published(own, found, set(names))
    for binary in own.binaries:
        yield from _offered(binary, [looked_for[binary] for looked_for in wanted], release, set(names))
    for name in dict.fromkeys(names):
        program = _PROGRAM.fullmatch(name)
        if names.count(name) > 1:
            text = f"release {release.tag} has {names.count(name)} assets named {name}"
            yield Finding("extra", "release", program[1] if program else None, text)
        if program and not own.knows(program[1]):
            text = f"release {release.tag} has {name}, which the recipe does not list"
            yield Finding("extra", "release", program[1], text)


def _places(files: Collection[Declared]) -> dict[tuple[str, str], str]:
    """Each name and kind that is declared, with the file that does; of several, how many more."""
    found: dict[tuple[str, str], list[str]] = {}
    for file in files:
        for binary in file.binaries:
            found.setdefault((binary.name, binary.kind), []).append(file.where)
    return {key: _several(where) for key, where in found.items()}


def _several(where: list[str]) -> str:
    return where[0] if len(where) == 1 else f"{where[0]} and {len(where) - 1} more"


def _absent(binary: Binary, there: Collection[str], where: Teller, none: str) -> Iterator[Finding]:
    """`none`: how the sentence that misses it begins."""
    if binary.name in there:
        return
    if binary.formerly in there:
        text = f"{binary.name} goes there by the name that the recipe calls a former one, {binary.formerly}"
        yield Finding("renamed", where, binary.name, text)
    else:
        yield Finding("missing", where, binary.name, f"{none} {binary.name}")


def _published(own: Set, found: Found, assets: set[str]) -> list[Mapping[Artifact, tuple[str, ...]]]:
    """The asset names to look for, once for each platform that the release serves; for this machine's if for none."""
    targets: list[Platform] = [found.recipe.platform(arch) for arch in ask.ARCHES]
    every = [ask.wanted(found, own.binaries, target) for target in targets]
    served = [names for names in every if any(assets & set(one) for one in names.values())]
    return served or [ask.wanted(found, own.binaries, ask.platform(found))]


def _offered(binary: Binary, wanted: list[tuple[str, ...]], release: Release, assets: set[str]) -> Iterator[Finding]:
    for canonical, *former in wanted:
        legacy = next((name for name in former if name in assets), None)
        if canonical in assets:
            continue
        if legacy:
            text = f"release {release.tag} has {legacy} from before the rename: it is installed as {binary.name}"
            yield Finding("renamed", "release", binary.name, text, drift=False)
        else:
            yield Finding("missing", "release", binary.name, f"release {release.tag} has no asset {canonical}")

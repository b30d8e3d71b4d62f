"""With which features cargo compiles what a crate depends on when that crate is built alone.

`cargo tree` tells (The Cargo Book, cargo tree: it resolves features as `cargo build` does). Crates of equal wishes
share one question. The answers are kept while the lock file, the manifests and the toolchain stay as they are.
"""

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from msgspec import Struct

from hero_build.errors import ToolFailed
from hero_build.model.artifacts import Cargo
from hero_build.source.cargo import toolchain
from hero_build.source.cargo.errors import cargo_error
from hero_build.source.fingerprint import affects_build
from hero_build.source.wasm.pool import Pool
from hero_build.source.wasm.types import TARGET, Crate
from hero_build.source.wasm.workspace import CONFIG_FILES, WasmWorkspace
from hero_build.system import process

Features = Mapping[str, tuple[str, ...]]
"""Package as cargo prints it (`name vVERSION (PATH)`) → each set of features it is compiled with (`default,std`)."""

_LINE = re.compile(r"(?P<package>\S+ v\S+.*?)(?: \(proc-macro\))?\t(?P<features>\S*)")
_LOCAL_PATH = re.compile(r" \((/.*)\)$")
_SELF = ""  # stands for the crate itself, whose name is not that of others of equal wishes


class FeatureQuery(Struct, frozen=True):
    """What `cargo tree` is asked with."""

    members: WasmWorkspace
    cargo: Cargo
    env: Mapping[str, str]
    cache: Path


def features(crates: Sequence[Crate], asker: FeatureQuery, pool: Pool) -> dict[str, Features]:
    """Of each crate, by its name, its own included. Raises BuildError, MissingTool, ToolFailed."""
    first = {crate.wishes: crate for crate in crates}
    file, stamp = _cache_file(asker), _cache_key(asker)
    known = _read_cache(file, stamp)
    asked = [crate for wishes, crate in first.items() if wishes not in known]
    if asked:
        told = pool.executor.map(lambda crate: _run_cargo_tree(crate, asker), asked)
        known |= zip((crate.wishes for crate in asked), told, strict=True)
        _write_cache(file, stamp, known)
    return {crate.name: _for_crate(crate, known[crate.wishes]) for crate in crates}


def feature_arguments(cargo: Cargo) -> tuple[str, ...]:
    """A recipe's features as arguments of cargo."""
    words = [] if cargo.default_features else ["--no-default-features"]
    return (*words, *([f"--features={','.join(cargo.features)}"] if cargo.features else []))


def _for_crate(crate: Crate, tree: Features) -> Features:
    """The tree of a crate of equal wishes, with this crate in that one's place."""
    own = f"{crate.package} v{crate.about.version} ({crate.folder})"
    return {own if package == _SELF else package: sets for package, sets in tree.items()}


def _run_cargo_tree(crate: Crate, asker: FeatureQuery) -> Features:
    words = ("cargo", "tree", "--locked", "-p", crate.spec, "-e", "normal,build", f"--target={TARGET}")
    shown = ("--prefix=none", "--format={p}\t{f}", "--color=never", *feature_arguments(asker.cargo))
    try:
        told = process.capture((*words, *shown), cwd=crate.base, env=asker.env)
    except ToolFailed as error:
        raise cargo_error(f"cargo cannot resolve {crate.package}", error.tail, asker.members.folder) from error
    own, *others = _tree_lines(told)
    found: dict[str, set[str]] = {_SELF: {own[1]}}
    for package, chosen in others:
        found.setdefault(package, set()).add(chosen)
    return {package: tuple(sorted(sets)) for package, sets in found.items()}


def _tree_lines(told: str) -> Iterator[tuple[str, str]]:
    for line in told.splitlines():
        if match := _LINE.match(line):
            yield match["package"], match["features"]


def _cache_file(asker: FeatureQuery) -> Path:
    return asker.cache / f"features-{sha256(os.fsencode(asker.members.folder)).hexdigest()[:16]}.json"


def _cache_key(asker: FeatureQuery) -> str:
    """Of all that the answers rest on, but for manifests outside of the workspace."""
    folder = asker.members.folder
    homes = {toolchain.cargo_home(asker.env), *(parent / ".cargo" for parent in folder.parents)}
    files = [folder / "Cargo.lock", *asker.members.manifests]
    files += [crate.base / name for crate in asker.members.crates for name in CONFIG_FILES]
    files += [home / name for home in sorted(homes) for name in ("config.toml", "config")]
    words = [toolchain.rustc_version(folder, asker.env, asker.cache), repr(asker.cargo)]
    words += [f"{name}={value}" for name, value in sorted(asker.env.items()) if affects_build(name)]
    words += [f"{path} {_digest(path)}" for path in dict.fromkeys(files)]
    return sha256(json.dumps(words).encode()).hexdigest()


def _read_cache(file: Path, stamp: str) -> dict[str, Features]:
    try:
        kept: dict[str, Any] = json.loads(file.read_bytes())
        if kept["stamp"] != stamp or any(_digest(Path(path)) != word for path, word in kept["outside"].items()):
            return {}
        return {wishes: {name: tuple(sets) for name, sets in tree.items()} for wishes, tree in kept["trees"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _write_cache(file: Path, stamp: str, trees: Mapping[str, Features]) -> None:
    """Best effort: a cache that cannot be written costs the questions, no more."""
    outside = {str(path): _digest(path) for path in sorted(_local_manifests(trees))}
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, made = tempfile.mkstemp(prefix=f"{file.stem}-", dir=file.parent)
        with os.fdopen(descriptor, "w") as out:
            json.dump({"stamp": stamp, "outside": outside, "trees": trees}, out)
        os.replace(made, file)


def _local_manifests(trees: Mapping[str, Features]) -> set[Path]:
    """Of the packages that lie on this machine, and those above them, which they may inherit from."""
    local = {match[1] for tree in trees.values() for package in tree if (match := _LOCAL_PATH.search(package))}
    return {parent / "Cargo.toml" for path in local for parent in (Path(path), *Path(path).parents)}


def _digest(path: Path) -> str:
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError:
        return "absent"


def groups(crates: Sequence[Crate], features: Mapping[str, Features]) -> tuple[tuple[Crate, ...], ...]:
    """Each crate in the first group that it agrees with; `features` by name of crate."""
    found: list[tuple[Path, list[Crate], dict[str, tuple[str, ...]]]] = []
    for crate in crates:
        own = features[crate.name]
        for base, group, shared in found:
            if base == crate.base and _agree(own, shared):
                group.append(crate)
                shared.update(own)
                break
        else:
            found.append((crate.base, [crate], dict(own)))
    return tuple(tuple(group) for _, group, _ in found)


def _agree(one: Features, other: Features) -> bool:
    return all(other.get(package, sets) == sets for package, sets in one.items())

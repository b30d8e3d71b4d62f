"""Which crates one cargo call may compile together: those that it gives the features they get when built alone.

cargo unifies the features of all packages of a call (The Cargo Book, Features, Feature unification). `features` lists,
with `cargo tree`, the features of everything a crate depends on when that crate is built alone; `groups` joins the
crates whose lists agree. Crates with equal dependencies share one `cargo tree`. The lists are cached while the lock
file, the manifests and the toolchain stay the same.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from hero_build.errors import ToolFailed
from hero_build.model.artifacts import Cargo
from hero_build.source.cargo import toolchain
from hero_build.source.cargo.errors import cargo_error
from hero_build.source.content_digest import content_digest
from hero_build.source.fingerprint import affects_build
from hero_build.source.wasm.pool import Pool
from hero_build.source.wasm.types import TARGET, Crate
from hero_build.source.wasm.workspace import CONFIG_FILES, WasmWorkspace
from hero_build.system import process
from hero_build.system.atomic_file import replace_file
from hero_build.system.decoding import decode_json

Features = Mapping[str, tuple[str, ...]]
"""Package as cargo prints it (`name vVERSION (PATH)`) → each set of features it is compiled with (`default,std`)."""

_LINE = re.compile(r"(?P<package>\S+ v\S+.*?)(?: \(proc-macro\))?\t(?P<features>\S*)")
_LOCAL_PATH = re.compile(r" \((/.*)\)$")
_SELF = ""  # stands for the crate itself, whose name other crates with equal dependencies do not share


class FeatureQuery(Struct, frozen=True):
    """What the `cargo tree` calls of a workspace have in common. `cache`: hero-build's cache folder."""

    workspace: WasmWorkspace
    cargo: Cargo
    env: Mapping[str, str]
    cache: Path


class _CachedFeatures(Struct, frozen=True):
    """The cache file: `key` is of everything in the workspace, `outside` has a digest of each manifest outside it."""

    key: str
    outside: dict[str, str]
    trees: dict[str, dict[str, tuple[str, ...]]]


def features(crates: Sequence[Crate], query: FeatureQuery, pool: Pool) -> dict[str, Features]:
    """The features of each crate and its dependencies, by the crate's name.

    Raises BuildError, MissingTool, ToolFailed.
    """
    representatives = {crate.dependency_digest: crate for crate in crates}
    file, key = _cache_file(query), _cache_key(query)
    trees = _read_cache(file, key)
    missing = [crate for digest, crate in representatives.items() if digest not in trees]
    if missing:
        results = pool.executor.map(lambda crate: _run_cargo_tree(crate, query), missing)
        trees |= zip((crate.dependency_digest for crate in missing), results, strict=True)
        _write_cache(file, key, trees)
    return {crate.name: _for_crate(crate, trees[crate.dependency_digest]) for crate in crates}


def groups(crates: Sequence[Crate], features: Mapping[str, Features]) -> tuple[tuple[Crate, ...], ...]:
    """Puts each crate into the first group whose features agree with its own; `features` by name of crate."""
    grouped: list[tuple[Path, list[Crate], dict[str, tuple[str, ...]]]] = []
    for crate in crates:
        own = features[crate.name]
        for base, group, shared in grouped:
            if base == crate.base and _agree(own, shared):
                group.append(crate)
                shared.update(own)
                break
        else:
            grouped.append((crate.base, [crate], dict(own)))
    return tuple(tuple(group) for _, group, _ in grouped)


def feature_arguments(cargo: Cargo) -> tuple[str, ...]:
    """A recipe's features as arguments of cargo."""
    words = [] if cargo.default_features else ["--no-default-features"]
    return (*words, *([f"--features={','.join(cargo.features)}"] if cargo.features else []))


def _agree(one: Features, other: Features) -> bool:
    return all(other.get(package, sets) == sets for package, sets in one.items())


def _for_crate(crate: Crate, tree: Features) -> Features:
    """The tree of a crate with equal dependencies, with this crate in that one's place."""
    own = f"{crate.package} v{crate.info.version} ({crate.folder})"
    return {own if package == _SELF else package: sets for package, sets in tree.items()}


def _run_cargo_tree(crate: Crate, query: FeatureQuery) -> dict[str, tuple[str, ...]]:
    words = ("cargo", "tree", "--locked", "-p", crate.spec, "-e", "normal,build", f"--target={TARGET}")
    output = ("--prefix=none", "--format={p}\t{f}", "--color=never", *feature_arguments(query.cargo))
    try:
        text = process.capture((*words, *output), cwd=crate.base, env=query.env)
    except ToolFailed as error:
        raise cargo_error(f"cargo cannot resolve {crate.package}", error.tail, query.workspace.folder) from error
    root, *dependencies = _tree_lines(text)
    collected: dict[str, set[str]] = {_SELF: {root[1]}}
    for package, enabled in dependencies:
        collected.setdefault(package, set()).add(enabled)
    return {package: tuple(sorted(sets)) for package, sets in collected.items()}


def _tree_lines(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if match := _LINE.match(line):
            yield match["package"], match["features"]


def _cache_file(query: FeatureQuery) -> Path:
    digest = sha256(os.fsencode(query.workspace.folder)).hexdigest()[:16]
    return query.cache / "wasm" / f"features-{digest}.json"


def _cache_key(query: FeatureQuery) -> str:
    """A digest of everything that determines the trees, except manifests outside of the workspace."""
    folder = query.workspace.folder
    homes = {toolchain.cargo_home(query.env), *(parent / ".cargo" for parent in folder.parents)}
    files = [folder / "Cargo.lock", *query.workspace.manifests]
    files += [crate.base / name for crate in query.workspace.crates for name in CONFIG_FILES]
    files += [home / name for home in sorted(homes) for name in ("config.toml", "config")]
    words = [toolchain.rustc_version(folder, query.env, query.cache), repr(query.cargo)]
    words += [f"{name}={value}" for name, value in sorted(query.env.items()) if affects_build(name)]
    words += [f"{path} {content_digest(path)}" for path in dict.fromkeys(files)]
    return sha256(json.dumps(words).encode()).hexdigest()


def _read_cache(file: Path, key: str) -> dict[str, dict[str, tuple[str, ...]]]:
    try:
        document = decode_json(file.read_bytes(), kind=_CachedFeatures)
    except (OSError, ValueError):
        return {}
    if document.key != key or any(content_digest(Path(path)) != digest for path, digest in document.outside.items()):
        return {}
    return document.trees


def _write_cache(file: Path, key: str, trees: Mapping[str, Mapping[str, tuple[str, ...]]]) -> None:
    """Best effort: a cache that cannot be written costs the `cargo tree` calls, no more."""
    outside = {str(path): content_digest(path) for path in sorted(_local_manifests(trees))}
    document = _CachedFeatures(key, outside, {digest: dict(tree) for digest, tree in trees.items()})
    with suppress(OSError, UnicodeEncodeError):  # the latter: a path that is not UTF-8
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, msgspec.json.encode(document), mode=0o600)


def _local_manifests(trees: Mapping[str, Features]) -> set[Path]:
    """The manifests of packages on this machine, and those in the folders above, from which they may inherit."""
    local = {match[1] for tree in trees.values() for package in tree if (match := _LOCAL_PATH.search(package))}
    return {parent / "Cargo.toml" for path in local for parent in (Path(path), *Path(path).parents)}

"""`[package.metadata.wasm-pack.profile.release]`: how a package wants wasm-bindgen and wasm-opt to be called.

Source: wasm-pack's book, Cargo.toml Configuration.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hero_build.errors import BuildError

_SWITCHES = (  # key, its default, what turns it on, what turns it off
    ("debug-js-glue", False, "--debug", ""),
    ("demangle-name-section", True, "", "--no-demangle"),
    ("dwarf-debug-info", False, "--keep-debug", ""),
    ("omit-default-module-path", False, "--omit-default-module-path", ""),
    ("split-linked-modules", False, "--split-linked-modules", ""),
)


class WasmPackProfile(NamedTuple):
    """Further arguments for wasm-bindgen; arguments for wasm-opt (None: it is not to be run)."""

    bindgen: tuple[str, ...]
    optimise: tuple[str, ...] | None


def release_profile(metadata: object, manifest: Path) -> WasmPackProfile:
    """What a package's `metadata` (as `cargo metadata` has it) says. Raises BuildError for what wasm-pack refuses."""
    profiles = _table(_table(metadata, "wasm-pack", manifest), "profile", manifest)
    table = _table(profiles, "release", manifest)
    return WasmPackProfile(_bindgen(_table(table, "wasm-bindgen", manifest), manifest), _optimise(table, manifest))


def _bindgen(table: Mapping[str, Any], manifest: Path) -> tuple[str, ...]:
    words = []
    for key, default, on, off in _SWITCHES:
        value = table.get(key, default)
        if not isinstance(value, bool):
            raise _wrong(manifest, f"wasm-bindgen.{key}", "true or false")
        words.append(on if value else off)
    return tuple(word for word in words if word)


def _optimise(table: Mapping[str, Any], manifest: Path) -> tuple[str, ...] | None:
    match table.get("wasm-opt", True):
        case True:
            return ("-O",)
        case False:
            return None
        case [*words] if all(isinstance(word, str) for word in words):
            return tuple(words)
    raise _wrong(manifest, "wasm-opt", "true, false or a list of arguments")


def _table(table: object, key: str, manifest: Path) -> Mapping[str, Any]:
    found = table.get(key) if isinstance(table, Mapping) else None
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise _wrong(manifest, key, "a table")
    return found


def _wrong(manifest: Path, key: str, takes: str) -> BuildError:
    return BuildError(
        f"{manifest}: {key} in package.metadata.wasm-pack is not {takes}", "See wasm-pack's book, 'Cargo.toml'."
    )

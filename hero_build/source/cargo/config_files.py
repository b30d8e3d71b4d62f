"""cargo's configuration files for a folder, and the folders for its output that they and the environment name."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hero_build.os_errors import raise_for_machine
from hero_build.source.cargo import toolchain

_CONFIG_NAMES = ("config", "config.toml")
_KEYS = ("target-dir", "build-dir")
_VARIABLES = ("CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR", "CARGO_BUILD_BUILD_DIR")
_PATH_HASH = "{workspace-path-hash}"


def cargo_config_files(folder: Path, env: Mapping[str, str]) -> Iterator[Path]:
    """The paths where cargo looks for configuration files when it builds in `folder`, and the files they include."""
    return (Path(name) for name, _ in _config_files(folder, env))


def existing_config_files(folder: Path, env: Mapping[str, str]) -> Iterator[Path]:
    """Those of `cargo_config_files` that exist."""
    return (Path(name) for name, exists in _config_files(folder, env) if exists)


def configured_output_folders(folder: Path, env: Mapping[str, str]) -> Iterator[Path]:
    """Where cargo puts output of a build in `folder`, if not into `target` (The Cargo Book, build.target-dir and
    build.build-dir).
    """
    yield from (_absolute(folder, env[name], folder=folder, env=env) for name in _VARIABLES if env.get(name))
    for file in existing_config_files(folder, env):
        table = _read(file, "-dir").get("build")
        values = (table.get(key) for key in _KEYS) if isinstance(table, dict) else ()
        yield from (
            _absolute(file.parent.parent, value, folder=folder, env=env) for value in values if isinstance(value, str)
        )


def configures_wrapper(folders: Iterable[Path], env: Mapping[str, str]) -> bool:
    """Whether a configuration file for one of these folders may name a compiler wrapper (`build.rustc-wrapper`)."""
    files = dict.fromkeys(file for folder in folders for file in existing_config_files(folder, env))
    return any(_read(file, "rustc-wrapper") for file in files)


def _config_files(folder: Path, env: Mapping[str, str]) -> Iterator[tuple[str, bool]]:
    """Each path once, and whether there is a file; as text, since most paths have none."""
    homes = [os.path.join(parent, ".cargo") for parent in (folder, *folder.parents)]
    homes.append(str(toolchain.cargo_home(env)))
    pending = [os.path.join(home, name) for home in homes for name in _CONFIG_NAMES]
    seen: set[str] = set()
    while pending:
        name = pending.pop(0)
        if name not in seen:
            seen.add(name)
            exists = os.path.isfile(name)
            pending += map(str, _included(Path(name)) if exists else ())
            yield name, exists


def _included(file: Path) -> list[Path]:
    included = _read(file, "include").get("include", ())
    items = [included] if isinstance(included, str | dict) else included if isinstance(included, list) else []
    names = (item.get("path") if isinstance(item, dict) else item for item in items)
    return [file.parent / name for name in names if isinstance(name, str)]


def _read(file: Path, word: str) -> dict[str, Any]:
    """A configuration file that has `word`; empty: it has not, or cannot be read, which cargo reports."""
    try:
        text = file.read_text(encoding="utf-8")
        if word not in text:
            return {}
        import tomllib  # not for those that say nothing of it

        return tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise_for_machine(error, file)
        return {}


def _absolute(base: Path, value: str, folder: Path, env: Mapping[str, str]) -> Path:
    """A configured path; of one that ends in a digest of the workspace's path, the folder for all digests."""
    text = value.replace("{workspace-root}", str(folder)).replace("{cargo-cache-home}", str(toolchain.cargo_home(env)))
    return Path(os.path.abspath(base / text.partition(_PATH_HASH)[0]))

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
    homes = [parent / ".cargo" for parent in (folder, *folder.parents)]
    pending = [home / name for home in dict.fromkeys((*homes, toolchain.cargo_home(env))) for name in _CONFIG_NAMES]
    seen: set[Path] = set()
    while pending:
        path = pending.pop(0)
        if path not in seen:
            seen.add(path)
            pending += _included(path)
            yield path


def configured_output_folders(folder: Path, env: Mapping[str, str]) -> Iterator[Path]:
    """Where cargo puts output of a build in `folder`, if not into `target` (The Cargo Book, build.target-dir and
    build.build-dir).
    """
    yield from (_absolute(folder, env[name], folder=folder, env=env) for name in _VARIABLES if env.get(name))
    for file in cargo_config_files(folder, env):
        table = _read(file, "-dir").get("build")
        values = (table.get(key) for key in _KEYS) if isinstance(table, dict) else ()
        yield from (
            _absolute(file.parent.parent, value, folder=folder, env=env) for value in values if isinstance(value, str)
        )


def configures_wrapper(folders: Iterable[Path], env: Mapping[str, str]) -> bool:
    """Whether a configuration file for one of these folders may name a compiler wrapper (`build.rustc-wrapper`)."""
    files = dict.fromkeys(file for folder in folders for file in cargo_config_files(folder, env))
    return any(_read(file, "rustc-wrapper") for file in files)


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

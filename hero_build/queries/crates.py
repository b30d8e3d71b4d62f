"""The programs of a cargo workspace, as `cargo metadata --no-deps` tells them: it reads files, and asks no network."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hero_build import process
from hero_build.artifact import Cargo
from hero_build.errors import ToolFailed


def programs(folder: Path, cargo: Cargo) -> Mapping[str, tuple[str, ...]]:
    """Every binary of the workspace in `folder`, with the features it requires and `cargo` does not ask for.

    Raises MissingTool, ToolFailed.
    """
    command = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
    text = process.capture(command, cwd=folder, env=process.environment())
    try:
        packages = json.loads(text.replace("\n", ""))["packages"]  # a long line comes in several
        return dict(pair for package in packages for pair in _programs(package, cargo))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        sentence = f"`cargo metadata` answers in {folder} what cannot be understood: {error!r}"
        raise ToolFailed(sentence, "Is this cargo newer than this hero-build?") from error


def _programs(package: Any, cargo: Cargo) -> Iterator[tuple[str, tuple[str, ...]]]:
    asked = [*cargo.features, *(["default"] if cargo.default_features else [])]
    enabled = _enabled(package["features"], asked)
    for target in package["targets"]:
        if "bin" in target["kind"]:
            lacking = [name for name in target.get("required-features", ()) if name not in enabled]
            yield target["name"], tuple(lacking)


def _enabled(features: Mapping[str, list[str]], asked: Iterable[str]) -> Collection[str]:
    """All features that these turn on, with those that they imply."""
    found: set[str] = set()
    todo = list(asked)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += features.get(name, ())
    return found

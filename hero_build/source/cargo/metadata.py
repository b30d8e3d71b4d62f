"""What a workspace has: its packages and their programs, as `cargo metadata --no-deps` tells them."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from hero_build.errors import BuildError, ToolFailed
from hero_build.model.artifacts import Cargo
from hero_build.model.names import nearest
from hero_build.source.cargo.errors import cargo_error
from hero_build.system import process


class CargoPackage(Struct, frozen=True):
    """A member of a workspace; `id` is cargo's name for it in its messages."""

    name: str
    version: str
    id: str
    programs: tuple[str, ...]
    libraries: tuple[str, ...]
    """Names of cdylib targets: what becomes WebAssembly."""
    folder: Path
    requires: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Programs that are built only when these features are on."""
    features: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Each with what it implies."""

    @property
    def spec(self) -> str:
        """As `cargo build -p` takes it."""
        return f"{self.name}@{self.version}"


class Workspace(Struct, frozen=True):
    folder: Path
    target: Path
    packages: tuple[CargoPackage, ...]

    @property
    def programs(self) -> tuple[str, ...]:
        """Every program's name, each once, in order."""
        return tuple(sorted({name for package in self.packages for name in package.programs}))


def workspace(folder: Path, env: Mapping[str, str], cancelled: Callable[[], bool] | None = None) -> Workspace:
    """The workspace of `<folder>/Cargo.toml`; `cancelled` is asked while cargo runs.

    Raises BuildError where cargo cannot read it; MissingTool, process.Cancelled.
    """
    return _read(cargo_metadata(folder, env, cancelled))


def cargo_metadata(
    folder: Path, env: Mapping[str, str], cancelled: Callable[[], bool] | None = None
) -> Mapping[str, Any]:
    """What `cargo metadata --no-deps` says of it, as it says it (The Cargo Book, cargo metadata). Raises the same."""
    if not (folder / "Cargo.toml").is_file():
        raise BuildError(f"{folder} has no Cargo.toml", "Is it a Rust repository, and on the right branch?")
    try:
        words = ("cargo", "metadata", "--no-deps", "--format-version=1")
        text = process.capture(words, cwd=folder, env=env, cancelled=cancelled)
    except ToolFailed as error:
        raise cargo_error(f"cargo cannot read the workspace {folder}", error.tail, folder) from error
    found: Mapping[str, Any] = json.loads(text)
    return found


def choose(workspace: Workspace, wanted: Sequence[str], among: Iterable[str]) -> dict[str, CargoPackage]:
    """The package of each wanted program, looked for in the packages named `among` (none: in all).

    Raises BuildError, which lists what there is.
    """
    names = frozenset(among)
    packages = [package for package in workspace.packages if not names or package.name in names]
    return {name: _package_of(workspace, name, [item for item in packages if name in item.programs]) for name in wanted}


def missing_features(workspace: Workspace, cargo: Cargo) -> Mapping[str, tuple[str, ...]]:
    """Every program of the workspace, with the features that it requires and `cargo` does not ask for."""
    return dict(pair for package in workspace.packages for pair in _missing_features(package, cargo))


def _missing_features(package: CargoPackage, cargo: Cargo) -> Iterator[tuple[str, tuple[str, ...]]]:
    enabled = _enabled_features(
        dict(package.features), [*cargo.features, *(["default"] if cargo.default_features else [])]
    )
    requires = dict(package.requires)
    for name in package.programs:
        yield name, tuple(feature for feature in requires.get(name, ()) if feature not in enabled)


def _enabled_features(features: Mapping[str, tuple[str, ...]], asked: Sequence[str]) -> frozenset[str]:
    """All features that these turn on, with those that they imply."""
    found: set[str] = set()
    todo = list(asked)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += features.get(name, ())
    return frozenset(found)


def _package_of(workspace: Workspace, name: str, fitting: list[CargoPackage]) -> CargoPackage:
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        both = " and ".join(package.name for package in fitting)
        raise BuildError(
            f"{both} of {workspace.folder} each have a program {name}", "Its recipe's Cargo(packages=…) tells."
        )
    has = ", ".join(workspace.programs) or "no programs at all"
    close = nearest(name, workspace.programs, 1)
    near = f" Nearest: {close[0]}." if close else ""
    raise BuildError(f"the workspace {workspace.folder} has no program {name}", f"It has: {has}.{near}")


def _read(told: Mapping[str, Any]) -> Workspace:
    packages = tuple(_package(item) for item in told["packages"])
    return Workspace(Path(told["workspace_root"]), Path(told["target_directory"]), packages)


def _package(told: Mapping[str, Any]) -> CargoPackage:
    programs = [target for target in told["targets"] if "bin" in target["kind"]]
    return CargoPackage(
        told["name"],
        version=told["version"],
        id=told["id"],
        programs=tuple(target["name"] for target in programs),
        libraries=tuple(target["name"] for target in told["targets"] if "cdylib" in target["kind"]),
        folder=Path(told["manifest_path"]).parent,
        requires=tuple((target["name"], tuple(target.get("required-features", ()))) for target in programs),
        features=tuple((name, tuple(implied)) for name, implied in told["features"].items()),
    )

"""The packages of a workspace and their programs, from `cargo metadata --no-deps`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from hero_build.errors import BuildError, ToolFailed
from hero_build.model.artifacts import Cargo
from hero_build.source.cargo.errors import cargo_error
from hero_build.system import process
from hero_build.system.decoding import decode_json


class MetadataTarget(Struct, frozen=True, rename="kebab"):
    """A target of a package: its name and kinds (`bin`, `cdylib`, …), and the features it is built with only."""

    name: str
    kind: tuple[str, ...]
    required_features: tuple[str, ...] = ()


class MetadataPackage(Struct, frozen=True):
    """A package (The Cargo Book, cargo metadata). `dependencies` and `metadata`: as cargo prints them."""

    name: str
    version: str
    id: str
    manifest_path: str
    targets: tuple[MetadataTarget, ...]
    features: dict[str, tuple[str, ...]]
    dependencies: tuple[dict[str, Any], ...]
    metadata: Any = None
    authors: tuple[str, ...] = ()
    description: str | None = None
    license: str | None = None
    license_file: str | None = None
    repository: str | None = None
    homepage: str | None = None
    keywords: tuple[str, ...] = ()
    readme: str | None = None

    def target_names(self, kind: str) -> tuple[str, ...]:
        """The names of the targets of a kind."""
        return tuple(target.name for target in self.targets if kind in target.kind)


class CargoMetadata(Struct, frozen=True):
    """The document of `cargo metadata --no-deps --format-version=1`: the fields that hero-build reads.

    `build_directory`: empty where an older cargo does not say it: then it is `target_directory`.
    """

    packages: tuple[MetadataPackage, ...]
    workspace_root: str
    target_directory: str
    build_directory: str = ""


class CargoPackage(Struct, frozen=True):
    """A member of a workspace; `id` is its identifier in cargo's messages."""

    name: str
    version: str
    id: str
    programs: tuple[str, ...]
    libraries: tuple[str, ...]
    """Names of cdylib targets: what becomes WebAssembly."""
    folder: Path
    workspace: Path
    """The folder in which cargo is called for it."""
    target: Path
    """Where cargo puts its output by default."""
    requires: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Programs with the features that they are built with only."""
    features: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Each with the features that it enables."""
    dependencies: tuple[str, ...] = ()
    """As features refer to them (`NAME/FEATURE`)."""

    @property
    def spec(self) -> str:
        """The argument of `cargo build -p`."""
        return f"{self.name}@{self.version}"


class Workspace(Struct, frozen=True):
    """A workspace. `base`: the folder that it was read from; `folder`: its root, as cargo prints it."""

    base: Path
    folder: Path
    target: Path
    packages: tuple[CargoPackage, ...]
    build: Path

    @property
    def folders(self) -> frozenset[Path]:
        """The root, and the folders of the members."""
        return frozenset(path.resolve() for path in (self.folder, *(package.folder for package in self.packages)))

    @property
    def programs(self) -> tuple[str, ...]:
        """The name of every program once, sorted."""
        return tuple(sorted({name for package in self.packages for name in package.programs}))


def workspace(folder: Path, metadata: CargoMetadata) -> Workspace:
    """The workspace of `<folder>/Cargo.toml`, of which cargo says this."""
    target = Path(metadata.target_directory)
    build = Path(metadata.build_directory or target)
    packages = tuple(_package(package, folder, target) for package in metadata.packages)
    return Workspace(folder, folder=Path(metadata.workspace_root), target=target, packages=packages, build=build)


def cargo_metadata(folder: Path, env: Mapping[str, str], cancelled: Callable[[], bool] | None = None) -> str:
    """The output of `cargo metadata --no-deps` for a folder (The Cargo Book, cargo metadata).

    Raises BuildError where cargo cannot read the workspace; MissingTool, process.Cancelled.
    """
    if not (folder / "Cargo.toml").is_file():
        raise BuildError(f"{folder} has no Cargo.toml", "Is it a Rust repository, and on the right branch?")
    try:
        words = ("cargo", "metadata", "--no-deps", "--format-version=1")
        return process.capture(words, cwd=folder, env=env, cancelled=cancelled)
    except ToolFailed as error:
        raise cargo_error(f"cargo cannot read the workspace {folder}", error.tail, folder) from error


def decode_metadata(text: str, folder: Path) -> CargoMetadata:
    """What `cargo_metadata` returned for a folder. Raises BuildError for another document."""
    try:
        return decode_json(text, kind=CargoMetadata)
    except ValueError as error:
        hint = "Is `cargo` on PATH the real one? Run `cargo metadata --no-deps` there to see what it prints."
        raise BuildError(f"unexpected output of `cargo metadata` in {folder}: {error}", hint) from error


def candidates(workspace: Workspace, program: str, among: Sequence[str]) -> tuple[CargoPackage, ...]:
    """The packages with a program, from those named `among` (none named: from all)."""
    packages = (package for package in workspace.packages if not among or package.name in among)
    return tuple(package for package in packages if program in package.programs)


def package_of(workspace: Workspace, program: str, packages: Sequence[CargoPackage]) -> CargoPackage:
    """The one package with a program. Raises BuildError where there are several."""
    if len(packages) > 1:
        names = " and ".join(package.name for package in packages)
        hint = "Name one of them in Cargo(packages=…) of the recipe."
        raise BuildError(f"{names} of {workspace.folder} each have a program {program}", hint)
    return packages[0]


def missing_features(workspace: Workspace, cargo: Cargo) -> Mapping[str, tuple[str, ...]]:
    """Every program of the workspace, with the features that it requires and `cargo` does not enable."""
    return dict(pair for package in workspace.packages for pair in _missing_features(package, cargo))


def _missing_features(package: CargoPackage, cargo: Cargo) -> Iterator[tuple[str, tuple[str, ...]]]:
    requested = (*cargo.features, *(("default",) if cargo.default_features else ()))
    enabled = _enabled_features(dict(package.features), requested)
    requires = dict(package.requires)
    for name in package.programs:
        yield name, tuple(feature for feature in requires.get(name, ()) if feature not in enabled)


def _enabled_features(features: Mapping[str, tuple[str, ...]], requested: Sequence[str]) -> frozenset[str]:
    """The requested features and all that they enable."""
    enabled: set[str] = set()
    pending = list(requested)
    while pending:
        name = pending.pop()
        if name not in enabled:
            enabled.add(name)
            pending += features.get(name, ())
    return frozenset(enabled)


def _package(package: MetadataPackage, workspace: Path, target: Path) -> CargoPackage:
    programs = [target for target in package.targets if "bin" in target.kind]
    return CargoPackage(
        package.name,
        version=package.version,
        id=package.id,
        programs=tuple(target.name for target in programs),
        libraries=package.target_names("cdylib"),
        folder=Path(package.manifest_path).parent,
        workspace=workspace,
        target=target,
        requires=tuple((target.name, target.required_features) for target in programs),
        features=tuple(package.features.items()),
        dependencies=tuple(str(item.get("rename") or item.get("name")) for item in package.dependencies),
    )

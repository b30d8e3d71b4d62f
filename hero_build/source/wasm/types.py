"""Types of WebAssembly builds. A bundle has the name of its library, from which its files are named."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct

from hero_build.errors import HeroBuildError
from hero_build.model.installed import Backend as Backend
from hero_build.source.cargo.messages import CargoMessage, Progress
from hero_build.source.wasm import TARGET as TARGET

BundleStage = Literal["wasm-pack", "wasm-bindgen", "wasm-opt", "built", "unchanged", "broken"]


class PackageInfo(Struct, frozen=True):
    """The fields of Cargo.toml that go into package.json; paths are relative to the package's folder."""

    version: str
    authors: tuple[str, ...] = ()
    description: str | None = None
    license: str | None = None
    license_file: str | None = None
    repository: str | None = None
    homepage: str | None = None
    keywords: tuple[str, ...] = ()
    readme: str | None = None


class Crate(Struct, frozen=True):
    """A workspace member whose library becomes a bundle.

    name: of the library and the bundle. id: cargo's identifier of the package. base: the deepest folder above it that
    configures cargo or selects a toolchain; cargo starts there. dependency_digest: of its dependencies and features;
    crates with equal digests get equal features of shared dependencies. bindgen: arguments for wasm-bindgen.
    optimise: arguments for wasm-opt; None: do not run it (`package.metadata.wasm-pack.profile.release`).
    """

    name: str
    package: str
    id: str
    folder: Path
    base: Path
    dependency_digest: str
    bindgen: tuple[str, ...]
    optimise: tuple[str, ...] | None
    info: PackageInfo

    @property
    def spec(self) -> str:
        """The argument of `cargo build -p`."""
        return f"{self.package}@{self.info.version}"


class BuiltBundle(Struct, frozen=True):
    """A bundle whose files are in `folder`, not verified yet."""

    name: str
    folder: Path


class UnchangedBundle(Struct, frozen=True):
    """A bundle whose files would be those that are installed, and are therefore not written."""

    name: str


class FailedBundle(Struct, frozen=True):
    """A bundle that failed to build; the others may have been built."""

    name: str
    error: HeroBuildError


BundleResult = BuiltBundle | UnchangedBundle | FailedBundle

InstalledBundles = Mapping[str, Mapping[str, str]]
"""Bundles that are installed and intact, by name: the sha256 of each file by its path in the bundle."""


def _ignore_stage(name: str, stage: BundleStage) -> None:
    """The default of BuildWatch.stage."""


def _ignore_finished(bundle: BuiltBundle) -> None:
    """The default of BuildWatch.finished."""


def _ignore_crates(crates: Sequence[CargoMessage], started: int) -> None:
    """The default of BuildWatch.crates."""


def _ignore_progress(done: int, total: int | None, crate: str) -> None:
    """The default of BuildWatch.compiling."""


class BuildWatch(Struct, frozen=True):
    """Callbacks of a running build. All but `compiling` are called from several threads.

    compiling: cargo's progress. stage: what happens to a bundle. finished: called for each bundle as soon as it is
    built. cancelled: polled; True ends the build. crates: called once, when cargo has ended and other tools may still
    run, with its messages of all crates, and when it was first started, in ns of time.time_ns().
    """

    compiling: Progress = _ignore_progress
    stage: Callable[[str, BundleStage], None] = _ignore_stage
    finished: Callable[[BuiltBundle], None] = _ignore_finished
    cancelled: Callable[[], bool] = bool  # False
    crates: Callable[[Sequence[CargoMessage], int], None] = _ignore_crates


class BuildFolders(Struct, frozen=True):
    """Folders of a build: `out` for the bundles (one folder each), `logs`, and hero-build's `cache`."""

    out: Path
    logs: Path
    cache: Path

    @property
    def bundles(self) -> Path:
        """Finished bundles that are kept between builds."""
        return self.cache / "wasm" / "bundles"

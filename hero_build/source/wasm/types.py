"""The nouns of WASM builds. A bundle is named as its library, which is what its files are called, too."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from msgspec import Struct

from hero_build.errors import HeroBuildError
from hero_build.model.installed import Backend as Backend
from hero_build.source.cargo.messages import Progress
from hero_build.source.wasm import TARGET as TARGET

BundleStage = Literal["wasm-pack", "wasm-bindgen", "wasm-opt", "built", "unchanged", "broken"]


class PackageInfo(Struct, frozen=True):
    """What Cargo.toml says of a package that goes into package.json; paths are relative to the package's folder."""

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
    """A member of a workspace whose library becomes a bundle.

    name: of the library and the bundle. id: cargo's name for the package. base: the deepest folder on the way to it
    that configures cargo or chooses a toolchain: where cargo is to be started. wishes: a digest of its dependencies
    and features; crates of equal wishes get the same features of what they share. bindgen: arguments for wasm-bindgen.
    optimise: arguments for wasm-opt; None: it is not to be run (`package.metadata.wasm-pack.profile.release`).
    """

    name: str
    package: str
    id: str
    folder: Path
    base: Path
    wishes: str
    bindgen: tuple[str, ...]
    optimise: tuple[str, ...] | None
    about: PackageInfo

    @property
    def spec(self) -> str:
        """As `cargo build -p` takes it."""
        return f"{self.package}@{self.about.version}"


class BuiltBundle(Struct, frozen=True):
    """A bundle whose files lie in `folder`; nothing about them is trusted yet."""

    name: str
    folder: Path


class FailedBundle(Struct, frozen=True):
    """A bundle that could not be made. Others may be."""

    name: str
    error: HeroBuildError


BundleResult = BuiltBundle | FailedBundle


def _ignore_stage(name: str, stage: BundleStage) -> None:
    """For callers that do not watch."""


def _ignore_finished(made: BuiltBundle) -> None:
    """For callers that do not watch."""


def _ignore_progress(done: int, total: int | None, crate: str) -> None:
    """For callers that do not watch."""


class BuildWatch(Struct, frozen=True):
    """What a caller wants of a running build. All but `compiling` are called from several threads.

    finished: told of each bundle that was built as soon as it is.
    """

    compiling: Progress = _ignore_progress
    stage: Callable[[str, BundleStage], None] = _ignore_stage
    finished: Callable[[BuiltBundle], None] = _ignore_finished
    cancelled: Callable[[], bool] = bool  # False


class BuildFolders(Struct, frozen=True):
    """Folders of a build: where the bundles go (one folder each), the logs, and what is kept between builds."""

    out: Path
    logs: Path
    cache: Path

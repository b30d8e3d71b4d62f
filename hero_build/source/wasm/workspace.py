"""The members of a workspace that become bundles: those with a cdylib target, from `cargo metadata`."""

import hashlib
import json
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from hero_build.errors import BuildError, BundleNotFound
from hero_build.model.names import check_name, nearest
from hero_build.source.cargo.known_metadata import MetadataMemory, known_metadata
from hero_build.source.cargo.metadata import MetadataPackage
from hero_build.source.wasm import wasm_pack_config
from hero_build.source.wasm.types import Crate, PackageInfo
from hero_build.system.decoding import convert

CONFIG_FILES = (".cargo/config.toml", ".cargo/config", "rust-toolchain.toml", "rust-toolchain")
"""The files that configure cargo, or select a toolchain, for a folder and all below it."""


class WasmWorkspace(Struct, frozen=True):
    """The crates of a workspace that become bundles, sorted by name; `manifests` are those of all its members."""

    folder: Path
    crates: tuple[Crate, ...]
    manifests: tuple[Path, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(crate.name for crate in self.crates)


def discover(
    folder: Path, env: Mapping[str, str], packages: Collection[str] = (), memory: MetadataMemory | None = None
) -> WasmWorkspace:
    """The bundles of the workspace in `folder`; with `packages` (a recipe's filter), those of these packages only.

    `memory` has what cargo says, for this state of the checkout.

    Raises BuildError (it cannot be read, or two libraries have one name), UnsafeName, MissingTool.
    """
    metadata = known_metadata(folder, env, memory)
    root = Path(metadata.workspace_root)
    selected = [package for package in metadata.packages if not packages or package.name in packages]
    crates = [_crate(package, name, root) for package in selected for name in package.target_names("cdylib")]
    _check_unique(crates, root)
    manifests = (root / "Cargo.toml", *(Path(package.manifest_path) for package in metadata.packages))
    return WasmWorkspace(root, tuple(sorted(crates, key=lambda crate: crate.name)), tuple(dict.fromkeys(manifests)))


def choose(workspace: WasmWorkspace, names: Sequence[str]) -> tuple[Crate, ...]:
    """The crates of the bundles `names` (of all, if none is named), by the name of the bundle or of its package.

    Raises BundleNotFound, whose hint lists the bundles.
    """
    if not workspace.crates:
        hint = 'A library becomes a bundle with `crate-type = ["cdylib"]` in its Cargo.toml.'
        raise BundleNotFound(f"no member of the workspace {workspace.folder} becomes a bundle", hint)
    chosen = {crate.name: crate for crate in (_find_crate(workspace, name) for name in names)}
    return tuple(chosen.values()) or workspace.crates


def _find_crate(workspace: WasmWorkspace, name: str) -> Crate:
    for crate in workspace.crates:
        if name == crate.name:
            return crate
    for crate in workspace.crates:
        if name == crate.package:
            return crate
    close = nearest(name, (*workspace.names, *(crate.package for crate in workspace.crates)), 1)
    suggestion = f" Nearest: {close[0]}." if close else ""
    hint = f"There are: {', '.join(workspace.names)}.{suggestion}"
    raise BundleNotFound(f"the workspace {workspace.folder} has no bundle {name!r}", hint)


def _check_unique(crates: Sequence[Crate], folder: Path) -> None:
    by_name: dict[str, Crate] = {}
    for crate in crates:
        other = by_name.setdefault(crate.name, crate)
        if other is not crate:
            raise BuildError(
                f"{other.package} and {crate.package} of {folder} both have a library {crate.name}",
                f"Each bundle needs a name of its own: set `name` below [lib] in {crate.folder / 'Cargo.toml'}.",
            )


def _crate(package: MetadataPackage, library: str, root: Path) -> Crate:
    manifest = Path(package.manifest_path)
    profile = wasm_pack_config.release_profile(package.metadata, manifest)
    return Crate(
        name=check_name(library.replace("-", "_"), "island"),
        package=package.name,
        id=package.id,
        folder=manifest.parent,
        base=_cargo_folder(manifest.parent, root),
        dependency_digest=_dependency_digest(package),
        bindgen=profile.bindgen,
        optimise=profile.optimise,
        info=convert(package, kind=PackageInfo, from_attributes=True),
    )


def _cargo_folder(folder: Path, root: Path) -> Path:
    """The folder where cargo finds the same configuration and toolchain as when it starts in `folder`."""
    place, top = str(folder), str(root)  # pathlib takes 3 ms for thirty crates
    while place != top and place.startswith(os.path.join(top, "")):
        if any(os.path.exists(os.path.join(place, name)) for name in CONFIG_FILES):
            return Path(place)
        place = os.path.dirname(place)
    return root


def _dependency_digest(package: MetadataPackage) -> str:
    """Of a package's dependencies and features, whatever their order in Cargo.toml."""
    dependencies = sorted(json.dumps(dependency, sort_keys=True) for dependency in package.dependencies)
    text = json.dumps([dependencies, package.features], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()

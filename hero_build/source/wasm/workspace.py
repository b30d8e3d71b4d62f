"""Which members of a workspace become bundles: those with a cdylib, as `cargo metadata` tells them."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from hero_build.errors import BuildError, BundleNotFound
from hero_build.model.names import check_name, nearest
from hero_build.source.cargo import metadata
from hero_build.source.wasm import wasm_pack_config
from hero_build.source.wasm.types import Crate, PackageInfo

CONFIG_FILES = (".cargo/config.toml", ".cargo/config", "rust-toolchain.toml", "rust-toolchain")
"""What configures cargo, or chooses a toolchain, for a folder and all below it."""


class WasmWorkspace(Struct, frozen=True):
    """The crates of a workspace that become bundles, by name in order; `manifests` are those of all its members."""

    folder: Path
    crates: tuple[Crate, ...]
    manifests: tuple[Path, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(crate.name for crate in self.crates)


def discover(folder: Path, env: Mapping[str, str], packages: Collection[str] = ()) -> WasmWorkspace:
    """The bundles of the workspace in `folder`, of the packages named `packages` alone if some are (a recipe's filter).

    Raises BuildError (it cannot be read, or two libraries share a name), UnsafeName, MissingTool.
    """
    found = metadata.cargo_metadata(folder, env)
    root = Path(found["workspace_root"])
    among = [item for item in found["packages"] if not packages or item["name"] in packages]
    crates = [_crate(item, library, root) for item in among for library in _libraries(item)]
    _check_unique(crates, root)
    manifests = (root / "Cargo.toml", *(Path(item["manifest_path"]) for item in found["packages"]))
    return WasmWorkspace(root, tuple(sorted(crates, key=lambda crate: crate.name)), tuple(dict.fromkeys(manifests)))


def choose(members: WasmWorkspace, names: Sequence[str]) -> tuple[Crate, ...]:
    """The crates of the bundles `names` (of all, if none is named). Raises BundleNotFound, which lists what there is.

    A bundle answers to the name of its package, too.
    """
    if not members.crates:
        hint = 'A library becomes a bundle with `crate-type = ["cdylib"]` in its Cargo.toml.'
        raise BundleNotFound(f"no member of the workspace {members.folder} becomes a bundle", hint)
    return (
        tuple({crate.name: crate for crate in (_find_crate(members, name) for name in names)}.values())
        or members.crates
    )


def _find_crate(members: WasmWorkspace, name: str) -> Crate:
    for crate in members.crates:
        if name == crate.name:
            return crate
    for crate in members.crates:
        if name == crate.package:
            return crate
    close = nearest(name, (*members.names, *(crate.package for crate in members.crates)), 1)
    near = f" Nearest: {close[0]}." if close else ""
    hint = f"There are: {', '.join(members.names)}.{near}"
    raise BundleNotFound(f"the workspace {members.folder} has no bundle {name!r}", hint)


def _check_unique(crates: Sequence[Crate], folder: Path) -> None:
    seen: dict[str, Crate] = {}
    for crate in crates:
        other = seen.setdefault(crate.name, crate)
        if other is not crate:
            raise BuildError(
                f"{other.package} and {crate.package} of {folder} both have a library {crate.name}",
                f"Each bundle needs a name of its own: set `name` below [lib] in {crate.folder / 'Cargo.toml'}.",
            )


def _libraries(package: Mapping[str, Any]) -> list[str]:
    return [target["name"] for target in package["targets"] if "cdylib" in target["kind"]]


def _crate(package: Mapping[str, Any], library: str, root: Path) -> Crate:
    manifest = Path(package["manifest_path"])
    chosen = wasm_pack_config.release_profile(package["metadata"], manifest)
    return Crate(
        name=check_name(library.replace("-", "_"), "island"),
        package=package["name"],
        id=package["id"],
        folder=manifest.parent,
        base=_cargo_folder(manifest.parent, root),
        wishes=_dependency_digest(package),
        bindgen=chosen.bindgen,
        optimise=chosen.optimise,
        about=_package_info(package),
    )


def _cargo_folder(folder: Path, root: Path) -> Path:
    """Where cargo finds the same configuration and toolchain as when it is started in `folder`."""
    inside = (parent for parent in (folder, *folder.parents) if parent.is_relative_to(root) and parent != root)
    return next((parent for parent in inside if any((parent / name).exists() for name in CONFIG_FILES)), root)


def _dependency_digest(package: Mapping[str, Any]) -> str:
    """Of what a package asks of others: the order in which Cargo.toml has it does not count."""
    asked = sorted(json.dumps(options, sort_keys=True) for options in package["dependencies"])
    text = json.dumps([asked, package["features"]], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _package_info(package: Mapping[str, Any]) -> PackageInfo:
    return PackageInfo(
        version=package["version"],
        authors=tuple(package["authors"]),
        description=package["description"],
        license=package["license"],
        license_file=package["license_file"],
        repository=package["repository"],
        homepage=package["homepage"],
        keywords=tuple(package["keywords"]),
        readme=package["readme"],
    )

"""`[package.metadata.wasm-pack.profile.release]`: a package's options for wasm-bindgen and wasm-opt.

Source: wasm-pack's book, Cargo.toml Configuration.
"""

from pathlib import Path

import msgspec
from msgspec import Struct

from hero_build.errors import BuildError
from hero_build.system.decoding import convert


class BindgenOptions(Struct, frozen=True, rename="kebab"):
    """The table `wasm-bindgen`."""

    debug_js_glue: bool = False
    demangle_name_section: bool = True
    dwarf_debug_info: bool = False
    omit_default_module_path: bool = False
    split_linked_modules: bool = False

    def arguments(self) -> tuple[str, ...]:
        """The options as arguments of wasm-bindgen, in wasm-pack's order."""
        switches = (
            ("--debug", self.debug_js_glue),
            ("--no-demangle", not self.demangle_name_section),
            ("--keep-debug", self.dwarf_debug_info),
            ("--omit-default-module-path", self.omit_default_module_path),
            ("--split-linked-modules", self.split_linked_modules),
        )
        return tuple(word for word, on in switches if on)


class ReleaseProfile(Struct, frozen=True, rename="kebab"):
    """The table `profile.release`. `wasm_opt`: whether to run wasm-opt, or its arguments."""

    wasm_bindgen: BindgenOptions | None = None
    wasm_opt: bool | tuple[str, ...] | None = None


class _Profiles(Struct, frozen=True):
    release: ReleaseProfile | None = None


class _WasmPack(Struct, frozen=True):
    profile: _Profiles | None = None


class _PackageMetadata(Struct, frozen=True, rename="kebab"):
    """`package.metadata`: what `cargo metadata` prints for tables that cargo does not read itself."""

    wasm_pack: _WasmPack | None = None


class WasmPackProfile(Struct, frozen=True):
    """More arguments for wasm-bindgen; arguments for wasm-opt (None: do not run it)."""

    bindgen: tuple[str, ...]
    optimise: tuple[str, ...] | None


def release_profile(metadata: object, manifest: Path) -> WasmPackProfile:
    """The options in a package's `metadata` (as `cargo metadata` prints it).

    Raises BuildError, with the path of the field below `package.metadata`, for what wasm-pack refuses.
    """
    table = _release_table(metadata, manifest)
    bindgen = table.wasm_bindgen or BindgenOptions()
    optimise = {None: ("-O",), True: ("-O",), False: None}
    words = table.wasm_opt if isinstance(table.wasm_opt, tuple) else optimise[table.wasm_opt]
    return WasmPackProfile(bindgen.arguments(), words)


def _release_table(metadata: object, manifest: Path) -> ReleaseProfile:
    if not isinstance(metadata, dict):
        return ReleaseProfile()
    try:
        wasm_pack = convert(metadata, kind=_PackageMetadata).wasm_pack
    except msgspec.ValidationError as error:
        hint = "See wasm-pack's book, 'Cargo.toml Configuration'."
        raise BuildError(f"{manifest}: package.metadata does not fit wasm-pack: {error}", hint) from error
    profiles = wasm_pack.profile if wasm_pack else None
    return (profiles.release if profiles else None) or ReleaseProfile()

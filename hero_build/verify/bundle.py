"""Checks that a folder is a bundle that a browser can load: valid modules, and glue that fits them."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from posixpath import dirname, join, normpath

from hero_build.errors import InvalidBundle, UnsafeName
from hero_build.model.artifacts import WasmBundle
from hero_build.model.names import check_name
from hero_build.model.steps import Fetched, File
from hero_build.os_errors import machine_errors
from hero_build.verify import bundle_files, glue, sniff, wasm
from hero_build.verify.bundle_files import BundleFile, GluePair, UnsafeMember, entry_pair, find_pairs
from hero_build.verify.glue import Glue, Need
from hero_build.verify.sniff import InvalidFormat
from hero_build.verify.wasm import Export, Import, Module

RESERVED = "islands.json"
_GLUE_MAX = 16 << 20
_REBUILD = "Build it again with --reset; if it still fails, try --backend wasm-pack."
_TABLE = "wasm-opt broke it (Binaryen 108 does): build it with a newer wasm-opt."
_TARGET = "`wasm-bindgen --target web` writes glue that a browser can load."
_NAMES = "A bundle has <name>_bg.wasm and <name>.js, at the top of its archive or in a folder named as the bundle."


def check_bundle(bundle: WasmBundle) -> None:
    """Raises UnsafeName for a name that cannot be a folder beside the index of islands."""
    if check_name(bundle.name, "bundle") == RESERVED:
        raise UnsafeName(f"a bundle cannot be named {RESERVED}", "That is the index of all islands: rename it.")


def inspect(fetched: Fetched, bundle: WasmBundle, name: str) -> tuple[File, ...]:
    """The bundle's files with their destinations; an archive (`name` in errors) is unpacked beside itself first.

    Raises InvalidBundle, naming the file; DiskFull, NotWritable.
    """
    built = fetched.form == "tree"
    files = _from_folder(fetched.path, bundle) if built else _from_archive(fetched.path, bundle, name)
    return tuple(
        File(PurePosixPath(bundle.folder, i.name), path=i.path, sha256=i.sha256, size=i.size, mode=0o644) for i in files
    )


def _from_archive(archive: Path, bundle: WasmBundle, name: str) -> tuple[BundleFile, ...]:
    from hero_build.verify import extract  # imports tarfile, which a folder does not need

    files = extract.unpack(archive, bundle.name, name)
    try:
        _check_files(files, bundle, sniff.BROKEN_RELEASE)
    except BaseException:
        shutil.rmtree(extract.unpack_folder(archive), ignore_errors=True)  # else nothing would delete it
        raise
    return files


def _from_folder(path: Path, bundle: WasmBundle) -> tuple[BundleFile, ...]:
    try:
        with machine_errors(path):
            files = bundle_files.read_folder(path)
    except (UnsafeMember, FileNotFoundError, NotADirectoryError) as error:
        why = str(error) if isinstance(error, UnsafeMember) else "was not built"
        raise InvalidBundle(f"the bundle {bundle.name} {why}", _REBUILD) from error
    _check_files(files, bundle, _REBUILD)
    return files


def _check_files(items: tuple[BundleFile, ...], bundle: WasmBundle, hint: str) -> None:
    """Raises InvalidBundle."""
    files = {item.name: item.path for item in items}
    modules = {
        name: _read_module(name, path=path, bundle=bundle, hint=hint)
        for name, path in files.items()
        if name.endswith(".wasm")
    }
    if not modules:
        raise InvalidBundle(f"the bundle {bundle.name} has no WebAssembly module in it", _NAMES)
    loads = entry_pair(bundle.name, files)
    if loads is None or (bundle.kind == "island" and "/" in loads.glue):
        raise _no_entry(files, bundle)
    for pair in find_pairs(files):
        try:
            _check_pair(pair, modules[pair.module], files)
        except InvalidFormat as error:
            raise _invalid_bundle(pair.glue, bundle=bundle, error=error, hint=hint) from error


def _read_module(name: str, path: Path, bundle: WasmBundle, hint: str) -> Module:
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return wasm.read(file, os.fstat(file).st_size)
    except InvalidFormat as error:
        raise _invalid_bundle(name, bundle=bundle, error=error, hint=hint) from error
    finally:
        os.close(file)


def _invalid_bundle(name: str, bundle: WasmBundle, error: InvalidFormat, hint: str) -> InvalidBundle:
    return InvalidBundle(
        f"{name} of the bundle {bundle.name} {error}", hint if error.hint is sniff.BROKEN_RELEASE else error.hint
    )


def _no_entry(files: Mapping[str, Path], bundle: WasmBundle) -> InvalidBundle:
    several = ", ".join(pair.glue for pair in find_pairs(files)[:5])
    if several:
        return InvalidBundle(f"it is unclear which file loads the bundle {bundle.name}: {several}", _NAMES)
    lone = min(name for name in files if name.endswith(".wasm"))
    return InvalidBundle(f"{lone} of the bundle {bundle.name} has no glue: a .js of its name is missing", _NAMES)


def _check_pair(pair: GluePair, module: Module, files: Mapping[str, Path]) -> None:
    """Raises InvalidFormat, whose sentence is about the glue."""
    parsed = glue.parse(_read_glue(files[pair.glue]))
    if not parsed.loads:
        raise InvalidFormat("loads no WebAssembly: it was built for another target", _TARGET)
    if not parsed.has_default:
        raise InvalidFormat("has no default export, which a page needs to start it", _TARGET)
    if modules := {name for name in parsed.strings if name.endswith(".wasm")}:
        _check_module_name(modules, pair)
    for imported in parsed.imported:
        _check_imported_file(imported, pair, files)
    for item in module.imports:
        _check_provided(item, glue=parsed, pair=pair, files=files)
    for name, needs in parsed.used.items():
        _check_exported(name, needs=needs, export=module.exports.get(name), pair=pair)


def _read_glue(path: Path) -> str:
    with path.open("rb") as file:
        raw = file.read(_GLUE_MAX + 1)
    head = sniff.describe(raw.lstrip()[: sniff.HEAD])
    if not raw.strip() or head.answer or b"\0" in raw:
        raise InvalidFormat(f"is {head.words}, not JavaScript")
    if len(raw) > _GLUE_MAX:
        raise InvalidFormat(f"has more than {_GLUE_MAX >> 20} MB, too much for glue")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidFormat("is not UTF-8 text, and so not JavaScript") from error


def _check_module_name(named: set[str], pair: GluePair) -> None:
    beside = join(dirname(pair.glue), "")
    if not any(normpath(beside + name) == pair.module or name.endswith(f"/{pair.module}") for name in named):
        raise InvalidFormat(f"loads {min(named)}, not {pair.module}")


def _check_imported_file(imported: str, pair: GluePair, files: Mapping[str, Path]) -> None:
    if imported.startswith(("./", "../")):
        name = _relative_to_glue(imported, pair)
        if not name.startswith("../") and name not in files:
            raise InvalidFormat(f"imports {imported}, which is not in the bundle")


def _check_provided(item: Import, glue: Glue, pair: GluePair, files: Mapping[str, Path]) -> None:
    """Provided by the glue itself, or, without conversions, by a snippet: a file of the bundle."""
    snippet = _relative_to_glue(item.module, pair) if item.module.startswith("./") else ""
    if snippet in files:
        _check_snippet(item, files[snippet])
    elif not (item.module in glue.strings | glue.defined and item.name in glue.defined):
        raise InvalidFormat(f"does not provide {item.name} (from {item.module!r}), which {pair.module} imports")


def _check_snippet(item: Import, path: Path) -> None:
    try:
        exported = glue.may_export(_read_glue(path), item.name)
    except InvalidFormat as error:
        raise InvalidFormat(f"imports {item.module}, which {error}") from error
    if not exported:
        raise InvalidFormat(f"has a module that imports {item.name} from {item.module}, which does not export it")


def _relative_to_glue(path: str, pair: GluePair) -> str:
    return normpath(join(dirname(pair.glue), path))


def _check_exported(name: str, needs: frozenset[Need], export: Export | None, pair: GluePair) -> None:
    if export is None:
        raise InvalidFormat(f"uses {name}, which {pair.module} does not export")
    if "externref table" in needs and (export.kind, export.element) == ("table", "funcref"):
        raise InvalidFormat(
            f"fills the table {name} with values, and {pair.module} exports a table of functions by that name", _TABLE
        )
    for need, kind in (("function", "function"), ("memory", "memory"), ("externref table", "table")):
        if need in needs and export.kind != kind:
            raise InvalidFormat(f"uses {name} as a {kind}, and {pair.module} exports a {export.kind} by that name")

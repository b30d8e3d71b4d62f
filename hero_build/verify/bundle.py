"""Whether a folder is a bundle that a browser can load: each module is one, and its glue and it fit each other."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from posixpath import dirname, join, normpath

from hero_build.errors import InvalidBundle, UnsafeName, machine_errors
from hero_build.model.artifacts import WasmBundle
from hero_build.model.names import check_name
from hero_build.model.steps import Fetched, File
from hero_build.verify import bundle_files, glue, sniff, wasm
from hero_build.verify.bundle_files import Astray, BundleFile, Pair, entry, pairs
from hero_build.verify.elf_header import Unfit
from hero_build.verify.glue import Glue, Need
from hero_build.verify.wasm import Export, Import, Module

RESERVED = "islands.json"
_GLUE_MAX = 16 << 20
_BUILD = "Build it again with --reset; if it stays so, try --backend wasm-pack."
_TABLE = "wasm-opt broke it, as Binaryen 108 does: build it with a newer wasm-opt."
_TARGET = "`wasm-bindgen --target web` writes glue that a browser can load."
_NAMES = "A bundle has <name>_bg.wasm and <name>.js, at the top of its archive or below a folder called as the bundle."


def check_bundle(bundle: WasmBundle) -> None:
    """Raises UnsafeName for a name that cannot be a folder beside the index of islands."""
    if check_name(bundle.name, "bundle") == RESERVED:
        raise UnsafeName(f"no bundle can be called {RESERVED}", "That is the index of all islands: rename the bundle.")


def inspect(fetched: Fetched, bundle: WasmBundle, name: str) -> tuple[File, ...]:
    """The bundle's files, each where it belongs; an archive (`name` in errors) is unpacked beside itself first.

    Raises InvalidBundle, naming the file; DiskFull, NotWritable.
    """
    found = _built(fetched.path, bundle) if fetched.form == "tree" else _published(fetched.path, bundle, name)
    return tuple(
        File(PurePosixPath(bundle.folder, i.name), path=i.path, sha256=i.sha256, size=i.size, mode=0o644) for i in found
    )


def _published(archive: Path, bundle: WasmBundle, name: str) -> tuple[BundleFile, ...]:
    from hero_build.verify import extract  # tarfile, for those that come in one

    found = extract.unpack(archive, bundle.name, name)
    try:
        _judge(found, bundle, sniff.WRONG)
    except BaseException:
        shutil.rmtree(extract.beside(archive), ignore_errors=True)  # what was unpacked is nobody's
        raise
    return found


def _built(path: Path, bundle: WasmBundle) -> tuple[BundleFile, ...]:
    try:
        with machine_errors(path):
            found = bundle_files.walk(path)
    except (Astray, FileNotFoundError, NotADirectoryError) as error:
        why = str(error) if isinstance(error, Astray) else "was not built"
        raise InvalidBundle(f"the bundle {bundle.name} {why}", _BUILD) from error
    _judge(found, bundle, _BUILD)
    return found


def _judge(found: tuple[BundleFile, ...], bundle: WasmBundle, hint: str) -> None:
    """Raises InvalidBundle."""
    files = {item.name: item.path for item in found}
    modules = {
        name: _module(name, path=path, bundle=bundle, hint=hint)
        for name, path in files.items()
        if name.endswith(".wasm")
    }
    if not modules:
        raise InvalidBundle(f"the bundle {bundle.name} has no WebAssembly module in it", _NAMES)
    loads = entry(bundle.name, files)
    if loads is None or (bundle.kind == "island" and "/" in loads.glue):
        raise _no_entry(files, bundle)
    for pair in pairs(files):
        try:
            _fits(pair, modules[pair.module], files)
        except Unfit as error:
            raise _refused(pair.glue, bundle=bundle, error=error, hint=hint) from error


def _module(name: str, path: Path, bundle: WasmBundle, hint: str) -> Module:
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return wasm.read(file, os.fstat(file).st_size)
    except Unfit as error:
        raise _refused(name, bundle=bundle, error=error, hint=hint) from error
    finally:
        os.close(file)


def _refused(name: str, bundle: WasmBundle, error: Unfit, hint: str) -> InvalidBundle:
    return InvalidBundle(
        f"{name} of the bundle {bundle.name} {error}", hint if error.hint is sniff.WRONG else error.hint
    )


def _no_entry(files: Mapping[str, Path], bundle: WasmBundle) -> InvalidBundle:
    several = ", ".join(pair.glue for pair in pairs(files)[:5])
    if several:
        return InvalidBundle(f"nothing tells which file loads the bundle {bundle.name}: {several}", _NAMES)
    lone = min(name for name in files if name.endswith(".wasm"))
    return InvalidBundle(f"{lone} of the bundle {bundle.name} has no glue: no .js of its name lies beside it", _NAMES)


def _fits(pair: Pair, module: Module, files: Mapping[str, Path]) -> None:
    """Raises Unfit, as of the glue."""
    found = glue.parse(_text(files[pair.glue]))
    if not found.loads:
        raise Unfit("loads no WebAssembly: it was made for another target", _TARGET)
    if not found.has_default:
        raise Unfit("has no default export, through which a page starts it", _TARGET)
    if named := {name for name in found.strings if name.endswith(".wasm")}:
        _same_module(named, pair)
    for brought in found.brought:
        _there(brought, pair, files)
    for item in module.imports:
        _provided(item, glue=found, pair=pair, files=files)
    for name, needs in found.used.items():
        _exported(name, needs=needs, export=module.exports.get(name), pair=pair)


def _text(path: Path) -> str:
    with path.open("rb") as file:
        raw = file.read(_GLUE_MAX + 1)
    head = sniff.describe(raw.lstrip()[: sniff.HEAD])
    if not raw.strip() or head.answer or b"\0" in raw:
        raise Unfit(f"is {head.words}, not JavaScript")
    if len(raw) > _GLUE_MAX:
        raise Unfit(f"has more than {_GLUE_MAX >> 20} MB: that is no glue")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unfit("is not text, and so not JavaScript") from error


def _same_module(named: set[str], pair: Pair) -> None:
    beside = join(dirname(pair.glue), "")
    if not any(normpath(beside + name) == pair.module or name.endswith(f"/{pair.module}") for name in named):
        raise Unfit(f"loads {min(named)}, and not {pair.module}")


def _there(brought: str, pair: Pair, files: Mapping[str, Path]) -> None:
    if brought.startswith(("./", "../")):
        name = _beside(brought, pair)
        if not name.startswith("../") and name not in files:
            raise Unfit(f"imports {brought}, which the bundle does not have")


def _provided(item: Import, glue: Glue, pair: Pair, files: Mapping[str, Path]) -> None:
    """By the glue itself, or, where nothing has to be translated, by a snippet: the bundle's own file."""
    snippet = _beside(item.module, pair) if item.module.startswith("./") else ""
    if snippet in files:
        _snippet(item, files[snippet])
    elif not (item.module in glue.strings | glue.given and item.name in glue.given):
        raise Unfit(f"does not provide {item.name} (from {item.module!r}), which {pair.module} imports")


def _snippet(item: Import, path: Path) -> None:
    try:
        given = glue.gives(_text(path), item.name)
    except Unfit as error:
        raise Unfit(f"imports {item.module}, which {error}") from error
    if not given:
        raise Unfit(f"has a module that imports {item.name} from {item.module}, which does not export it")


def _beside(path: str, pair: Pair) -> str:
    return normpath(join(dirname(pair.glue), path))


def _exported(name: str, needs: frozenset[Need], export: Export | None, pair: Pair) -> None:
    if export is None:
        raise Unfit(f"uses {name}, which {pair.module} does not export")
    if "externref table" in needs and (export.kind, export.element) == ("table", "funcref"):
        raise Unfit(
            f"fills the table {name} with values, and {pair.module} exports a table of functions by that name", _TABLE
        )
    for need, kind in (("function", "function"), ("memory", "memory"), ("externref table", "table")):
        if need in needs and export.kind != kind:
            raise Unfit(f"uses {name} as a {kind}, and {pair.module} exports a {export.kind} by that name")

"""Small WebAssembly modules made by hand, section by section, and glue in the forms wasm-bindgen --target web writes.

bundle = island("notes", "v1")                     # {"notes.js": …, "notes_bg.wasm": …, …}: a browser could load it
write(tmp_path / "tree", bundle); tgz(tmp_path / "notes-wasm.tar.gz", bundle)
"""

import gzip
import io
import json
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

HEAD = b"\0asm\x01\0\0\0"
FUNC, TABLE, MEMORY, GLOBAL = 0, 1, 2, 3
FUNCREF, EXTERNREF = 0x70, 0x6F
LOG = "__wbg_log_0123456789abcdef"
TABLE_INIT = "__wbindgen_init_externref_table"
REFS = "__wbindgen_externrefs"


def leb(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low]) if not rest else bytes([low | 0x80]) + leb(rest)


def text(value: str) -> bytes:
    raw = value.encode()
    return leb(len(raw)) + raw


def section(number: int, content: bytes) -> bytes:
    return bytes([number]) + leb(len(content)) + content


def vector(items: Iterable[bytes]) -> bytes:
    listed = list(items)
    return leb(len(listed)) + b"".join(listed)


def custom(name: str, content: bytes) -> bytes:
    return section(0, text(name) + content)


def module(
    imports: Sequence[tuple[str, str]],
    exports: Sequence[tuple[str, int, int]],
    *,
    functions: int = 1,
    tables: Sequence[int] = (),
    note: str = "",
) -> bytes:
    """Imported and own functions of type () → (), one memory, tables of the given element types; valid for engines."""
    body = b"\0\x0b"
    parts = [
        section(1, vector([b"\x60\0\0"])),
        section(2, vector(text(place) + text(name) + b"\0\0" for place, name in imports)),
        section(3, vector([b"\0"] * functions)),
        section(4, vector(bytes([element, 0, 1]) for element in tables)),
        section(5, vector([b"\0\x01"])),
        section(7, vector(text(name) + bytes([kind]) + leb(index) for name, kind, index in exports)),
        section(10, vector([leb(len(body)) + body] * functions)),
        custom("note", note.encode()),
    ]
    return HEAD + b"".join(parts)


def wasm(stem: str, note: str = "", *, imports: Sequence[tuple[str, str]] = (), table: int = EXTERNREF) -> bytes:
    """The module of an island `stem`: logs, has a table for values, and exports what `glue` uses."""
    own = [(f"./{stem}_bg.js", LOG), (f"./{stem}_bg.js", TABLE_INIT), *imports]
    first = len(own)
    tables = [FUNCREF, EXTERNREF]
    exports = [
        ("memory", MEMORY, 0),
        ("render", FUNC, first),
        (REFS, TABLE, tables.index(table)),
        ("__wbindgen_start", FUNC, first),
    ]
    return module(own, exports, tables=tables, note=note)


GLUE = """\
/* @ts-self-types="./{stem}.d.ts" */
{head}
/** Calls wasm.nothing, or wasm.other(): so says this comment. */
export function render() {{
    wasm.render();
}}
function __wbg_get_imports() {{
    const import0 = {{
        __proto__: null,
        {log}: function(arg0) {{
            console.log(`${{arg0}}`, 'it\\'s "wasm.gone"', "{note}");
        }},
        {init}: function() {{
            const table = wasm.{refs};
            const offset = table.grow(4);
            table.set(0, undefined);
        }},
    }};
    return {{
        __proto__: null,
        "./{stem}_bg.js": import0,{more}
    }};
}}
let wasmModule, wasmInstance, wasm;
function __wbg_finalize_init(instance, module) {{
    wasm = instance.exports;
    new DataView(wasm.memory.buffer);
    wasm.__wbindgen_start();
    return wasm;
}}
async function __wbg_init(module_or_path) {{
    if (module_or_path === undefined) {{
        module_or_path = new URL('{stem}_bg.wasm', import.meta.url);
    }}
    const {{ instance, module }} = await WebAssembly.instantiateStreaming(fetch(module_or_path), __wbg_get_imports());
    return __wbg_finalize_init(instance, module);
}}
export {{ __wbg_init as default }};
"""
OLD_GLUE = """\
let wasm;
export function render() {{ wasm.render(); }}
function __wbg_get_imports() {{
    const imports = {{}};
    imports.wbg = {{}};
    imports.wbg.{log} = function(arg0) {{ console.log(arg0); }};
    imports.wbg.{init} = function() {{
        const table = wasm.{refs};
        table.grow(4);
    }};
    return imports;
}}
function __wbg_finalize_init(instance) {{ wasm = instance.exports; wasm.__wbindgen_start(); return wasm; }}
async function __wbg_init(path) {{
    if (typeof path === 'undefined') path = new URL('{stem}_bg.wasm', import.meta.url);
    return __wbg_finalize_init((await WebAssembly.instantiateStreaming(fetch(path), __wbg_get_imports())).instance);
}}
export default __wbg_init;
"""


def glue(stem: str, note: str = "", *, head: str = "", more: str = "") -> str:
    return GLUE.format(stem=stem, note=note, head=head, more=more, log=LOG, init=TABLE_INIT, refs=REFS)


def old_glue(stem: str) -> str:
    """As wasm-bindgen wrote it before 0.2.101."""
    return OLD_GLUE.format(stem=stem, log=LOG, init=TABLE_INIT, refs=REFS)


def island(stem: str, version: str, *, lean: bool = False) -> dict[str, bytes]:
    """The files of a bundle whose library is `stem`, `lean`: only those that count. Each version has its own bytes."""
    files = {
        f"{stem}.js": glue(stem, version).encode(),
        f"{stem}_bg.wasm": wasm(stem, version),
        "package.json": json.dumps({"name": stem, "version": version}).encode(),
    }
    more = {
        f"{stem}.d.ts": b"export function render(): void;\n",
        "snippets/side-0/inline0.js": b"export function side() { return 1; }\n",
    }
    return files if lean else files | more


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def tgz(path: Path, files: Mapping[str, bytes], below: str = "") -> Path:
    """An archive of the files, below a folder if one is named."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(below + name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    path.write_bytes(gzip.compress(plain.getvalue(), mtime=0))
    return path

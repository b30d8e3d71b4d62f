"""Which folders are bundles that a browser can load: modules and glue that fit each other, checked file by file."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

import support.wasm_modules as made
from hero_build.errors import InvalidBundle, UnsafeName
from hero_build.model.artifacts import WasmBundle
from hero_build.model.steps import Fetched, Verified
from hero_build.verify import glue
from hero_build.verify.bundle_files import GluePair, entry_pair
from hero_build.verify.check import verify
from hero_build.verify.expect import expect_for
from support.fetched import LINUX_MUSL

NOTES = WasmBundle("notes")


def verified(folder: Path, files: Mapping[str, bytes], bundle: WasmBundle = NOTES) -> Verified:
    tree = Fetched(bundle, path=made.write(folder, files), form="tree", sha256="", size=0)
    return verify(tree, expect_for(bundle, None, LINUX_MUSL))


def refusal(folder: Path, files: Mapping[str, bytes], bundle: WasmBundle = NOTES) -> InvalidBundle:
    with pytest.raises(InvalidBundle) as caught:
        verified(folder, files, bundle)
    assert caught.value.code == 5
    assert caught.value.hint
    assert bundle.name in caught.value.message
    return caught.value


def changed(name: str, content: bytes) -> dict[str, bytes]:
    return made.island("notes", "v1") | {name: content}


def without(name: str) -> dict[str, bytes]:
    return {key: value for key, value in made.island("notes", "v1").items() if key != name}


def test_an_island_becomes_a_file_for_each_file(tmp_path: Path) -> None:
    files = made.island("notes", "v1")
    result = verified(tmp_path / "b", files)
    assert result.checks == ("wasm", "glue")
    assert [str(file.dest) for file in result.files] == [
        f"share/hero_os/islands/notes/{name}" for name in sorted(files)
    ]
    assert all(file.path.read_bytes() == files[str(file.dest.relative_to(NOTES.folder))] for file in result.files)
    assert {file.mode for file in result.files} == {0o644}


def test_a_shell_has_a_folder_of_its_own(tmp_path: Path) -> None:
    files = made.island("hero_os_app", "v1") | {"index.html": b"<!doctype html>"}
    result = verified(tmp_path / "b", files, WasmBundle("hero_os_app", "shell"))
    assert PurePosixPath("share/hero_os/shell/index.html") in {file.dest for file in result.files}


def test_glue_of_older_wasm_bindgen_is_understood(tmp_path: Path) -> None:
    own = [("wbg", made.LOG), ("wbg", made.TABLE_INIT)]
    exports = [("memory", 2, 0), ("render", 0, 2), (made.REFS, 1, 0), ("__wbindgen_start", 0, 2)]
    module = made.module(own, exports, tables=[made.EXTERNREF])
    files = {"notes.js": made.old_glue("notes").encode(), "notes_bg.wasm": module}
    assert verified(tmp_path / "b", files).checks == ("wasm", "glue")
    files["notes_bg.wasm"] = made.module([*own, ("wbg", "__wbg_new_1")], exports, tables=[made.EXTERNREF])
    assert "does not provide __wbg_new_1 (from 'wbg')" in refusal(tmp_path / "b", files).message


def test_minified_glue_is_taken_as_far_as_it_can_be_read(tmp_path: Path) -> None:
    code = f"let w;const i={{__proto__:null,{made.LOG}(e){{console.log(e)}},{made.TABLE_INIT}:()=>w.t.grow(4)}};"
    code += "async function n(){w=(await WebAssembly.instantiate(await fetch(new URL('notes_bg.wasm',import.meta.url)),"
    code += "{'./notes_bg.js':i})).instance.exports}export{n as default};"
    assert verified(tmp_path / "b", changed("notes.js", code.encode())).checks == ("wasm", "glue")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("notes_bg.wasm", b"", "notes_bg.wasm of the bundle notes is an empty file, not a WebAssembly module"),
        ("notes_bg.wasm", made.glue("notes").encode(), "notes_bg.wasm of the bundle notes is a text that begins with"),
        ("notes_bg.wasm", b"<html>404", "notes_bg.wasm of the bundle notes is an HTML page"),
        ("notes_bg.wasm", made.wasm("notes")[:90], "notes_bg.wasm of the bundle notes is cut short"),
        ("other.wasm", b"\0asm", "other.wasm of the bundle notes is WebAssembly of the unknown version"),
        ("notes.js", b"", "notes.js of the bundle notes is an empty file, not JavaScript"),
        ("notes.js", b"\n<!DOCTYPE html><title>x", "notes.js of the bundle notes is an HTML page"),
        ("notes.js", b'{"message": "not found"}', "notes.js of the bundle notes is a JSON document"),
        ("notes.js", made.wasm("notes"), "notes.js of the bundle notes is a WebAssembly module, not JavaScript"),
        ("notes.js", b"// \xff\xfe", "notes.js of the bundle notes is not UTF-8 text"),
        ("notes.js", b"export const x = 1;", "loads no WebAssembly: it was built for another target"),
        ("notes.js", made.glue("notes").replace("as default", "as init").encode(), "has no default export"),
        ("notes.js", made.glue("other").encode(), "loads other_bg.wasm, not notes_bg.wasm"),
    ],
)
def test_unexpected_content_is_described(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    assert words in refusal(tmp_path / "b", changed(name, content)).message


def test_a_module_must_be_there_with_its_glue(tmp_path: Path) -> None:
    error = refusal(tmp_path / "b", without("notes_bg.wasm"))
    assert "the bundle notes has no WebAssembly module in it" in error.message
    error = refusal(tmp_path / "c", without("notes.js"))
    assert "notes_bg.wasm of the bundle notes has no glue" in error.message
    assert "<name>.js" in error.hint


def test_two_that_could_be_meant_are_an_error_and_a_name_decides(tmp_path: Path) -> None:
    two = made.island("one", "v1") | made.island("two", "v1")
    error = refusal(tmp_path / "b", two)
    assert "it is unclear which file loads the bundle notes: one.js, two.js" in error.message
    assert verified(tmp_path / "c", two, WasmBundle("two")).checks == ("wasm", "glue")


def test_an_import_that_the_glue_lacks_is_named(tmp_path: Path) -> None:
    module = made.wasm("notes", imports=[("./notes_bg.js", "__wbg_alert_1")])
    error = refusal(tmp_path / "b", changed("notes_bg.wasm", module))
    assert "does not provide __wbg_alert_1 (from './notes_bg.js'), which notes_bg.wasm imports" in error.message


def test_an_import_of_the_c_library_that_no_browser_has_is_named(tmp_path: Path) -> None:
    """As wasm-bindgen passes on an `extern "C"` that nothing defines: `import * as import1 from "env"`."""
    code = made.glue("notes", head='import * as import1 from "env"', more='\n        "env": import1,')
    files = made.island("notes", "v1") | {
        "notes.js": code.encode(),
        "notes_bg.wasm": made.wasm("notes", imports=[("env", "getrandom")]),
    }
    assert "does not provide getrandom (from 'env')" in refusal(tmp_path / "b", files).message


SNIPPET = "./snippets/side-0/inline0.js"


def direct(name: str = "side", path: str = SNIPPET) -> dict[str, bytes]:
    """An island whose module imports straight from a snippet."""
    code = made.glue("notes", head=f'import * as import1 from "{path}"', more=f'\n        "{path}": import1,')
    module = made.wasm("notes", imports=[(path, name)])
    return made.island("notes", "v1") | {"notes.js": code.encode(), "notes_bg.wasm": module}


def test_a_snippet_provides_imports_of_a_module(tmp_path: Path) -> None:
    assert verified(tmp_path / "b", direct()).checks == ("wasm", "glue")
    again = direct("other") | {SNIPPET[2:]: b"export * from './deeper.js';"}
    assert verified(tmp_path / "c", again).checks == ("wasm", "glue")


def test_a_snippet_without_the_name_or_without_words_is_refused(tmp_path: Path) -> None:
    assert "imports outside from ./snippets/side-0/inline0.js, which does not export it" in (
        refusal(tmp_path / "b", direct("outside")).message
    )
    empty = direct() | {SNIPPET[2:]: b" \n"}
    assert "imports ./snippets/side-0/inline0.js, which is" in refusal(tmp_path / "c", empty).message


@pytest.mark.parametrize("line", ["import {{ a }} from '{}';", 'import "{}";', "import * as import1 from '{}'"])
def test_a_snippet_that_is_not_there_is_named(tmp_path: Path, line: str) -> None:
    code = made.glue("notes", head=line.format("./snippets/gone/inline0.js"))
    error = refusal(tmp_path / "b", changed("notes.js", code.encode()))
    assert (
        "notes.js of the bundle notes imports ./snippets/gone/inline0.js, which is not in the bundle" in error.message
    )


def test_exports_that_the_glue_uses_must_exist(tmp_path: Path) -> None:
    code = made.glue("notes") + "export function more() { return wasm.more(1); }\n"
    error = refusal(tmp_path / "b", changed("notes.js", code.encode()))
    assert "uses more, which notes_bg.wasm does not export" in error.message


def test_a_start_that_is_gone_is_noticed(tmp_path: Path) -> None:
    module = made.module([("./notes_bg.js", made.LOG), ("./notes_bg.js", made.TABLE_INIT)], [("render", 0, 2)])
    assert "does not export" in refusal(tmp_path / "b", changed("notes_bg.wasm", module)).message


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("wasm.memory();", "uses memory as a function, and notes_bg.wasm exports a memory by that name"),
        ("wasm.render.buffer;", "uses render as a memory, and notes_bg.wasm exports a function by that name"),
        ("wasm.render.set(0, 1);", "uses render as a table, and notes_bg.wasm exports a function by that name"),
        ('wasm["gone"](1);', "uses gone, which"),
    ],
)
def test_an_export_of_another_kind_is_named(tmp_path: Path, code: str, words: str) -> None:
    glue_text = made.glue("notes") + f"export function more() {{ {code} }}\n"
    assert words in refusal(tmp_path / "b", changed("notes.js", glue_text.encode())).message


def test_the_wrong_table_that_binaryen_108_exports_is_noticed(tmp_path: Path) -> None:
    error = refusal(tmp_path / "b", changed("notes_bg.wasm", made.wasm("notes", table=made.FUNCREF)))
    assert f"fills the table {made.REFS} with values, and notes_bg.wasm exports a table of functions" in error.message
    assert "newer wasm-opt" in error.hint


def test_hints_differ_for_built_and_published_bundles(tmp_path: Path) -> None:
    assert "--reset" in refusal(tmp_path / "b", changed("notes_bg.wasm", b"")).hint
    path = made.tgz(tmp_path / "a", changed("notes_bg.wasm", b""))
    with pytest.raises(InvalidBundle) as caught:
        verify(
            Fetched(NOTES, path=path, form="archive", sha256="", size=path.stat().st_size),
            expect_for(NOTES, None, LINUX_MUSL),
        )
    assert "--version TAG" in caught.value.hint


# what a build may have left in its folder


def test_a_link_in_the_folder_is_refused_wherever_it_leads(tmp_path: Path) -> None:
    made.write(tmp_path / "b", made.island("notes", "v1"))
    (tmp_path / "b" / "again.js").symlink_to("notes.js")
    assert "contains 'again.js', which is a link" in refusal(tmp_path / "b", {}).message


def test_a_name_that_terminals_would_act_on_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path / "b", changed("a\x1b[31m.js", b""))
    assert "which is not a valid file name in a bundle" in error.message
    assert "\x1b" not in error.message


@pytest.mark.parametrize("name", ["a/b", "..", "\x1b[31mred", "", "islands.json", "a\nb", "x" * 256])
def test_a_bundle_s_own_name_is_checked(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnsafeName) as caught:
        verified(tmp_path / "b", {}, WasmBundle(name))
    assert "\x1b" not in caught.value.message


def test_a_folder_that_is_not_there_was_not_built(tmp_path: Path) -> None:
    with pytest.raises(InvalidBundle, match="the bundle notes was not built"):
        verify(
            Fetched(NOTES, path=tmp_path / "none", form="tree", sha256="", size=0), expect_for(NOTES, None, LINUX_MUSL)
        )


# the rules behind it


@pytest.mark.parametrize(
    ("bundle", "names", "loaded"),
    [
        ("my-island", ["my_island.js", "my_island_bg.wasm"], "my_island.js"),
        ("notes", ["a.js", "a_bg.wasm", "deep/b.js", "deep/b_bg.wasm"], "a.js"),
        ("notes", ["a.js", "a_bg.wasm", "b.js", "b_bg.wasm"], None),
        ("notes", ["a.js", "b_bg.wasm"], None),
        ("notes", ["wasm/x-1.js", "wasm/x-1_bg.wasm", "index.html"], "wasm/x-1.js"),
        ("notes", [], None),
    ],
)
def test_which_file_a_page_loads(bundle: str, names: list[str], loaded: str | None) -> None:
    pair = entry_pair(bundle, names)
    assert pair == (GluePair(loaded, loaded.removesuffix(".js") + "_bg.wasm") if loaded else None)


def test_comments_and_strings_use_nothing() -> None:
    code = """/* wasm.a() */ // wasm.b()
    let x = "wasm.c", y = 'say "wasm.d()"', z = `wasm.e(${1})`; other.wasm.f; wasm.g();"""
    assert set(glue.parse(code).used) == {"g"}
    assert glue.parse("/* never closed wasm.a()").used == {}
    assert set(glue.parse('"not closed\nwasm.b();').used) == {"b"}


@given(st.text(st.sampled_from("\"'`/*\\\n wasm.x(){}=;:"), max_size=200))
def test_any_text_is_read(text: str) -> None:
    parsed = glue.parse(text)
    assert all(name in text for name in parsed.used)


def test_reading_glue_takes_time_by_its_size_only() -> None:
    """Each of these made a reader without care go back to the beginning for every character."""
    for piece in ("/*", "`", '"', "'\\", "\\", "wasm.", "a=wasm.b", "a", "a\n", "from "):
        assert glue.parse(piece * 200_000).loads is False


def test_apple_double_files_in_a_folder_are_skipped(tmp_path: Path) -> None:
    """A folder that was on a foreign disk has them, too."""
    files = made.island("notes", "v1")
    attributes = {"._notes.js": b"\x00\x05\x16\x07", "snippets/._x.js": b"\x00\x05\x16\x07", "__MACOSX/x": b"x"}
    result = verified(tmp_path / "notes", files | attributes)
    assert {str(file.dest.relative_to(NOTES.folder)) for file in result.files} == set(files)

"""What a module says of itself is read as it is, and nothing that is none passes or breaks the reader."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import support.wasm_modules as made
from hero_build.verify import wasm
from hero_build.verify.sniff import InvalidFormat
from hero_build.verify.wasm import Export, Import, Module


def read(path: Path, raw: bytes) -> Module:
    path.write_bytes(raw)
    file = os.open(path, os.O_RDONLY)
    try:
        return wasm.read(file, len(raw))
    finally:
        os.close(file)


def refusal(path: Path, raw: bytes) -> str:
    with pytest.raises(InvalidFormat) as caught:
        read(path, raw)
    return str(caught.value)


def reads(path: Path, raw: bytes) -> Module | None:
    """The module, or None where it was refused; nothing else may come of any bytes."""
    try:
        return read(path, raw)
    except InvalidFormat:
        return None


def test_imports_exports_and_tables_are_read(tmp_path: Path) -> None:
    module = read(tmp_path / "m", made.wasm("x", imports=[("./snippets/a.js", "side")]))
    assert module.imports[-1] == Import("./snippets/a.js", "side", "function")
    assert {item.name for item in module.imports} == {made.LOG, made.TABLE_INIT, "side"}
    assert module.exports == {
        "memory": Export("memory"),
        "render": Export("function"),
        made.REFS: Export("table", "externref"),
        "__wbindgen_start": Export("function"),
    }


def test_imports_of_every_kind_are_passed_over_in_full(tmp_path: Path) -> None:
    kinds = {
        "f": b"\x00\x00",
        "t": b"\x01\x70\x01\x01\x80\x01",  # funcref, 1 to 128
        "t64": b"\x01\x6f\x04\x80\x80\x80\x80\x80\x01",  # externref, 64-bit limits
        "ref": b"\x01\x63\x80\x01\x00\x00",  # a table of references to type 128
        "m": b"\x02\x03\x01\x10",  # shared memory
        "paged": b"\x02\x08\x01\x00",  # memory with pages of its own size
        "g": b"\x03\x7f\x01",
        "gref": b"\x03\x64\x6f\x00",
        "tag": b"\x04\x00\x00",
    }
    content = made.vector(made.text("env") + made.text(name) + kind for name, kind in kinds.items())
    exports = made.vector(
        [made.text("own") + b"\x01\x03", made.text("theirs") + b"\x01\x01", made.text("tag") + b"\x04\x00"]
    )
    raw = made.HEAD + made.section(2, content) + made.section(4, made.vector([b"\x70\x00\x00"]))
    module = read(tmp_path / "m", raw + made.section(7, exports))
    assert [item.name for item in module.imports] == list(kinds)
    assert module.exports == {
        "own": Export("table", "funcref"),
        "theirs": Export("table", "externref"),
        "tag": Export("tag"),
    }


def test_a_table_with_an_initial_value_has_an_unknown_type(tmp_path: Path) -> None:
    tables = made.section(4, b"\x02\x70\x00\x01" + b"\x40\x00\x6f\x00\x01\xd0\x6f\x0b")
    exports = made.section(7, made.vector([made.text("a") + b"\x01\x00", made.text("b") + b"\x01\x01"]))
    module = read(tmp_path / "m", made.HEAD + tables + exports)
    assert module.exports == {"a": Export("table", "funcref"), "b": Export("table")}


def test_custom_sections_may_stand_anywhere(tmp_path: Path) -> None:
    whole = made.wasm("x")
    odd = made.HEAD + made.custom("first", b"1") + whole[8:] + made.custom("last", b"2")
    assert read(tmp_path / "m", odd) == read(tmp_path / "m", whole)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "is an empty file, not a WebAssembly module"),
        (b"let wasm;\nexport function x() {}\n", "is a text that begins with 'let wasm;', not a WebAssembly module"),
        (b"<!doctype html><title>404</title>", "is an HTML page that begins with '<!doctype html>"),
        (b"\x7fELF\x02\x01", "is an ELF file"),
        (b"\0asm", "of the unknown version none"),
        (b"\0asm\x02\0\0\0", "of the unknown version 02 00 00 00"),
        (b"\0asm\x0d\0\x01\0", "is a WebAssembly component"),
        (made.HEAD, "is an empty WebAssembly module"),
        (made.HEAD + made.custom("only", b"x"), "is an empty WebAssembly module"),
        (made.HEAD + b"\x07", "the head of a section ends too soon"),
        (made.HEAD + b"\x07\x05\0", "is cut short: its export section ends at byte 15, and it has 11 bytes"),
        (made.HEAD + b"\x07\xff\xff\xff\xff\xff\0", "has a number that is too large"),
        (made.HEAD + made.section(77, b"\0"), "a section of the unknown kind 77"),
        (made.HEAD + made.section(7, b"\0") + made.section(2, b"\0"), "its import section is not where it should be"),
        (made.HEAD + made.section(7, b"\0") * 2, "its export section is not where it should be"),
        (made.HEAD + made.section(3, b"\x01\0"), "not every function in it has its code"),
        (made.HEAD + made.section(2, b"\xff\xff\x03"), "its import section has fewer items than its count (65535)"),
        (made.HEAD + made.section(2, b"\x01\x7fx"), "its import section ends inside a name"),
        (made.HEAD + made.section(2, b"\x01\xff\xff\x7fx"), "has a name of 2097151 bytes"),
        (made.HEAD + made.section(2, b"\x01\x01\xff\x01x\0\0"), "has a name that is not UTF-8"),
        (made.HEAD + made.section(2, b"\x01\x01a\x01b\x09\0"), "has an item of the unknown kind 9"),
        (made.HEAD + made.section(2, b"\x01\x01a\x01b\x02\x40\0"), "has limits of the unknown kind 64"),
        (made.HEAD + made.section(2, b"\0\0"), "its import section has data after its end"),
        (made.HEAD + made.section(7, b"\x01\x01a\0\0"), "exports as 'a' a function that it does not have"),
        (
            made.HEAD + made.section(5, b"\x01\0\x01") + made.section(7, b"\x02\x01a\x02\0\x01a\x02\0"),
            "it exports 'a' twice",
        ),
        (made.HEAD + made.custom("", b"") * 10_001, "has more than 10000 sections"),
    ],
)
def test_invalid_modules_are_described(tmp_path: Path, raw: bytes, words: str) -> None:
    assert words in refusal(tmp_path / "m", raw)


def test_a_huge_section_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wasm, "_SECTION_MAX", 100)
    assert "has an import section of 0 MB" in refusal(tmp_path / "m", made.HEAD + made.section(2, bytes(200)))


def test_a_module_cut_anywhere_is_refused_but_between_sections(tmp_path: Path) -> None:
    whole = made.wasm("x")
    passed = [cut for cut in range(len(whole)) if reads(tmp_path / "m", whole[:cut])]
    assert [whole[cut] for cut in passed] == [2, 3, 0]  # what comes next: imports; functions, which want code; a note


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_the_bytes_it_is_a_module_or_a_refusal(tmp_path: Path, data: st.DataObject) -> None:
    raw = bytearray(made.wasm("x", "note"))
    places = st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 255))
    for offset, value in data.draw(st.lists(places, max_size=5)):
        raw[offset] = value
    raw = raw[: data.draw(st.integers(0, len(raw)))] + data.draw(st.binary(max_size=12))
    module = reads(tmp_path / "m", bytes(raw))
    assert module is None or len(module.exports) <= 4


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(content=st.dictionaries(st.sampled_from([2, 3, 4, 5, 6, 7, 10, 13]), st.binary(max_size=40)))
def test_sections_of_any_bytes_are_read_or_refused(tmp_path: Path, content: dict[int, bytes]) -> None:
    order = [2, 3, 4, 5, 13, 6, 7, 10]
    raw = made.HEAD + b"".join(made.section(number, content[number]) for number in order if number in content)
    module = reads(tmp_path / "m", raw)
    assert module is None or len(module.imports) <= len(content.get(2, b""))


def test_handmade_modules_are_valid_for_engines(toolchain: Path, tmp_path: Path) -> None:
    (tmp_path / "m.wasm").write_bytes(made.wasm("x", imports=[("env", "f")]))
    done = subprocess.run(
        [toolchain / "wasm-opt", "-all", "-S", "-o", "-", tmp_path / "m.wasm"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert f'(export "{made.REFS}" (table $1))' in done.stdout

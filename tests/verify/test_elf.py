"""Which ELF files are the program that was asked for: real ones of the C compiler, and those with bytes changed."""

import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hero_build.errors import InvalidBinary, Unsupported
from hero_build.model.artifacts import Platform
from hero_build.model.installed import Elf
from hero_build.verify.elf import inspect
from hero_build.verify.expect import Expect, host_glibc
from support.elf_files import compiled, libc_elf, shared_bytes, shared_elf, static_bytes, static_elf
from support.fetched import ARCH, HOST, LINUX_GNU, LINUX_MUSL

GLIBC = host_glibc()
needs_glibc = pytest.mark.skipif(GLIBC is None, reason="this machine's C compiler makes no programs for glibc")


def _expect(platform: Platform = LINUX_MUSL, glibc: tuple[int, int] | None = GLIBC) -> Expect:
    return Expect("prog", sha256=None, size=None, platform=platform, glibc=glibc)


def _refusal(path: Path, expect: Expect | None = None, *, shared: bool = False) -> InvalidBinary:
    with pytest.raises(InvalidBinary) as caught:
        inspect(path, expect or _expect(), shared=shared)
    assert caught.value.message.startswith("prog ")
    assert caught.value.hint
    return caught.value


def _write(path: Path, raw: bytes) -> Path:
    path.write_bytes(raw)
    return path


def _patched(path: Path, offset: int, form: str, *values: int) -> Path:
    """The small static program with one field of its headers changed."""
    raw = bytearray(static_bytes(b"x\n"))
    struct.pack_into(form, raw, offset, *values)
    return _write(path, bytes(raw))


def _segments(raw: bytes | bytearray) -> list[int]:
    """The file offsets of the program headers."""
    (phoff,) = struct.unpack_from("<Q", raw, 32)
    (phnum,) = struct.unpack_from("<H", raw, 56)
    return [phoff + 56 * index for index in range(phnum)]


def _kind(raw: bytes | bytearray, at: int) -> int:
    kind: int = struct.unpack_from("<I", raw, at)[0]
    return kind


# what is accepted


@pytest.mark.parametrize("platform", [LINUX_MUSL, LINUX_GNU])
def test_a_static_program_has_the_libc_it_was_published_under(tmp_path: Path, platform: Platform) -> None:
    path = static_elf(tmp_path / "p", b"v1\n", 1 << 20)
    assert inspect(path, _expect(platform), shared=False) == Elf(HOST, platform.libc, static=True)
    assert subprocess.run([path, "--version"], capture_output=True, check=True).stdout == b"v1\n"


@pytest.mark.parametrize("flags", [("-static",), ("-static-pie",)])
def test_static_programs_of_the_c_compiler_are_programs(tmp_path: Path, flags: tuple[str, ...]) -> None:
    path = libc_elf(tmp_path / "p", b"x\n", *flags)
    assert inspect(path, _expect(), shared=False) == Elf(HOST, "musl", static=True)


@needs_glibc
@pytest.mark.parametrize("flags", [(), ("-no-pie",)])
def test_dynamic_programs_are_gnu(tmp_path: Path, flags: tuple[str, ...]) -> None:
    path = libc_elf(tmp_path / "p", b"x\n", *flags)
    assert inspect(path, _expect(LINUX_GNU), shared=False) == Elf(HOST, "gnu", static=False)


@needs_glibc
def test_a_stripped_program_without_section_headers_is_still_one(tmp_path: Path) -> None:
    raw = bytearray(libc_elf(tmp_path / "p", b"x\n").read_bytes())
    struct.pack_into("<Q", raw, 40, 0)
    struct.pack_into("<HHH", raw, 58, 0, 0, 0)
    assert inspect(_write(tmp_path / "s", bytes(raw)), _expect(LINUX_GNU), shared=False).static is False


@needs_glibc
def test_a_dynamic_musl_program_is_musl(tmp_path: Path) -> None:
    assert inspect(_musl(tmp_path), _expect(LINUX_MUSL), shared=False) == Elf(HOST, "musl", static=False)


@needs_glibc
def test_a_shared_library_is_a_library(tmp_path: Path) -> None:
    assert inspect(shared_elf(tmp_path / "l"), _expect(LINUX_GNU), shared=True).static is False


def test_this_python_passes() -> None:
    assert inspect(Path(sys.executable).resolve(), _expect(LINUX_GNU), shared=False).machine == HOST


# what is refused


def test_a_shared_library_is_no_program(tmp_path: Path) -> None:
    assert _refusal(shared_elf(tmp_path / "l"), _expect(LINUX_GNU)).message == "prog is a shared library, not a program"


def test_a_program_is_no_shared_library(tmp_path: Path) -> None:
    path = static_elf(tmp_path / "p", b"x\n")
    assert "is a program, not a shared library" in _refusal(path, shared=True).message


def test_an_object_file_is_no_program(tmp_path: Path) -> None:
    raw = compiled("object.c", "int main(void) { return 0; }\n", ("-c",))
    assert "is an object file (.o)" in _refusal(_write(tmp_path / "p", raw)).message


def test_a_program_for_another_machine_says_both(tmp_path: Path) -> None:
    other, number, name = ("arm64", 183, "aarch64") if ARCH == "amd64" else ("amd64", 62, "x86_64")
    path = _patched(tmp_path / "p", 18, "<H", number)
    assert f"is for {name}, not for {HOST}" in _refusal(path).message
    assert inspect(path, _expect(Platform(other, "musl")), shared=False).machine == name


@pytest.mark.parametrize(("number", "name"), [(40, "32-bit ARM"), (243, "RISC-V"), (9999, "machine 9999")])
def test_machines_are_named(tmp_path: Path, number: int, name: str) -> None:
    assert f"is for {name}, not for {HOST}" in _refusal(_patched(tmp_path / "p", 18, "<H", number)).message


@pytest.mark.parametrize(
    ("offset", "form", "value", "words"),
    [
        (4, "B", 1, "32-bit program"),
        (4, "B", 7, "damaged ELF header"),
        (5, "B", 2, "big-endian program"),
        (5, "B", 0, "damaged ELF header"),
        (6, "B", 0, "damaged ELF header"),
        (7, "B", 9, "another system (OS/ABI 9)"),
        (16, "<H", 0, "has no type"),
        (16, "<H", 4, "core dump"),
        (16, "<H", 99, "unknown ELF type 99"),
        (20, "<I", 2, "damaged ELF header"),
        (24, "<Q", 0, "starts at 0x0, where it has no code"),
        (24, "<Q", 0x401000, "starts at 0x401000, where it has no code"),
        (32, "<Q", 1 << 40, "point past its end"),
        (32, "<Q", (1 << 64) - 1, "point past its end"),
        (40, "<Q", 1 << 40, "point past its end"),
        (52, "<H", 52, "damaged ELF header"),
        (54, "<H", 32, "damaged ELF header"),
        (56, "<H", 0, "nothing to load"),
        (56, "<H", 0xFFFF, "point past its end"),
        (58, "<H", 40, "damaged ELF header"),
    ],
)
@pytest.mark.skipif(ARCH != "amd64", reason="the addresses are those of the x86-64 linker")
def test_a_changed_header_field_is_named(tmp_path: Path, offset: int, form: str, value: int, words: str) -> None:
    assert words in _refusal(_patched(tmp_path / "p", offset, form, value)).message


def _change_segment(kind: int, field: int, form: str, value: int) -> bytes:
    raw = bytearray(static_bytes(b"x\n"))
    at = next(at for at in _segments(raw) if _kind(raw, at) == kind)
    struct.pack_into(form, raw, at + field, value)
    return bytes(raw)


@pytest.mark.parametrize(
    ("field", "form", "value", "words"),
    [
        (8, "<Q", 1 << 50, "segment that points past its end"),
        (32, "<Q", 1 << 50, "segment that points past its end"),
        (40, "<Q", 0, "larger in the file than in memory"),
        (4, "<I", 4, "where it has no code"),
    ],
)
def test_a_changed_segment_is_named(tmp_path: Path, field: int, form: str, value: int, words: str) -> None:
    assert words in _refusal(_write(tmp_path / "p", _change_segment(1, field=field, form=form, value=value))).message


def test_a_program_with_nothing_to_load_is_refused(tmp_path: Path) -> None:
    raw = bytearray(static_bytes(b"x\n"))
    for at in _segments(raw):
        struct.pack_into("<I", raw, at, 4)
    assert "nothing to load" in _refusal(_write(tmp_path / "p", bytes(raw))).message


@pytest.mark.parametrize("kept", [4, 20, 63, 64, 100, 4000])
def test_a_truncated_program_is_refused_without_a_known_size(tmp_path: Path, kept: int) -> None:
    message = _refusal(_write(tmp_path / "p", static_bytes(b"x\n")[:kept])).message
    assert "cut short" in message or "inside its ELF header" in message


def test_an_unknown_architecture_is_unsupported(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="riscv64"):
        inspect(static_elf(tmp_path / "p", b"x\n"), _expect(Platform("riscv64", "musl")), shared=False)


# loaders and GLIBC


def _loader(tmp_path: Path, loader: bytes) -> Path:
    """A dynamic program that asks for another loader, of at most the same length."""
    raw = libc_elf(tmp_path / "dynamic", b"x\n").read_bytes()
    at = next(at for at in _segments(raw) if _kind(raw, at) == 3)
    offset, size = struct.unpack_from("<Q", raw, at + 8)[0], struct.unpack_from("<Q", raw, at + 32)[0]
    assert len(loader) <= size
    return _write(tmp_path / "p", raw[:offset] + loader.ljust(size, b"\0") + raw[offset + size :])


def _musl(tmp_path: Path) -> Path:
    raw = _loader(tmp_path, f"/lib/ld-musl-{HOST}.so.1".encode()).read_bytes()
    return _write(tmp_path / "p", raw.replace(b"\0GLIBC_2.", b"\0XLIBC_2."))


@needs_glibc
def test_a_gnu_program_under_a_musl_name_is_refused(tmp_path: Path) -> None:
    message = _refusal(libc_elf(tmp_path / "p", b"x\n"), _expect(LINUX_MUSL)).message
    assert f"is linked to gnu (/lib64/ld-linux-x86-64.so.2), expected {LINUX_MUSL}" in message or ARCH != "amd64"
    assert "is linked to gnu" in message


@needs_glibc
def test_a_musl_program_under_a_gnu_name_is_refused(tmp_path: Path) -> None:
    assert "is linked to musl" in _refusal(_musl(tmp_path), _expect(LINUX_GNU)).message


@needs_glibc
@pytest.mark.parametrize(
    ("loader", "words"),
    [
        (b"/lib/ld.so.1", "'/lib/ld.so.1', which is neither glibc's nor musl's"),
        (b"", "name is damaged"),
        (b"ld-linux", "name is damaged"),
        (b"/\x1b[31m", "name is damaged"),
        (b"/" + b"x" * 20, "neither glibc's nor musl's"),
    ],
)
def test_a_strange_loader_is_refused(tmp_path: Path, loader: bytes, words: str) -> None:
    assert words in _refusal(_loader(tmp_path, loader), _expect(LINUX_GNU)).message


@needs_glibc
@pytest.mark.parametrize(("field", "value"), [(32, 0), (8, 0)])
def test_a_loader_s_name_outside_its_segment_is_damaged(tmp_path: Path, field: int, value: int) -> None:
    raw = bytearray(libc_elf(tmp_path / "d", b"x\n").read_bytes())
    at = next(at for at in _segments(raw) if _kind(raw, at) == 3)
    struct.pack_into("<Q", raw, at + field, value)
    if field == 32:
        struct.pack_into("<Q", raw, at + 8, (1 << 64) - 1)
    assert "name is damaged" in _refusal(_write(tmp_path / "p", bytes(raw)), _expect(LINUX_GNU)).message


def _newer(raw: bytes) -> bytes:
    """The same file needing GLIBC 9.99: its newest version's name is exchanged for one of the same length."""
    assert GLIBC is not None
    names = [f"GLIBC_2.{minor}\0".encode() for minor in range(10, GLIBC[1] + 1)]
    newest = next(name for name in reversed(names) if name in raw)
    return raw.replace(newest, b"GLIBC_9.99\0")


@needs_glibc
@pytest.mark.skipif(ARCH != "amd64", reason="the C library of x86-64 is old enough for two-digit versions")
def test_a_program_that_needs_a_newer_glibc_says_both(tmp_path: Path) -> None:
    path = _write(tmp_path / "p", _newer(libc_elf(tmp_path / "d", b"x\n").read_bytes()))
    error = _refusal(path, _expect(LINUX_GNU, (2, 36)))
    assert error.message == "prog needs GLIBC 9.99, and this machine has 2.36"
    assert "--version" in error.hint
    assert inspect(path, _expect(LINUX_GNU, (9, 99)), shared=False).libc == "gnu"


@needs_glibc
def test_versions_are_numbers_not_text(tmp_path: Path) -> None:
    path = libc_elf(tmp_path / "p", b"x\n")
    assert inspect(path, _expect(LINUX_GNU, (2, 100)), shared=False).libc == "gnu"
    assert "this machine has 2.0" in _refusal(path, _expect(LINUX_GNU, (2, 0))).message


@needs_glibc
def test_a_machine_without_glibc_says_so(tmp_path: Path) -> None:
    assert "this machine has no glibc" in _refusal(libc_elf(tmp_path / "p", b"x\n"), _expect(LINUX_GNU, None)).message


@needs_glibc
def test_a_library_that_needs_a_newer_glibc_is_refused(tmp_path: Path) -> None:
    raw = shared_bytes().replace(b"GLIBC_2.2.5\0", b"GLIBC_9.9.5\0")
    if b"GLIBC_9.9.5" not in raw:
        pytest.skip("this compiler's library needs no version that could be exchanged")
    error = _refusal(_write(tmp_path / "l", raw), _expect(LINUX_GNU), shared=True)
    assert "needs GLIBC 9.9, and this machine has" in error.message


@needs_glibc
def test_damaged_version_tables_are_refused(tmp_path: Path) -> None:
    whole = libc_elf(tmp_path / "d", b"x\n").read_bytes()
    need = _table(whole, VERNEED)
    changes = (
        (_tag(whole, STRTAB) + 8, "<Q", 1 << 40),  # the string table
        (_tag(whole, VERNEED) + 8, "<Q", 1 << 40),
        (_tag(whole, VERNEEDNUM) + 8, "<Q", 0),
        (_tag(whole, VERNEEDNUM) + 8, "<Q", 0xFFFFFFFF),
        (need + 12, "<I", 0xFFFFFFF0),  # vn_next
        (need + 2, "<H", 0xFFFF),  # vn_cnt
        (need + 8, "<I", 0xFFFFFFF0),  # vn_aux
        (need + 16 + 8, "<I", 0xFFFFFFF0),  # vna_name
    )
    for offset, form, value in changes:
        raw = bytearray(whole)
        struct.pack_into(form, raw, offset, value)
        path = _write(tmp_path / "p", bytes(raw))
        assert "damaged version tables" in _refusal(path, _expect(LINUX_GNU)).message, (offset, form, value)


# what starts on this machine

STRTAB, VERNEED, VERNEEDNUM = 5, 0x6FFFFFFE, 0x6FFFFFFF


def _here(platform: Platform = LINUX_GNU) -> Expect:
    return replace(_expect(platform), here=True)


def _tag(raw: bytes, tag: int) -> int:
    """The file offset of an entry of PT_DYNAMIC."""
    at = next(at for at in _segments(raw) if _kind(raw, at) == 2)
    offset, size = struct.unpack_from("<Q", raw, at + 8)[0], struct.unpack_from("<Q", raw, at + 32)[0]
    return next(entry for entry in range(offset, offset + size, 16) if struct.unpack_from("<q", raw, entry)[0] == tag)


def _table(raw: bytes, tag: int) -> int:
    """The file offset of a table in the first segment, where addresses are offsets."""
    offset: int = struct.unpack_from("<Q", raw, _tag(raw, tag) + 8)[0]
    return offset


def _sectionless(raw: bytes) -> bytes:
    """The same file without section headers."""
    stripped = bytearray(raw)
    struct.pack_into("<Q", stripped, 40, 0)
    struct.pack_into("<HHH", stripped, 58, 0, 0, 0)
    return bytes(stripped)


def _renamed(raw: bytes, name: bytes) -> bytes:
    """The same file needing another version than its GLIBC_2.2.5, with a name that is not longer."""
    assert b"GLIBC_2.2.5\0" in raw
    assert len(name) <= len(b"GLIBC_2.2.5")
    return raw.replace(b"GLIBC_2.2.5\0", name.ljust(len(b"GLIBC_2.2.5"), b"\0") + b"\0")


@needs_glibc
@pytest.mark.parametrize("flags", [(), ("-no-pie",), ("-s",)])
def test_a_program_of_this_machine_s_compiler_starts_here(tmp_path: Path, flags: tuple[str, ...]) -> None:
    path = libc_elf(tmp_path / "p", b"x\n", *flags)
    for raw in (path.read_bytes(), _sectionless(path.read_bytes())):
        assert inspect(_write(tmp_path / "q", raw), _here(), shared=False).libc == "gnu"
    assert inspect(shared_elf(tmp_path / "l"), _here(), shared=True).libc == "gnu"


@needs_glibc
def test_this_machine_s_programs_and_libraries_start_here() -> None:
    """Whatever needs they have: of libm, libstdc++, the loader, private ones."""
    folder = Path(os.path.realpath(f"/lib/{HOST}-linux-gnu"))
    libraries = [path for path in folder.glob("lib*.so.[0-9]") if path.is_file()]
    assert libraries
    for path in libraries:
        assert inspect(path.resolve(), _here(), shared=True).machine == HOST, path
    assert inspect(Path(sys.executable).resolve(), _here(), shared=False).libc == "gnu"


@needs_glibc
@pytest.mark.skipif(ARCH != "amd64", reason="programs of x86-64 need GLIBC_2.2.5")
@pytest.mark.parametrize("name", [b"GLIBC_ABI_X", b"GLIBC_2.3.9", b"GLIBC_PRIVA", b"OTHERLIBC_1"])
@pytest.mark.parametrize("sections", [True, False])
def test_a_version_that_this_libc_does_not_define(tmp_path: Path, name: bytes, sections: bool) -> None:
    for raw, shared in ((compiled_needing(tmp_path, name), False), (_renamed(shared_bytes(), name), True)):
        path = _write(tmp_path / "p", raw if sections else _sectionless(raw))
        error = _refusal(path, _here(), shared=shared)
        assert error.message == f"prog needs {name.decode()} of libc.so.6, which this machine's does not define"
        assert (error.code, "--version" in error.hint) == (5, True)


def compiled_needing(tmp_path: Path, name: bytes) -> bytes:
    return _renamed(libc_elf(tmp_path / "dynamic", b"x\n").read_bytes(), name)


@needs_glibc
@pytest.mark.skipif(ARCH != "amd64", reason="programs of x86-64 need GLIBC_2.2.5")
def test_a_weak_need_is_not_a_need(tmp_path: Path) -> None:
    whole = compiled_needing(tmp_path, b"GLIBC_ABI_X")
    need, names = _table(whole, VERNEED), _table(whole, STRTAB)
    entry = need + struct.unpack_from("<I", whole, need + 8)[0]
    while not whole[names + struct.unpack_from("<I", whole, entry + 8)[0] :].startswith(b"GLIBC_ABI_X\0"):
        entry += struct.unpack_from("<I", whole, entry + 12)[0]
    raw = bytearray(whole)
    struct.pack_into("<H", raw, entry + 4, 2)  # vna_flags: VER_FLG_WEAK
    assert inspect(_write(tmp_path / "p", bytes(raw)), _here(), shared=False).libc == "gnu"


@needs_glibc
@pytest.mark.skipif(ARCH != "amd64", reason="the C library of x86-64 is old enough for two-digit versions")
def test_a_sectionless_program_that_needs_a_newer_glibc_is_refused(tmp_path: Path) -> None:
    raw = _sectionless(_newer(libc_elf(tmp_path / "d", b"x\n").read_bytes()))
    assert "needs GLIBC 9.99" in _refusal(_write(tmp_path / "p", raw), _here()).message


@needs_glibc
def test_a_loader_that_this_machine_lacks(tmp_path: Path) -> None:
    """A dynamic musl program needs musl's loader; a gnu one may ask for a path of its own."""
    musl = f"/lib/ld-musl-{HOST}.so.1"
    assert not os.path.exists(musl)
    error = _refusal(_musl(tmp_path), _here(LINUX_MUSL))
    assert error.message == f"prog asks for the loader {musl}, which this machine does not have"
    assert (error.code, "--mode source" in error.hint) == (5, True)
    elsewhere = _loader(tmp_path, b"/nix/ld-linux.so.2")
    assert "/nix/ld-linux.so.2, which this machine does not have" in _refusal(elsewhere, _here()).message


@needs_glibc
@pytest.mark.parametrize("kind", ["folder", "not executable", "empty"])
def test_a_loader_that_the_kernel_does_not_start(kind: str, tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as short:  # the path must fit into the program's
        loader = Path(short, "ld-linux")
        if kind == "folder":
            loader.mkdir()
        else:
            loader.write_bytes(b"" if kind == "empty" else static_bytes(b"x\n"))
            loader.chmod(0o755 if kind == "empty" else 0o644)
        program = _loader(tmp_path, str(loader).encode())
        program.chmod(0o755)
        with pytest.raises(OSError, match=r"."):
            subprocess.run([program], check=False)
        assert f"{loader}, which this machine cannot execute" in _refusal(program, _here()).message


@needs_glibc
def test_a_loader_for_another_platform_is_where_that_platform_has_it(tmp_path: Path) -> None:
    assert inspect(_musl(tmp_path), _expect(LINUX_MUSL), shared=False).libc == "musl"
    elsewhere = _loader(tmp_path, b"/nix/ld-linux.so.2")
    assert "/nix/ld-linux.so.2, expected /lib" in _refusal(elsewhere, _expect(LINUX_GNU)).message


@pytest.mark.skipif(ARCH != "amd64", reason="the bytes are x86-64 code")
def test_a_packed_static_pie_is_a_program_and_no_library(tmp_path: Path) -> None:
    """Two PT_LOAD, ET_DYN, and no PT_DYNAMIC, as packers write it; it runs."""
    code = bytes.fromhex("b83c000000bf2a0000000f05")  # exit(42)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = struct.pack("<16sHHIQQQIHHHHHH", ident, 3, 62, 1, 0x1000, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    segments = struct.pack("<IIQQQQQQ", 1, 4, 0, 0, 0, 176, 176, 0x1000)
    segments += struct.pack("<IIQQQQQQ", 1, 5, 0x1000, 0x1000, 0x1000, len(code), len(code), 0x1000)
    path = _write(tmp_path / "p", (header + segments).ljust(0x1000, b"\0") + code)
    path.chmod(0o755)
    assert subprocess.run([path]).returncode == 42
    for expect in (_here(LINUX_MUSL), _here(LINUX_GNU), _expect()):
        assert inspect(path, expect, shared=False).static
    assert "is a program, not a shared library" in _refusal(path, _here(), shared=True).message


# properties


def _sources(tmp_path: Path) -> list[Callable[[], bytes]]:
    dynamic = libc_elf(tmp_path / "dynamic", b"x\n").read_bytes()
    static = static_bytes(b"x\n")
    library = shared_bytes()
    return [lambda: dynamic, lambda: static, lambda: library]


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_the_bytes_the_answer_is_an_elf_or_a_refusal(tmp_path: Path, data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from(_sources(tmp_path)))())
    shoff = struct.unpack_from("<Q", raw, 40)[0]
    headers = st.integers(0, 64 + 56 * 13) | st.integers(shoff, len(raw) - 1) | st.integers(0, len(raw) - 1)
    for offset, value in data.draw(st.lists(st.tuples(headers, st.binary(min_size=1, max_size=8)), max_size=6)):
        raw[offset : offset + len(value)] = value
    cut = data.draw(st.just(len(raw)) | st.integers(0, len(raw)))
    path = _write(tmp_path / "p", bytes(raw[:cut]))
    platform = data.draw(st.sampled_from([LINUX_MUSL, LINUX_GNU]))
    expect = replace(_expect(platform), here=data.draw(st.booleans()))
    refusal: InvalidBinary | None = None
    try:
        assert inspect(path, expect, shared=data.draw(st.booleans())).machine == HOST
    except InvalidBinary as error:
        refusal = error
    assert refusal is None or (refusal.hint and refusal.message.isprintable())


def test_only_the_headers_are_read(tmp_path: Path) -> None:
    """A sparse file of a terabyte would take minutes otherwise (and a reader of it all, a terabyte of memory)."""
    path = static_elf(tmp_path / "p", b"x\n")
    os.truncate(path, 1 << 40)
    assert inspect(path, _expect(), shared=False).static


def test_a_static_program_does_not_cost_an_import(tmp_path: Path) -> None:
    path = static_elf(tmp_path / "p", b"x\n")
    code = f"""
import sys, pathlib
from hero_build.model.artifacts import Platform
from hero_build.verify import check, elf
from hero_build.verify.expect import Expect
expect = Expect("p", None, None, Platform({ARCH!r}, "musl"), None)
assert elf.inspect(pathlib.Path(sys.argv[1]), expect, shared=False).static
heavy = {{"tarfile", "zipfile", "hashlib"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code, path], check=True)

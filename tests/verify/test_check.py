"""Fetched → Verified: length, digest, and what arrives in place of a program."""

import hashlib
import os
from pathlib import Path, PurePosixPath

import pytest

from hero_build.errors import ChecksumMismatch, InvalidBinary, InvalidBundle, SizeMismatch, Unsupported
from hero_build.model.artifacts import Artifact, Binary, Library, Pinned, Platform, WasmBundle
from hero_build.model.steps import Asset, Fetched, SelectedAsset
from hero_build.verify.check import verify
from hero_build.verify.expect import Expect, expect_for, host_glibc
from support.elf_files import program, static_elf
from support.fetched import HOST, LINUX_MUSL, fetched

BINARY = Binary("hero_db", "cli")


def _expect(item: Fetched, sha256: str | None = None, size: int | None = None) -> Expect:
    return Expect("hero_db-linux-amd64-musl", sha256=sha256, size=size, platform=LINUX_MUSL, glibc=host_glibc())


def test_a_program_becomes_one_file_in_bin(tmp_path: Path) -> None:
    item = fetched(BINARY, static_elf(tmp_path / "got", program("hero_db", "v1")))
    result = verify(item, _expect(item, item.sha256, item.size))
    (file,) = result.files
    assert (file.dest, file.path, file.mode) == (PurePosixPath("bin/hero_db"), item.path, 0o755)
    assert (file.sha256, file.size) == (hashlib.sha256(item.path.read_bytes()).hexdigest(), item.path.stat().st_size)
    assert result.checks == ("length", "sha256", "elf")
    assert result.fetched is item
    assert result.elf is not None
    assert (result.elf.machine, result.elf.libc, result.elf.static) == (HOST, "musl", True)


@pytest.mark.parametrize(
    ("digest", "length", "checks"),
    [(False, False, ("elf",)), (False, True, ("length", "elf")), (True, False, ("sha256", "elf"))],
)
def test_only_checks_that_were_made_are_named(
    tmp_path: Path, digest: bool, length: bool, checks: tuple[str, ...]
) -> None:
    item = fetched(BINARY, static_elf(tmp_path / "got", program("hero_db", "v1")))
    expect = _expect(item, item.sha256 if digest else None, item.size if length else None)
    assert verify(item, expect).checks == checks


def test_a_wrong_length_shows_both_lengths(tmp_path: Path) -> None:
    item = fetched(BINARY, static_elf(tmp_path / "got", b"x\n", 6000))
    with pytest.raises(SizeMismatch, match="has 6000 bytes, expected 6001") as caught:
        verify(item, _expect(item, None, 6001))
    assert caught.value.code == 5
    assert "--version" in caught.value.hint


def test_a_file_that_changed_after_it_arrived_is_noticed(tmp_path: Path) -> None:
    item = fetched(BINARY, static_elf(tmp_path / "got", b"x\n", 6000))
    item.path.write_bytes(item.path.read_bytes()[:5000])
    with pytest.raises(SizeMismatch, match="5000 bytes on disk, and 6000 were downloaded"):
        verify(item, _expect(item))


def test_a_link_in_place_of_the_fetched_file_is_refused(tmp_path: Path) -> None:
    item = fetched(BINARY, static_elf(tmp_path / "got", b"x\n"))
    item.path.rename(tmp_path / "elsewhere")
    item.path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidBinary, match="not a regular file"):
        verify(item, _expect(item))


def test_a_wrong_digest_shows_both_digests(tmp_path: Path) -> None:
    item = fetched(BINARY, static_elf(tmp_path / "got", b"x\n"))
    with pytest.raises(ChecksumMismatch) as caught:
        verify(item, _expect(item, "ab" * 32))
    assert item.sha256 in caught.value.message
    assert "ab" * 32 in caught.value.message
    assert caught.value.code == 5
    assert caught.value.hint


PAGE = b'\xef\xbb\xbf\n  <!DOCTYPE html>\x1b[31m<title>Sign in</title>\r\n<html lang="en">\n'


@pytest.mark.parametrize("checked", ["nothing", "size", "sha256"])
def test_a_login_page_is_named_by_every_check(tmp_path: Path, checked: str) -> None:
    (tmp_path / "got").write_bytes(PAGE)
    item = fetched(BINARY, tmp_path / "got")
    expect = _expect(item, "0" * 64 if checked == "sha256" else None, 5 if checked == "size" else None)
    with pytest.raises(InvalidBinary) as caught:
        verify(item, expect)
    assert "is an HTML page that begins with '<!DOCTYPE html>[31m<title>Sign in</title>'" in caught.value.message
    assert "login page" in caught.value.hint
    assert "\x1b" not in caught.value.message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"\x1f\x8b\x08" + b"\0" * 40, "a gzip archive"),
        (b"PK\x03\x04" + b"\0" * 40, "a zip archive"),
        (b"\xfd7zXZ\x00" + b"\0" * 40, "an xz archive"),
        (b"BZh91AY", "a bzip2 archive"),
        (b"\x28\xb5\x2f\xfd1234", "a zstd archive"),
        (b"\0" * 257 + b"ustar" + b"\0" * 300, "a tar archive"),
        (b"#!/bin/sh\nexit 0\n", "a script"),
        (b"MZ\x90\x00", "a Windows program"),
        (b"\xcf\xfa\xed\xfe\x07\0\0\x01", "a Mach-O program"),
        (b"\0asm\x01\0\0\0", "a WebAssembly module"),
        (b"!<arch>\ndebian-binary", "an ar archive"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "a Git LFS pointer"),
        (b'{"message":"no","url":"x"}', """a JSON document that begins with '{"message":"no","url":"x"}'"""),
        (b"<?xml version='1.0'?><Error/>", "an XML document"),
        ("nicht gefunden, schöne Grüße\n".encode(), "a text that begins with 'nicht gefunden, schöne Grüße'"),
        (b"\x00\x01\x02\x03\xff\xfe", "of an unknown kind (it begins with 00 01 02 03 ff fe)"),
    ],
)
def test_other_content_is_described(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "got").write_bytes(content)
    item = fetched(BINARY, tmp_path / "got")
    with pytest.raises(InvalidBinary) as caught:
        verify(item, _expect(item))
    assert caught.value.message.startswith(f"hero_db-linux-amd64-musl is {words}")
    assert caught.value.hint


def test_a_long_first_line_is_cut(tmp_path: Path) -> None:
    (tmp_path / "got").write_bytes(b"<html>" + b"x" * 5000)
    with pytest.raises(InvalidBinary) as caught:
        verify(fetched(BINARY, tmp_path / "got"), _expect(fetched(BINARY, tmp_path / "got")))
    assert len(caught.value.message) < 200
    assert "…" in caught.value.message


def test_a_program_is_no_bundle(tmp_path: Path) -> None:
    item = fetched(WasmBundle("island"), static_elf(tmp_path / "got", b"x\n"))
    with pytest.raises(InvalidBundle, match="is an ELF file, not a"):
        verify(item, _expect(item))


def _offer(sha256: str | None, asset_sha256: str | None) -> SelectedAsset:
    return SelectedAsset(Asset("hero_db-linux-amd64-musl", "https://forge.example/x", 7, sha256=asset_sha256), sha256)


@pytest.mark.parametrize(
    ("sha256", "asset_sha256", "expected"), [("AB", "cd", "ab"), (None, "CD", "cd"), (None, None, None)]
)
def test_the_release_s_own_digest_comes_before_the_forge_s(
    sha256: str | None, asset_sha256: str | None, expected: str | None
) -> None:
    expect = expect_for(BINARY, _offer(sha256, asset_sha256), LINUX_MUSL)
    assert (expect.name, expect.size, expect.sha256) == ("hero_db-linux-amd64-musl", 7, expected)


def test_what_is_for_this_machine_must_start_here() -> None:
    other = "arm64" if LINUX_MUSL.arch == "amd64" else "amd64"
    assert expect_for(BINARY, None, LINUX_MUSL).here
    assert not expect_for(BINARY, None, Platform(other, "musl")).here


def test_a_build_s_output_has_only_the_elf_check() -> None:
    expect = expect_for(BINARY, None, LINUX_MUSL)
    assert (expect.name, expect.size, expect.sha256, expect.member) == ("hero_db", None, None, "")


def test_a_library_s_digest_and_member_come_from_its_pin() -> None:
    pins = (
        Pinned("linux-arm64", url="u", sha256="11", member="a.so"),
        Pinned("linux-amd64", url="u", sha256="2F", member="b.so"),
    )
    expect = expect_for(Library("libx.so", pins), _offer("99", None), Platform("amd64", "gnu"))
    assert (expect.sha256, expect.member) == ("2f", "b.so")


def test_a_library_without_a_pin_for_this_machine_is_refused() -> None:
    artifact: Artifact = Library("libx.so", (Pinned("linux-arm64", "u", "11"),))
    with pytest.raises(Unsupported, match="not pinned for linux-amd64") as caught:
        expect_for(artifact, None, Platform("amd64", "gnu"))
    assert "linux-arm64" in caught.value.hint


def test_the_host_s_glibc_is_a_pair_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "confstr", lambda _: "glibc 2.36")
    assert host_glibc() == (2, 36)
    for answer in (None, "", "musl 1.2.5", "glibc", "glibc x.y"):
        monkeypatch.setattr(os, "confstr", lambda _, answer=answer: answer)
        assert host_glibc() is None

    def missing(_: str) -> str:
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(os, "confstr", missing)
    assert host_glibc() is None

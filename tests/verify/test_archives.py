"""A library out of an archive: exactly that member, and nothing that an archive could do besides."""

import gzip
import hashlib
import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hero_build.errors import ChecksumMismatch, DiskFull, InvalidBinary
from hero_build.model.artifacts import Library
from hero_build.model.steps import Verified
from hero_build.verify import archives
from hero_build.verify.check import verify
from hero_build.verify.expect import Expect, host_glibc
from support.elf_files import shared_bytes, static_bytes
from support.fetched import LINUX_GNU, fetched

MEMBER = "onnx-1.0/lib/libonnx.so.1.0"
LIBRARY = Library("libonnx.so", ())


def _tgz(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz", format=tarfile.GNU_FORMAT) as tar:
        for info, content in members:
            info.size = len(content) if info.isreg() else 0
            tar.addfile(info, io.BytesIO(content))
    return path


def _zip(path: Path, *members: tuple[zipfile.ZipInfo | str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, content in members:
            archive.writestr(info, content)
    return path


def _link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def _kind(name: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    return info


def _verify(path: Path, sha256: str | None = None, member: str = MEMBER) -> Verified:
    item = fetched(LIBRARY, path)
    return verify(
        item,
        Expect(
            "onnx.tgz", sha256=sha256 or item.sha256, size=None, platform=LINUX_GNU, glibc=host_glibc(), member=member
        ),
    )


def _refusal(path: Path, member: str = MEMBER) -> InvalidBinary:
    before = set(path.parent.iterdir())
    with pytest.raises(InvalidBinary) as caught:
        _verify(path, member=member)
    assert set(path.parent.iterdir()) == before
    assert caught.value.message.startswith("onnx.tgz ")
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("form", ["tgz", "tgz with ./", "zip"])
def test_the_member_becomes_the_library(tmp_path: Path, form: str) -> None:
    library = shared_bytes(b"one\n")
    if form == "zip":
        path = _zip(tmp_path / "a", ("README", b"hi"), (MEMBER, library))
    else:
        name = f"./{MEMBER}" if "./" in form else MEMBER
        path = _tgz(tmp_path / "a", (tarfile.TarInfo("README"), b"hi"), (tarfile.TarInfo(name), library))
    result = _verify(path)
    (file,) = result.files
    assert result.checks == ("sha256", "elf")
    assert (file.dest, file.mode) == (PurePosixPath("lib/libonnx.so"), 0o644)
    assert file.path.parent == path.parent
    assert file.path.read_bytes() == library
    assert (file.sha256, file.size) == (hashlib.sha256(library).hexdigest(), len(library))
    assert {entry.name for entry in tmp_path.iterdir()} == {"a", "a.member"}
    assert result.fetched.sha256 == hashlib.sha256(path.read_bytes()).hexdigest() != file.sha256


def test_a_library_that_is_no_archive_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(shared_bytes())
    (file,) = _verify(tmp_path / "a", member="").files
    assert file.path == tmp_path / "a"
    assert file.mode == 0o644


def test_nothing_is_unpacked_before_the_digest_is_checked(tmp_path: Path) -> None:
    path = _tgz(tmp_path / "a", (tarfile.TarInfo(MEMBER), shared_bytes()))
    with pytest.raises(ChecksumMismatch):
        _verify(path, "0" * 64)
    assert list(tmp_path.iterdir()) == [path]


def test_leftovers_of_an_interrupted_run_are_replaced_not_followed(tmp_path: Path) -> None:
    path = _tgz(tmp_path / "a", (tarfile.TarInfo(MEMBER), shared_bytes()))
    (tmp_path / "precious").write_text("keep me")
    (tmp_path / "a.member").symlink_to(tmp_path / "precious")
    assert _verify(path).files[0].path.read_bytes() == shared_bytes()
    assert (tmp_path / "precious").read_text() == "keep me"


def test_a_program_in_the_library_s_place_is_refused(tmp_path: Path) -> None:
    path = _tgz(tmp_path / "a", (tarfile.TarInfo(MEMBER), static_bytes(b"x\n")))
    assert "is a program, not a shared library" in _refusal(path).message


@pytest.mark.parametrize("form", ["tgz", "zip"])
def test_a_missing_member_names_those_that_are_like_it(tmp_path: Path, form: str) -> None:
    other = "onnx-1.1/lib/libonnx.so.1.1"
    path = tmp_path / "a"
    _zip(path, (other, b"x")) if form == "zip" else _tgz(path, (tarfile.TarInfo(other), b"x"))
    error = _refusal(path)
    assert f"contains no file {MEMBER!r}" in error.message
    assert repr(other) in error.hint


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (_link(MEMBER, "/etc/passwd"), "as a link to '/etc/passwd'"),
        (_link(MEMBER, "README", tarfile.LNKTYPE), "as a link to 'README'"),
        (_kind(MEMBER, tarfile.DIRTYPE), "not a regular file"),
        (_kind(MEMBER, tarfile.FIFOTYPE), "not a regular file"),
        (_kind(MEMBER, tarfile.CHRTYPE), "not a regular file"),
    ],
)
def test_a_tar_member_that_is_no_file_is_refused(tmp_path: Path, info: tarfile.TarInfo, words: str) -> None:
    error = _refusal(_tgz(tmp_path / "a", (tarfile.TarInfo("README"), b"hi"), (info, b"")))
    assert words in error.message
    assert "recipe" in error.hint


@pytest.mark.parametrize(
    ("name", "mode", "words"),
    [
        (MEMBER, stat.S_IFLNK | 0o777, "as a link"),
        (MEMBER, stat.S_IFIFO | 0o644, "not a regular file"),
        (f"{MEMBER}/", stat.S_IFDIR | 0o755, "not a regular file"),
    ],
)
def test_a_zip_member_that_is_no_file_is_refused(tmp_path: Path, name: str, mode: int, words: str) -> None:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    assert words in _refusal(_zip(tmp_path / "a", (info, b"README")), name).message


def test_an_encrypted_zip_member_is_refused(tmp_path: Path) -> None:
    raw = bytearray(_zip(tmp_path / "a", (MEMBER, shared_bytes())).read_bytes())
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a").write_bytes(raw)
    assert "encrypted" in _refusal(tmp_path / "a").message


# bombs


@pytest.mark.parametrize("before", [True, False])
def test_a_tar_bomb_is_refused_in_the_member_and_on_the_way_to_it(tmp_path: Path, before: bool) -> None:
    zeros = bytes(100 << 20)
    bomb = (tarfile.TarInfo("zeros" if before else MEMBER), zeros)
    path = _tgz(tmp_path / "a", bomb, (tarfile.TarInfo("z" if not before else MEMBER), shared_bytes()))
    assert "unpacks to" in _refusal(path).message


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    assert "unpacks to 100 MB" in _refusal(_zip(tmp_path / "a", (MEMBER, bytes(100 << 20)))).message


def test_a_zip_member_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    raw = bytearray(_zip(tmp_path / "a", (MEMBER, bytes(100 << 20))).read_bytes())
    at = raw.index(b"PK\x01\x02")
    raw[22:26] = raw[at + 24 : at + 28] = (1000).to_bytes(4, "little")
    (tmp_path / "a").write_bytes(raw)
    assert "damaged archive" in _refusal(tmp_path / "a").message


def test_a_header_of_many_megabytes_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo(MEMBER)
    info.pax_headers = {"comment": "x" * (8 << 20)}
    with tarfile.open(tmp_path / "a", "w:gz", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info, io.BytesIO())
    assert "header of more than a megabyte" in _refusal(tmp_path / "a").message


def test_a_tar_of_endless_entries_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_MEMBERS", 10)
    members = [(tarfile.TarInfo(f"f{index}"), b"") for index in range(20)]
    assert (
        "contains no file"
        in _refusal(_tgz(tmp_path / "a", *members, (tarfile.TarInfo(MEMBER), shared_bytes()))).message
    )


def test_a_sparse_member_is_refused(tmp_path: Path) -> None:
    info = _kind(MEMBER, tarfile.GNUTYPE_SPARSE)
    assert "not a regular file" in _refusal(_tgz(tmp_path / "a", (info, b""))).message


# damage


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html>log in</html>", "is an HTML page that begins with '<html>log in</html>', not a .tar.gz or .zip"),
        (b"", "is an empty file, not"),
        (b"\x7fELF\x02\x01\x01", "is an ELF file, not"),
        (gzip.compress(b"no tar at all" * 100, mtime=0), "is a damaged archive"),
        (b"\x1f\x8b\x08\x00broken", "is a damaged archive"),
        (b"PK\x03\x04broken", "is a damaged archive"),
    ],
)
def test_other_content_is_described(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "a").write_bytes(content)
    assert words in _refusal(tmp_path / "a").message


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9])
def test_a_cut_archive_is_damaged(tmp_path: Path, kept: float) -> None:
    path = _tgz(tmp_path / "a", (tarfile.TarInfo(MEMBER), shared_bytes()))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    assert "is a damaged archive" in _refusal(path).message


def test_a_full_disk_is_no_fault_of_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _tgz(tmp_path / "a", (tarfile.TarInfo(MEMBER), shared_bytes()))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull):
        _verify(path)
    assert list(tmp_path.iterdir()) == [path]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_the_bytes_it_is_the_library_or_a_refusal(tmp_path: Path, data: st.DataObject) -> None:
    library = shared_bytes()
    if data.draw(st.booleans()):
        plain = gzip.decompress(_tgz(tmp_path / "a", (tarfile.TarInfo(MEMBER), library)).read_bytes())
        near = st.integers(0, 511)
    else:
        plain = _zip(tmp_path / "a", (MEMBER, library)).read_bytes()
        near = st.integers(0, 60) | st.integers(len(plain) - 130, len(plain) - 1)
    zipped, raw = plain.startswith(b"PK"), bytearray(plain)
    for offset, value in data.draw(st.lists(st.tuples(near, st.integers(0, 255)), min_size=1, max_size=4)):
        raw[offset] = value
    (tmp_path / "a").write_bytes(bytes(raw) if zipped else gzip.compress(bytes(raw), 1))
    try:
        result = _verify(tmp_path / "a")
    except InvalidBinary:
        assert not (tmp_path / "a.member").exists()
    else:
        assert result.files[0].path.read_bytes() == library

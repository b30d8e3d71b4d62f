"""A bundle out of its archive: exactly the files in it, and nothing that an archive could do besides."""

import gzip
import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import support.wasm_modules as made
from hero_build.errors import ChecksumMismatch, DiskFull, HeroBuildError, InvalidBundle, SizeMismatch
from hero_build.model.artifacts import WasmBundle
from hero_build.model.steps import Asset, Fetched, SelectedAsset, Verified
from hero_build.publish.archive import pack
from hero_build.verify import archive_limits, bundle_files
from hero_build.verify.check import verify
from hero_build.verify.expect import expect_for
from support.fetched import LINUX_MUSL

NOTES = WasmBundle("notes")
FILES = made.island("notes", "v1")


def verified(path: Path, sha256: str | None = None) -> Verified:
    digest, size = hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size
    selected = SelectedAsset(Asset("notes-wasm.tar.gz", "https://forge.example/x", size), sha256 or digest)
    return verify(
        Fetched(NOTES, path=path, form="archive", sha256=digest, size=size, selected=selected),
        expect_for(NOTES, selected, LINUX_MUSL),
    )


def refusal(path: Path) -> InvalidBundle:
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(InvalidBundle) as caught:
        verified(path)
    assert sorted(path.parent.rglob("*")) == before
    assert caught.value.code == 5
    assert caught.value.hint
    assert "notes" in caught.value.message
    assert "\x1b" not in caught.value.message
    return caught.value


def tgz(path: Path, *members: tuple[tarfile.TarInfo | str, bytes], whole: bool = True) -> Path:
    """An archive of an island and these members."""
    with tarfile.open(path, "w:gz") as tar:
        for item, content in (*(FILES.items() if whole else ()), *members):
            info = tarfile.TarInfo(item) if isinstance(item, str) else item
            info.size = len(content) if info.isreg() else 0
            tar.addfile(info, io.BytesIO(content))
    return path


def kind(name: str, form: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = form, target
    return info


def content(result: Verified) -> dict[str, bytes]:
    return {str(file.dest.relative_to(NOTES.folder)): file.path.read_bytes() for file in result.files}


@pytest.mark.parametrize("below", ["", "./", "notes/", "./notes/"])
def test_the_files_are_at_the_top_or_below_the_bundle_s_name(tmp_path: Path, below: str) -> None:
    path = made.tgz(tmp_path / "a", FILES, below)
    result = verified(path)
    assert content(result) == FILES
    assert result.checks == ("length", "sha256", "wasm", "glue")
    assert all(file.path.is_relative_to(tmp_path / "a.tree") for file in result.files)
    assert [file.sha256 for file in result.files] == [hashlib.sha256(FILES[name]).hexdigest() for name in sorted(FILES)]
    assert [file.size for file in result.files] == [len(FILES[name]) for name in sorted(FILES)]


def test_a_folder_of_another_name_is_refused(tmp_path: Path) -> None:
    error = refusal(made.tgz(tmp_path / "a", FILES, "pkg/"))
    assert "has all files in the folder 'pkg'" in error.message
    assert "They must be in 'notes'" in error.hint
    error = refusal(made.tgz(tmp_path / "a", {f"pkg/{name}": data for name, data in FILES.items()} | {"README": b""}))
    assert "it is unclear which file loads the bundle notes: pkg/notes.js" in error.message


APPLE_DOUBLE = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        "


@pytest.mark.parametrize("below", ["", "notes/", "./notes/"])
def test_apple_double_files_are_skipped(tmp_path: Path, below: str) -> None:
    """tar of macOS puts one before each file that has attributes, and one before the folder itself."""
    with tarfile.open(tmp_path / "a", "w:gz") as tar:
        first = [(f"{below.removesuffix('notes/')}._notes", APPLE_DOUBLE)]
        pairs = [(f"{below}{part}", data) for name, data in FILES.items() for part, data in beside(name, data)]
        for name, data in (*first, *pairs, (f"{below}__MACOSX/x", b"")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    result = verified(tmp_path / "a")
    assert content(result) == FILES
    tree = tmp_path / "a.tree"
    assert not [path for path in tree.rglob("*") if path.name.startswith("._")]


def beside(name: str, data: bytes) -> list[tuple[str, bytes]]:
    """A file, after the one with its attributes."""
    folder, _, last = name.rpartition("/")
    return [(f"{folder}/._{last}".removeprefix("/"), APPLE_DOUBLE), (name, data)]


def test_a_link_with_the_name_of_an_apple_double_file_is_refused(tmp_path: Path) -> None:
    path = tgz(tmp_path / "a", (kind("._notes.js", tarfile.SYMTYPE, "notes.js"), b""))
    assert "contains '._notes.js', which is a link" in refusal(path).message


def test_folders_in_the_archive_are_no_files(tmp_path: Path) -> None:
    path = tgz(tmp_path / "a", (kind(".", tarfile.DIRTYPE), b""), (kind("snippets/", tarfile.DIRTYPE), b""))
    assert content(verified(path)) == FILES


def test_nothing_is_unpacked_before_length_and_digest_are_checked(tmp_path: Path) -> None:
    path = made.tgz(tmp_path / "a", FILES)
    with pytest.raises(ChecksumMismatch):
        verified(path, "0" * 64)
    short = Fetched(NOTES, path=path, form="archive", sha256="", size=7, selected=None)
    with pytest.raises(SizeMismatch):
        verify(short, expect_for(NOTES, None, LINUX_MUSL))
    assert list(tmp_path.iterdir()) == [path]


def test_leftovers_of_an_interrupted_run_are_replaced_and_links_not_followed(tmp_path: Path) -> None:
    path = made.tgz(tmp_path / "a", FILES)
    made.write(tmp_path / "a.tree", {"old.js": b"old"})
    assert content(verified(path)) == FILES
    assert not (tmp_path / "a.tree" / "old.js").exists()
    made.write(tmp_path / "precious", {"note": b"keep me"})
    made_tree = tmp_path / "a.tree"
    made_tree.rename(tmp_path / "gone")
    made_tree.symlink_to("precious")
    assert content(verified(path)) == FILES
    assert (tmp_path / "precious" / "note").read_bytes() == b"keep me"


# what an archive must not do


@pytest.mark.parametrize(
    "name",
    [
        "../evil.js",
        "a/../../evil.js",
        "/etc/evil.js",
        "//evil.js",
        "a//b.js",
        "..",
        "\x1b[31mred.js",
        "a\nb.js",
        "a\\b.js",
        "a\u202eb.js",
        "x" * 256 + ".js",
        "/".join(["deep"] * 200) + "/x.js",
    ],
)
def test_unsafe_names_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    error = refusal(tgz(tmp_path / "in" / "a", (name, b"evil")))
    assert "notes-wasm.tar.gz contains " in error.message
    assert len(error.message) < 500
    assert [entry.name for entry in tmp_path.iterdir()] == ["in"]


def test_a_name_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a", "w:gz", format=tarfile.GNU_FORMAT, encoding="latin-1") as tar:
        tar.addfile(tarfile.TarInfo("caf\xe9.js"), io.BytesIO())
    assert "which is not a valid file name in a bundle" in refusal(tmp_path / "a").message


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (kind("x", tarfile.SYMTYPE, "/etc/passwd"), "'x', which is a link"),
        (kind("x", tarfile.SYMTYPE, "../../x"), "'x', which is a link"),
        (kind("x", tarfile.SYMTYPE, "notes.js"), "'x', which is a link"),
        (kind("x", tarfile.LNKTYPE, "notes.js"), "'x', which is a link"),
        (kind("x", tarfile.CHRTYPE), "'x', which is a device"),
        (kind("x", tarfile.BLKTYPE), "'x', which is a device"),
        (kind("x", tarfile.FIFOTYPE), "'x', which is a pipe"),
        (kind("x", tarfile.GNUTYPE_SPARSE), "'x', which is not a regular file"),
        (kind("x", b"Z"), "'x', which is not a regular file"),
    ],
)
def test_links_devices_and_pipes_are_refused(tmp_path: Path, info: tarfile.TarInfo, words: str) -> None:
    assert words in refusal(tgz(tmp_path / "a", (info, b""))).message


@pytest.mark.parametrize(
    "names", [["notes.js"], ["./notes.js"], ["notes.js/under.js"], ["x/y.js", "x"], ["x", "x/y.js"], ["x", "x"]]
)
def test_a_name_that_is_there_already_is_refused(tmp_path: Path, names: list[str]) -> None:
    assert "twice" in refusal(tgz(tmp_path / "a", *((name, b"other") for name in names))).message


def test_a_link_and_then_a_file_through_it_writes_nothing_outside(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    link = kind("way", tarfile.SYMTYPE, "../../out")
    assert "which is a link" in refusal(tgz(tmp_path / "in" / "a", (link, b""), ("way/evil.js", b"evil"))).message
    assert list((tmp_path / "out").iterdir()) == []


# bombs


def test_a_hundred_thousand_files_are_refused_early(tmp_path: Path) -> None:
    path = tgz(tmp_path / "a", *((f"f{number}", b"") for number in range(100_000)))
    assert f"has more than {bundle_files.FILES_MAX} files" in refusal(path).message


def test_as_many_folders_are_refused_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_files, "FILES_MAX", 20)
    path = tgz(tmp_path / "a", *((kind(f"d{number}", tarfile.DIRTYPE), b"") for number in range(30)))
    assert "has more than 20 files and folders" in refusal(path).message


def test_a_bomb_is_refused_by_its_ratio(tmp_path: Path) -> None:
    assert "MB, too much for a bundle" in refusal(tgz(tmp_path / "a", ("z", bytes(100 << 20)))).message


def test_a_bomb_of_many_small_files_is_refused_by_its_sum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_limits, "LARGEST_SIZE", 1 << 20)
    path = tgz(tmp_path / "a", *((f"f{number}", os.urandom(1 << 15)) for number in range(40)))
    assert "unpacks to more than 1 MB" in refusal(path).message


def test_a_bomb_after_the_last_file_is_refused(tmp_path: Path) -> None:
    plain = gzip.decompress(tgz(tmp_path / "a").read_bytes())
    (tmp_path / "a").write_bytes(gzip.compress(plain + bytes(100 << 20)))
    assert "unpacks to more than" in refusal(tmp_path / "a").message


def test_a_header_of_many_megabytes_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("x.js")
    info.pax_headers = {"comment": "x" * (8 << 20)}
    assert "header of more than a megabyte" in refusal(tgz(tmp_path / "a", (info, b""))).message


@pytest.mark.parametrize("size", ["-1024", "-99999999", "99999999999999999999"])
def test_a_size_that_leads_back_or_far_off_ends(tmp_path: Path, size: str) -> None:
    info = tarfile.TarInfo("x.js")
    info.pax_headers = {"size": size}
    assert refusal(tgz(tmp_path / "a", (info, b"1"), ("y.js", b"2")))


# damage


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"<html>log in</html>", "notes-wasm.tar.gz is an HTML page that begins with '<html>log in</html>'"),
        (b"", "notes-wasm.tar.gz is an empty file, not a .tar.gz archive"),
        (b"PK\x03\x04" + bytes(40), "notes-wasm.tar.gz is a zip archive, not"),
        (made.wasm("notes"), "notes-wasm.tar.gz is a WebAssembly module, not"),
        (gzip.compress(b"no tar at all" * 100, mtime=0), "notes-wasm.tar.gz is a damaged archive"),
        (gzip.compress(b"", mtime=0), "notes-wasm.tar.gz is a damaged archive"),
        (b"\x1f\x8b\x08\x00broken", "notes-wasm.tar.gz is a damaged archive"),
    ],
)
def test_other_content_is_described(tmp_path: Path, raw: bytes, words: str) -> None:
    (tmp_path / "a").write_bytes(raw)
    assert words in refusal(tmp_path / "a").message


def test_a_page_that_is_too_short_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"<!doctype html>")
    item = Fetched(
        NOTES,
        path=tmp_path / "a",
        form="archive",
        sha256="",
        size=15,
        selected=SelectedAsset(Asset("notes-wasm.tar.gz", "u", 9999), None),
    )
    with pytest.raises(InvalidBundle, match=r"notes-wasm\.tar\.gz is an HTML page .*, not a bundle"):
        verify(item, expect_for(NOTES, item.selected, LINUX_MUSL))


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.99])
def test_a_cut_archive_is_damaged(tmp_path: Path, kept: float) -> None:
    path = made.tgz(tmp_path / "a", FILES)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    assert "is a damaged archive" in refusal(path).message


@pytest.mark.parametrize("end", [b"", b"garbage".ljust(512, b"x") * 2])
def test_a_tar_that_ends_in_nothing_or_in_no_header_is_damaged(tmp_path: Path, end: bytes) -> None:
    plain = gzip.decompress(made.tgz(tmp_path / "a", FILES).read_bytes())
    (tmp_path / "a").write_bytes(gzip.compress(plain.rstrip(b"\0") + bytes(-len(plain.rstrip(b"\0")) % 512) + end))
    assert "is a damaged archive" in refusal(tmp_path / "a").message


def test_gzip_s_own_checksum_is_checked_without_a_digest(tmp_path: Path) -> None:
    raw = bytearray(made.tgz(tmp_path / "a", FILES).read_bytes())
    raw[-6] ^= 1  # of the CRC at the end
    (tmp_path / "a").write_bytes(raw)
    with pytest.raises(InvalidBundle, match="damaged archive"):
        verify(
            Fetched(NOTES, path=tmp_path / "a", form="archive", sha256="", size=len(raw)),
            expect_for(NOTES, None, LINUX_MUSL),
        )


def test_a_full_disk_is_no_fault_of_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made.tgz(tmp_path / "a", FILES)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(DiskFull):
        verified(path)
    assert list(tmp_path.iterdir()) == [path]


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_the_bytes_they_are_a_bundle_or_a_refusal(tmp_path: Path, data: st.DataObject) -> None:
    raw = bytearray(gzip.decompress(made.tgz(tmp_path / "a", FILES).read_bytes()))
    headers = [offset for offset in range(0, len(raw), 512) if raw[offset + 257 : offset + 262] == b"ustar"]
    near = st.builds(int.__add__, st.sampled_from(headers), st.integers(0, 511)) | st.integers(0, len(raw) - 1)
    for offset, value in data.draw(st.lists(st.tuples(near, st.integers(0, 255)), min_size=1, max_size=4)):
        raw[offset] = value
    (tmp_path / "a").write_bytes(gzip.compress(bytes(raw), 1))
    passed = passes(tmp_path / "a")
    assert (tmp_path / "a.tree").exists() is passed
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a", *(["a.tree"] if passed else [])]


def passes(path: Path) -> bool:
    try:
        verified(path)
    except HeroBuildError:
        return False
    return True


# packing


def test_a_packed_folder_unpacks_to_the_same_files(tmp_path: Path) -> None:
    digest, size = pack(made.write(tmp_path / "tree", FILES), tmp_path / "a")
    raw = (tmp_path / "a").read_bytes()
    assert (digest, size) == (hashlib.sha256(raw).hexdigest(), len(raw))
    assert content(verified(tmp_path / "a")) == FILES


def test_packing_is_the_same_whatever_the_order_the_times_and_the_modes(tmp_path: Path) -> None:
    long = {f"snippets/{'x' * 120}/{'y' * 120}.js": b"long", "snippets/schön.js": b"odd"}
    made.write(tmp_path / "one", FILES | long)
    made.write(tmp_path / "two", dict(reversed((FILES | long).items())))
    for number, path in enumerate(sorted((tmp_path / "two").rglob("*"))):
        os.utime(path, (number, number))
        path.chmod(0o700)
    assert pack(tmp_path / "one", tmp_path / "a") == pack(tmp_path / "two", tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert content(verified(tmp_path / "a")) == FILES | long


def test_a_packed_archive_has_no_trace_of_this_machine(tmp_path: Path) -> None:
    pack(made.write(tmp_path / "tree", FILES), tmp_path / "a")
    raw = (tmp_path / "a").read_bytes()
    assert raw[:10] == bytes.fromhex("1f8b08000000000002ff")
    with tarfile.open(tmp_path / "a") as tar:
        metadata = {(i.mtime, i.uid, i.gid, i.uname, i.gname, i.mode, *i.pax_headers) for i in tar.getmembers()}
    assert metadata == {(0, 0, 0, "", "", 0o644)}


def test_the_packed_tar_is_this_one_byte_for_byte(tmp_path: Path) -> None:
    """The digest was computed once: another Python, or another machine, must come to the same one."""
    pack(made.write(tmp_path / "tree", {"b/c.js": b"c", "a.js": b"a"}), tmp_path / "a")
    plain = gzip.decompress((tmp_path / "a").read_bytes())
    assert hashlib.sha256(plain).hexdigest() == "93383f2e17fe799a787eed48bbfb8f43b2cb8368cc9174012573953a82ce94c0"


def test_a_link_is_not_packed(tmp_path: Path) -> None:
    (made.write(tmp_path / "tree", FILES) / "again.js").symlink_to("notes.js")
    with pytest.raises(InvalidBundle, match=r"contains 'again\.js', which is a link"):
        pack(tmp_path / "tree", tmp_path / "a")

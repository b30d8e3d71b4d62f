"""The contents of a mirror by their digest: one file on disk for each, complete or not there."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

from hero_build.errors import DiskFull
from hero_build.forge import content_store
from hero_build.system import zstd
from support.elf_files import program, static_bytes

PROGRAM = static_bytes(program("app", "v1"), 200_000)


def add(folder: Path, content: bytes, name: str = "app-linux-amd64-musl") -> Path:
    """Add a file of a release; its place in the store."""
    path = folder / "o" / "app" / "v1" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    content_store.add(folder, path, digest)
    return folder / "_store" / digest


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "_store").iterdir())


def test_a_content_is_the_file_of_the_release_and_a_smaller_copy(tmp_path: Path) -> None:
    place = add(tmp_path, PROGRAM)
    assert place.samefile(tmp_path / "o/app/v1/app-linux-amd64-musl"), "one file on disk, not two"
    packed = place.with_name(place.name + ".zst")
    assert packed.stat().st_size < len(PROGRAM) / 2
    assert b"".join(zstd.decompressed([packed.read_bytes()])) == PROGRAM
    assert names(tmp_path) == [place.name, packed.name]


@pytest.mark.parametrize(
    ("content", "name"), [(os.urandom(100_000), "prog"), (PROGRAM, "ui-wasm.tar.gz"), (b"sums" * 100, "SHA256SUMS")]
)
def test_what_does_not_get_smaller_is_there_once(tmp_path: Path, content: bytes, name: str) -> None:
    place = add(tmp_path, content, name)
    assert names(tmp_path) == [place.name]


def test_adding_again_repairs_a_damaged_content(tmp_path: Path) -> None:
    place = add(tmp_path, PROGRAM)
    place.unlink()
    place.write_bytes(b"half-written by another program")
    assert add(tmp_path, PROGRAM).read_bytes() == PROGRAM


@pytest.mark.parametrize("damage", ["empty", "half", "other", "garbage", "flipped", "longer", "endless"])
def test_adding_again_repairs_a_damaged_copy(tmp_path: Path, damage: str) -> None:
    place = add(tmp_path, PROGRAM)
    packed = place.with_name(place.name + ".zst")
    whole = packed.read_bytes()
    half = len(whole) // 2
    other = tmp_path / "other"
    other.write_bytes(bytes(50_000_000) if damage == "endless" else PROGRAM[:-1])
    zstd.compress(other, tmp_path / "other.zst")
    broken = {
        "empty": b"",
        "half": whole[:half],
        "garbage": os.urandom(5000),
        "flipped": whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :],
        "longer": whole + b"x",
    }
    packed.write_bytes(broken.get(damage, (tmp_path / "other.zst").read_bytes()))
    add(tmp_path, PROGRAM)
    assert packed.read_bytes() == whole
    before = packed.stat().st_ino
    add(tmp_path, PROGRAM)
    assert packed.stat().st_ino == before, "one that is whole stays"


def test_without_hard_links_there_is_no_second_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")  # as FAT on a memory stick does

    monkeypatch.setattr("os.link", refuse)
    add(tmp_path, PROGRAM)
    assert names(tmp_path) == []


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(_: Path, target: Path) -> int:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(zstd, "compress", fill)
    with pytest.raises(DiskFull):
        add(tmp_path, PROGRAM)
    assert names(tmp_path) == [hashlib.sha256(PROGRAM).hexdigest()]

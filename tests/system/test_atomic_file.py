"""A file is replaced wholly or not at all, and nothing else is left in its folder."""

import os
import time
from pathlib import Path

import pytest

from hero_build.system.atomic_file import abandoned_parts, replace_file


@pytest.mark.parametrize("durable", [False, True])
def test_the_content_is_replaced_with_the_mode(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o644)
    replace_file(path, b"new", mode=0o600, durable=durable)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o600)
    assert os.listdir(tmp_path) == ["file"]


def test_what_cannot_be_written_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"new", durable=True)
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"old", ["file"])


def test_a_folder_at_its_place_stays(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    with pytest.raises(IsADirectoryError):
        replace_file(tmp_path / "place", b"new")
    assert os.listdir(tmp_path) == ["place"]


def test_a_durable_file_and_its_folder_are_synced_before_and_after_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, scratch = tmp_path / "file", tmp_path / "scratch"
    scratch.mkdir()
    synced: list[tuple[int, bool]] = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append((os.fstat(number).st_ino, path.exists())))
    replace_file(path, b"new", durable=True, scratch=scratch)
    assert synced == [(path.stat().st_ino, False), (tmp_path.stat().st_ino, True)]
    assert os.listdir(scratch) == []


def test_what_a_killed_writer_left_is_listed_and_nothing_else(tmp_path: Path) -> None:
    kept, other = tmp_path / "kept", tmp_path / "other"
    for folder in (kept, other, other / "kept"):
        folder.mkdir()
        for name in (
            ".0123456789abcdef.part",
            ".0123456789abcdef.parts",
            "0123456789abcdef.part",
            ".hero.lock.0a1b.part",
        ):
            (folder / name).touch()
    parts = {other / ".0123456789abcdef.part", other / "kept" / ".0123456789abcdef.part"}
    assert set(abandoned_parts(tmp_path, time.time() + 60, skip={"kept"})) == parts
    assert set(abandoned_parts(tmp_path, time.time() - 60, skip={"kept"})) == set()
    assert set(abandoned_parts(tmp_path / "absent", time.time())) == set()

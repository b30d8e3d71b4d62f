"""fsync reaches the very file or folder."""

import os
from pathlib import Path

import pytest

from hero_build.system.fsync import fsync, make_folder


@pytest.mark.parametrize("name", ["file", "folder"])
def test_the_path_is_synced_and_closed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("content")
    (tmp_path / "folder").mkdir()
    synced: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append((descriptor, os.fstat(descriptor).st_ino)))
    fsync(tmp_path / name)
    ((descriptor, inode),) = synced
    assert inode == (tmp_path / name).stat().st_ino
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_missing_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fsync(tmp_path / "missing")


def test_each_folder_that_is_made_is_synced_into_the_one_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    make_folder(tmp_path / "a" / "b")
    assert sorted(synced) == sorted(path.stat().st_ino for path in (tmp_path, tmp_path / "a"))
    synced.clear()
    make_folder(tmp_path / "a" / "b")
    assert synced == [], "nothing is new"
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "file")

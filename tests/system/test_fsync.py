"""fsync reaches the very file or folder."""

import os
from pathlib import Path

import pytest

from hero_build.system.fsync import fsync


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

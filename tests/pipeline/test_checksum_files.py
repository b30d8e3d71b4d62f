"""Checksum files are kept in the cache; of too many the older ones are deleted."""

import os
from pathlib import Path

from hero_build.pipeline.checksum_files import keep_checksums


def test_a_file_is_kept_in_a_folder_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "checksums" / "f00"
    keep_checksums(path, b"digest  file\n")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"digest  file\n", 0o600)
    assert os.listdir(path.parent) == ["f00"]


def test_of_too_many_files_the_older_ones_are_deleted(tmp_path: Path) -> None:
    for number in range(2001):
        old = tmp_path / f"{number + 4096:x}"
        old.touch()
        os.utime(old, (number, number))
    keep_checksums(tmp_path / "f00", b"this one does not look for them")
    assert len(os.listdir(tmp_path)) == 2002
    keep_checksums(tmp_path / "07f", b"this one does")
    assert len(os.listdir(tmp_path)) == 1000
    assert {"f00", "07f", "17d0"} <= set(os.listdir(tmp_path)), "the newest stay"

"""A download's file: its write-back starts while more of it arrives."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hero_build.forge.download_dir import DownloadDir
from hero_build.forge.partial_file import PartialFile
from hero_build.forge.protocol import Body
from hero_build.forge.transfer import no_progress

MIB = 1 << 20


class EmptyBody:
    """A body of which only what describes it is read."""

    start, total, identity = 0, 9 * MIB, "etag"

    def chunks(self) -> Iterator[bytes]:
        return iter(())


def test_write_back_starts_for_each_four_mebibytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda _file, offset, size, _advice: started.append((offset, size)))
    body: Body = EmptyBody()
    with DownloadDir(tmp_path / "partial") as downloads:
        partial = PartialFile(downloads, "key", no_progress, verifiable=True)
        for _ in range(2):  # the second time it starts over
            partial.start(body)
            for _ in range(9):
                partial.write(bytes(MIB))
        assert started == [(0, 4 * MIB), (4 * MIB, 4 * MIB)] * 2
        assert partial.finish().stat().st_size == 9 * MIB


def test_what_an_earlier_run_left_is_not_written_back_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with DownloadDir(tmp_path / "partial") as downloads:
        partial = PartialFile(downloads, "key", no_progress, verifiable=True)
        partial.start(EmptyBody())
        partial.write(bytes(5 * MIB))
        partial.close()
        started: list[tuple[int, int]] = []
        monkeypatch.setattr(os, "posix_fadvise", lambda _file, offset, size, _advice: started.append((offset, size)))
        resumed = PartialFile(downloads, "key", no_progress, verifiable=True)
        resumed.adopt()
        resumed.write(bytes(4 * MIB))
        resumed.close()
    assert started == [(5 * MIB, 4 * MIB)]


def test_complete_files_of_one_name_are_kept_apart(tmp_path: Path) -> None:
    with DownloadDir(tmp_path / "partial") as downloads:
        paths = []
        for content in (b"one", b"two"):
            partial = PartialFile(downloads, "key", no_progress, verifiable=True)
            partial.start(EmptyBody())
            partial.write(content)
            paths.append(partial.finish())
        assert [path.read_bytes() for path in paths] == [b"one", b"two"]

"""Regular files are read up to a bound; nothing else is opened, and nothing waits."""

import os
import socket
from pathlib import Path

import pytest

from hero_build.system.regular_file import FileTooLong, NotRegularFile, open_regular, read_regular


def test_a_regular_file_is_read_also_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        assert read_regular(tmp_path / name, 5) == b"12345"
        with open_regular(tmp_path / name) as file:
            assert (file.read(2), file.seek(4), file.read()) == (b"12", 4, b"5")


def test_a_longer_file_than_the_bound_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    with pytest.raises(FileTooLong, match="it is longer than 4 bytes"):
        read_regular(tmp_path / "file", 4)
    os.truncate(tmp_path / "file", 1 << 40)
    with pytest.raises(FileTooLong, match="it is longer than 1 MiB"):
        read_regular(tmp_path / "file", 1 << 20)


@pytest.mark.parametrize(("kind", "words"), [("fifo", "a FIFO"), ("socket", "a socket"), ("device", "a device")])
def test_what_is_not_a_regular_file_is_not_opened(tmp_path: Path, kind: str, words: str) -> None:
    path = tmp_path / "x"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    for read in (open_regular, lambda path: read_regular(path, 100)):
        with pytest.raises(NotRegularFile, match=f"it is {words}, not a regular file"):
            read(path)


def test_a_folder_and_a_missing_file_are_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read_regular(tmp_path, 1)
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "x", 1)

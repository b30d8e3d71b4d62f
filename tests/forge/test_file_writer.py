"""What a download writes is in its file, past the page cache or through it."""

import fcntl
import mmap
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from hero_build.forge.file_writer import FileWriter

MIB = 1 << 20
LARGE = 64 * MIB
"""A total from which files are written past the page cache; what the tests write is a part of it."""


def pages(size: int) -> memoryview:
    """Random bytes at the beginning of a page, as the transport has them."""
    memory = mmap.mmap(-1, size)
    memory[:] = os.urandom(size)
    return memoryview(memory)


def written(path: Path, chunks: Sequence[memoryview], total: int | None = LARGE) -> tuple[bytes, list[bool]]:
    """The file after these writes, and whether each left it open for writes past the page cache."""
    direct = []
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        writer = FileWriter(descriptor, os.fstat(descriptor).st_size, total)
        os.lseek(descriptor, 0, os.SEEK_END)
        for chunk in chunks:
            writer.write(chunk)
            direct.append(bool(fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_DIRECT))
    finally:
        os.close(descriptor)
    return path.read_bytes(), direct


def can_write_direct(folder: Path) -> bool:
    try:
        os.close(os.open(folder / "probe", os.O_WRONLY | os.O_CREAT | os.O_DIRECT))
    except OSError:
        return False
    return True


def test_a_large_file_is_written_past_the_page_cache_and_its_end_through_it(tmp_path: Path) -> None:
    chunks = [pages(MIB), pages(MIB), pages(MIB + 8192 + 17), pages(100)]
    content, direct = written(tmp_path / "file", chunks)
    assert content == b"".join(chunks)
    assert direct == ([True, True, False, False] if can_write_direct(tmp_path) else [False] * 4)


@pytest.mark.parametrize("total", [None, 8 * MIB])
def test_a_small_file_and_one_of_unknown_size_stay_in_memory(tmp_path: Path, total: int | None) -> None:
    chunk = pages(MIB)
    assert written(tmp_path / "file", [chunk], total) == (bytes(chunk), [False])


def test_a_file_that_goes_on_where_another_run_ended_is_written_through_the_page_cache(tmp_path: Path) -> None:
    chunk = pages(MIB)
    (tmp_path / "file").write_bytes(b"first ")
    assert written(tmp_path / "file", [chunk]) == (b"first " + bytes(chunk), [False])


def test_memory_that_begins_within_a_page_is_written_all_the_same(tmp_path: Path) -> None:
    chunk = pages(2 * MIB)[1 : MIB + 1]
    assert written(tmp_path / "file", [chunk, chunk])[0] == bytes(chunk) * 2


@pytest.mark.parametrize("refuses", ["F_SETFL", "write"])
def test_a_file_system_that_refuses_is_written_through_the_page_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuses: str
) -> None:
    control, write = fcntl.fcntl, os.write

    def no_flag(descriptor: int, command: int, argument: int = 0) -> int:
        if argument & os.O_DIRECT:
            raise OSError(22, "Invalid argument")
        return control(descriptor, command, argument)

    def no_direct_write(descriptor: int, data: memoryview) -> int:
        if control(descriptor, fcntl.F_GETFL) & os.O_DIRECT:
            raise OSError(22, "Invalid argument")
        return write(descriptor, data)

    replaced: Callable[..., int] = no_flag if refuses == "F_SETFL" else no_direct_write
    monkeypatch.setattr(*((fcntl, "fcntl") if refuses == "F_SETFL" else (os, "write")), replaced)
    chunks = [pages(MIB), pages(MIB)]
    assert written(tmp_path / "file", chunks) == (b"".join(chunks), [False, False])


def test_a_full_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int, _data: memoryview) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        written(tmp_path / "file", [pages(MIB)])

"""Reads files that others may have put in place: regular files only, opened without waiting, up to a bound.

Opening a FIFO waits for a writer, and a device may never end.
"""

import errno
import os
import stat
from io import FileIO
from pathlib import Path

_STEP = 1 << 16  # bytes: what the kernel makes up while it is read, as in /proc, has no size
_KINDS = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class NotRegularFile(OSError):
    """`strerror` says what the file is instead."""


class FileTooLong(OSError):
    """`strerror` says how long the file may be."""


def open_regular(path: Path) -> FileIO:
    """The file, links followed, opened for reading, unbuffered. Raises OSError; NotRegularFile for a FIFO, a device or
    a socket, which is not opened, and IsADirectoryError for a folder.
    """
    _check(os.stat(path), path)  # opening a device can have effects
    file = FileIO(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY), "rb")
    try:
        _check(os.fstat(file.fileno()), path)  # it may have been exchanged meanwhile
    except BaseException:
        file.close()
        raise
    return file


def read_regular(path: Path, most: int) -> bytes:
    """The content of a regular file of up to `most` bytes. Raises FileTooLong, and what `open_regular` raises."""
    chunks, size = [], 0
    with open_regular(path) as file:
        step = max(min(os.fstat(file.fileno()).st_size, most) + 1, _STEP)  # all of it at once, unless it grows
        while chunk := file.read(step):
            chunks.append(chunk)
            size += len(chunk)
            if size > most:
                raise FileTooLong(errno.EFBIG, f"it is longer than {_size(most)}", str(path))
    return b"".join(chunks)


def _check(status: os.stat_result, path: Path) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    kind = next((words for test, words in _KINDS if test(status.st_mode)), "of another kind")
    raise NotRegularFile(errno.EINVAL, f"it is {kind}, not a regular file", str(path))


def _size(most: int) -> str:
    return f"{most >> 20} MiB" if most >= 1 << 20 else f"{most} bytes"

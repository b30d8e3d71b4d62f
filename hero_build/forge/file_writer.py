"""Writes a download to its file: past the page cache where the file is large and the file system can.

Copying 100 MB into the page cache takes longer than receiving them where memory has to be found first, and pushes out
what other programs have there. A smaller file stays in memory, where its first start finds it.
"""

import fcntl
import os

_DIRECT = getattr(os, "O_DIRECT", 0)
_LARGE = 32 << 20  # bytes of a file from which it is written past the page cache
_BLOCK = 4096  # bytes: O_DIRECT needs multiples of a disk's block, which is not larger
_WRITE_BACK = 4 << 20  # bytes: for each MiB alone, 30 files of 8 MiB took half as long again


class FileWriter:
    """Appends to an open file. `size`: the bytes that it has already; `total`: those it will have, if that is known."""

    def __init__(self, descriptor: int, size: int, total: int | None) -> None:
        self._descriptor = descriptor
        self._end = self._flushed = size  # bytes in the file, and those of them whose write-back was started
        self._direct = size == 0 and (total or 0) >= _LARGE and _set_direct(descriptor, on=True)

    def write(self, chunk: bytes | memoryview) -> None:
        """Raises OSError."""
        view = memoryview(chunk)
        if self._direct:
            view = self._write_direct(view)
        while view:
            view = view[self._count(os.write(self._descriptor, view)) :]
        if not self._direct:
            self._write_back()

    def _write_direct(self, view: memoryview) -> memoryview:
        """Write the whole blocks of a chunk; returns what is left to be written through the page cache.

        What comes after it goes there, too, since it does not begin at a block: the end of the file, or a line so slow
        that its chunks are not full. So does all of it where the file system refuses a write like this.
        """
        try:
            while len(view) >= _BLOCK:
                view = view[self._count(os.write(self._descriptor, view[: len(view) & -_BLOCK])) :]
        except OSError:
            pass  # the same write through the page cache raises what is a reason to stop
        if view:
            self._direct = False
            _set_direct(self._descriptor, on=False)
            self._flushed = self._end
        return view

    def _count(self, size: int) -> int:
        self._end += size
        return size

    def _write_back(self) -> None:
        """Start writing to disk now, so that the fsync at the end has little left: on Linux, DONTNEED does that first.
        The pages stay in memory because they are dirty.
        """
        if (size := self._end - self._flushed) >= _WRITE_BACK:
            os.posix_fadvise(self._descriptor, self._flushed, size, os.POSIX_FADV_DONTNEED)
            self._flushed = self._end


def _set_direct(descriptor: int, *, on: bool) -> bool:
    """Whether writes go past the page cache from now on: some file systems cannot."""
    try:
        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL) & ~_DIRECT
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | _DIRECT if on else flags)
    except OSError:
        return False
    return on and _DIRECT != 0

"""Limits for reading archives: none can fill the disk or the memory, or make a parser loop."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path

LARGEST_SIZE = 2 << 30
"""No member, and nothing unpacked on the way to it, may have more bytes than this."""
CHUNK = 1 << 20
_BASE_LIMIT, _RATIO = 64 << 20, 100  # libraries and modules compress three- to fivefold, a bomb a thousandfold


class ArchiveRefused(Exception):
    """Why an archive or its member is refused, as the end of the sentence "<archive> …"; `hint` is the next step."""

    def __init__(self, why: str, hint: str) -> None:
        super().__init__(why)
        self.hint = hint


def size_limit(archive: Path) -> int:
    """How many bytes the archive may unpack to."""
    return min(LARGEST_SIZE, _BASE_LIMIT + _RATIO * archive.stat().st_size)


@contextmanager
def refuse_damage(hint: str) -> Iterator[None]:
    """Turn the errors that damage causes in the parsers into ArchiveRefused; errors of the machine propagate."""
    try:
        yield
    except ArchiveRefused:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # EINVAL: a seek before 0
            raise
        raise ArchiveRefused(f"is a damaged archive: {error}", hint) from error


class BoundedReader:
    """A decompressed stream for tarfile that raises ArchiveRefused after `limit` bytes, too many for a `noun`.

    It only seeks forward: a header that points back would be read for ever, each time from the beginning. `last` is the
    block that was read last: at the end, the one that tarfile does not accept as a header.
    """

    def __init__(self, stream: BufferedIOBase, limit: int, noun: str, hint: str) -> None:
        self._stream, self._limit = stream, limit
        self._noun, self._hint = noun, hint
        self.last = b""

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, offset: int) -> int:
        if offset < self._stream.tell():
            raise ArchiveRefused("is a damaged archive: one of its headers points back", self._hint)
        self._check_limit(offset)
        return self._stream.seek(offset)

    def read(self, size: int) -> bytes:
        if size > CHUNK:  # tarfile reads an extended header at once
            raise ArchiveRefused("has a header of more than a megabyte", self._hint)
        self._check_limit(self._stream.tell() + size)
        self.last = self._stream.read(size)
        return self.last

    def _check_limit(self, offset: int) -> None:
        if offset > self._limit:
            raise ArchiveRefused(
                f"unpacks to more than {self._limit >> 20} MB, too much for a {self._noun}", self._hint
            )

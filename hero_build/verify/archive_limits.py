"""An archive read within bounds: nothing in it fills the disk or the memory, or leads a parser in circles."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path

LARGEST_SIZE = 2 << 30
"""No member, and nothing unpacked on the way to it, may be larger than this many bytes."""
CHUNK = 1 << 20
_BASE_LIMIT, _RATIO = 64 << 20, 100  # libraries and modules shrink three- to fivefold; a bomb a thousandfold


class ArchiveRefused(Exception):
    """Why an archive or its member is refused, as the end of the sentence "<archive> …"; `hint` is the next step."""

    def __init__(self, why: str, hint: str) -> None:
        super().__init__(why)
        self.hint = hint


def size_limit(archive: Path) -> int:
    """How many bytes may come out of the archive."""
    return min(LARGEST_SIZE, _BASE_LIMIT + _RATIO * archive.stat().st_size)


@contextmanager
def refuse_damage(hint: str) -> Iterator[None]:
    """Whatever damage makes of the parsers is an ArchiveRefused; only the machine's own errors pass."""
    try:
        yield
    except ArchiveRefused:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # EINVAL: told to seek before 0
            raise
        raise ArchiveRefused(f"is a damaged archive: {error}", hint) from error


class BoundedReader:
    """A decompressed stream, read by tarfile, that ends in a refusal after `limit` bytes: no `noun` is that large.

    It goes forward only: a header that leads back would be read for ever, each time from the beginning. `last` is what
    was read last: in the end, the block that tarfile did not take for a header.
    """

    def __init__(self, stream: BufferedIOBase, limit: int, noun: str, hint: str) -> None:
        self._stream, self._limit = stream, limit
        self._noun, self._hint = noun, hint
        self.last = b""

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, offset: int) -> int:
        if offset < self._stream.tell():
            raise ArchiveRefused("is a damaged archive: a header in it leads back", self._hint)
        self._within(offset)
        return self._stream.seek(offset)

    def read(self, size: int) -> bytes:
        if size > CHUNK:  # tarfile asks for a whole extended header at once
            raise ArchiveRefused("has a header of more than a megabyte", self._hint)
        self._within(self._stream.tell() + size)
        self.last = self._stream.read(size)
        return self.last

    def _within(self, offset: int) -> None:
        if offset > self._limit:
            raise ArchiveRefused(f"unpacks to more than {self._limit >> 20} MB: that is no {self._noun}", self._hint)

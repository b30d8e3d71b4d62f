"""One file on its way in: what is there of it, and the digest of that, kept up with every write."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from hero_build.errors import DiskFull, machine_errors
from hero_build.forge.download_dir import DownloadDir
from hero_build.forge.protocol import Body

Progress = Callable[[int], None]
_CHUNK = 1 << 20
_HEAD_SIZE = 200  # bytes that tell a page from a program


class PartialFile:
    """Not safe to share between threads. `proven`: a digest will tell at the end whether the pieces fit together."""

    def __init__(self, downloads: DownloadDir, key: str, progress: Progress, *, proven: bool) -> None:
        self.size = 0
        self.high = 0
        """The most bytes there ever were: whether another attempt got any further."""
        self.pieced = False
        """Whether some of it came by an earlier attempt."""
        self._inbox = downloads
        self._key = key
        self._progress = progress
        self._proven = proven
        self._sha256 = hashlib.sha256()
        self._descriptor = -1
        self._path = Path()
        self._mark = ""
        self._total: int | None = None

    @property
    def digest(self) -> str:
        return self._sha256.hexdigest()

    @property
    def whole(self) -> bool:
        return self._total is not None and self.size == self._total

    def adopt(self) -> None:
        """Take over what an earlier run left, if anything."""
        with machine_errors(self._inbox.folder):
            for name in self._inbox.names(self._key):
                descriptor = self._inbox.lock(name, create=False)
                if descriptor is not None:
                    _, self._mark, total = name.split(".")
                    self._total = int(total) if total else None
                    self._descriptor, self._path = descriptor, self._inbox.folder / name
                    self._read_up()
                    return

    def head(self, size: int) -> bytes:
        """Its first bytes."""
        return os.pread(self._descriptor, size, 0) if self._descriptor >= 0 else b""

    def continues(self, body: Body) -> bool:
        """Whether `body` is more of the content that was begun."""
        told = self._proven or bool(body.identity)
        return told and _content_id(body) == self._mark and body.total == self._total

    def begin(self, body: Body) -> None:
        """Start over with the content that `body` tells of."""
        self.drop()
        self._mark, self._total = _content_id(body), body.total
        name = f"{self._key}.{self._mark}.{'' if body.total is None else body.total}"
        with machine_errors(self._inbox.folder):
            descriptor = self._inbox.lock(name, create=True)
            if descriptor is None:
                self._descriptor, self._path = self._inbox.private(name)
            else:
                self._descriptor, self._path = descriptor, self._inbox.folder / name
                os.ftruncate(descriptor, 0)

    def write(self, piece: bytes | memoryview) -> None:
        """Raises DiskFull (after removing the file: it would only fill the disk further), NotWritable."""
        self._sha256.update(piece)
        try:
            with machine_errors(self._inbox.folder):
                _write_all(self._descriptor, piece)
                # Let the disk begin while more comes in, so that the fsync at the end finds little left to write: on
                # Linux that is what DONTNEED does first. The pages stay, since they are dirty.
                os.posix_fadvise(self._descriptor, self.size, len(piece), os.POSIX_FADV_DONTNEED)
        except DiskFull:
            self.drop()
            raise
        self._count(len(piece))

    def finish(self) -> Path:
        """The whole file under a name that is this run's alone. It is not synced: whoever keeps it does that."""
        with machine_errors(self._inbox.folder):
            path = self._inbox.done(self._path)
        self.close()
        return path

    def drop(self) -> None:
        """Remove the file, and what was told of its progress."""
        if self._descriptor >= 0:
            self._path.unlink(missing_ok=True)
            self.close()
        if self.size:
            self._progress(-self.size)
        self.size, self.pieced, self._total = 0, False, None
        self._sha256 = hashlib.sha256()

    def close(self) -> None:
        """Leave the file for a later run to go on with."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _read_up(self) -> None:
        view = memoryview(bytearray(_CHUNK))
        while size := os.readv(self._descriptor, [view]):
            self._sha256.update(view[:size])
            self._count(size)
            self.pieced = True

    def _count(self, size: int) -> None:
        self.size += size
        self.high = max(self.high, self.size)
        self._progress(size)


class HashOnly(PartialFile):
    """A file that is only proven: hashed as it comes, and written nowhere."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(DownloadDir(Path()), "", progress, proven=True)
        self._head = b""

    def adopt(self) -> None:
        """Nothing of it is ever left."""

    def head(self, size: int) -> bytes:
        return self._head[:size]

    def begin(self, body: Body) -> None:
        self.drop()
        self._head, self._mark, self._total = b"", _content_id(body), body.total

    def write(self, piece: bytes | memoryview) -> None:
        if len(self._head) < _HEAD_SIZE:
            self._head += bytes(piece[: _HEAD_SIZE - len(self._head)])
        self._sha256.update(piece)
        self._count(len(piece))


def _content_id(body: Body) -> str:
    return hashlib.sha256(body.identity.encode(errors="surrogateescape")).hexdigest()[:16]


def _write_all(descriptor: int, piece: bytes | memoryview) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(descriptor, view) :]

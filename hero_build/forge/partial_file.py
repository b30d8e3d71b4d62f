"""One unfinished download: its bytes so far, and their digest, updated with every write."""

import os
from collections.abc import Callable
from pathlib import Path

from hero_build.errors import DiskFull
from hero_build.forge.download_dir import DownloadDir
from hero_build.forge.file_writer import FileWriter
from hero_build.forge.protocol import Body
from hero_build.os_errors import machine_errors
from hero_build.system.sha256 import hasher, sha256_of

Progress = Callable[[int], None]
_CHUNK = 1 << 20
_HEAD_SIZE = 200  # bytes that distinguish a page from a program


class PartialFile:
    """Not safe to share between threads. `verifiable`: the expected digest is known, so mixed parts are detected."""

    def __init__(self, downloads: DownloadDir, key: str, progress: Progress, *, verifiable: bool) -> None:
        self.size = 0
        self.peak = 0
        """The most bytes so far, which shows whether an attempt made progress."""
        self.resumed = False
        """Whether an earlier attempt wrote some of it."""
        self._downloads = downloads
        self._key = key
        self._progress = progress
        self._verifiable = verifiable
        self._sha256 = hasher(0)
        self._descriptor = -1
        self._writer: FileWriter | None = None
        self._path = Path()
        self._content = ""
        self._total: int | None = None

    @property
    def digest(self) -> str:
        return self._sha256.hexdigest()

    @property
    def whole(self) -> bool:
        return self._total is not None and self.size == self._total

    def adopt(self) -> None:
        """Take over the file that an earlier run left, if any."""
        with machine_errors(self._downloads.folder, self._downloads.other):
            for name in self._downloads.names(self._key):
                descriptor = self._downloads.lock(name, create=False)
                if descriptor is not None:
                    _, self._content, total = name.split(".")
                    self._total = int(total) if total else None
                    self._descriptor, self._path = descriptor, self._downloads.folder / name
                    self._sha256 = hasher(self._total)
                    self._hash_existing()
                    return

    def head(self, size: int) -> bytes:
        """Its first bytes."""
        return os.pread(self._descriptor, size, 0) if self._descriptor >= 0 else b""

    def continues(self, body: Body) -> bool:
        """Whether `body` continues the content that was started."""
        comparable = self._verifiable or bool(body.identity)
        return comparable and _content_id(body) == self._content and body.total == self._total

    def has_identity(self, identity: str) -> bool:
        """Whether the content that was started calls itself so."""
        return self._content == _hashed(identity)

    def start(self, body: Body) -> None:
        """Start over with the content of `body`."""
        self.drop()
        self._begin(body)
        name = f"{self._key}.{self._content}.{'' if body.total is None else body.total}"
        with machine_errors(self._downloads.folder, self._downloads.other):
            descriptor = self._downloads.lock(name, create=True)
            if descriptor is None:
                self._descriptor, self._path = self._downloads.private(name)
            else:
                self._descriptor, self._path = descriptor, self._downloads.folder / name
                os.ftruncate(descriptor, 0)

    def write(self, chunk: bytes | memoryview) -> None:
        """Raises DiskFull (after deleting the file, which would only fill the disk further), NotWritable."""
        self._sha256.update(chunk)
        try:
            with machine_errors(self._downloads.folder, self._downloads.other):
                self._file_writer().write(chunk)
        except DiskFull:
            self.drop()
            raise
        self._count(len(chunk))

    def finish(self) -> Path:
        """The complete file, under a name of this run alone. It is not synced: the caller that keeps it does that."""
        with machine_errors(self._downloads.folder, self._downloads.other):
            path = self._downloads.done(self._path)
        self.close()
        return path

    def drop(self) -> None:
        """Delete the file, and take back the progress that was reported for it."""
        if self._descriptor >= 0:
            self._path.unlink(missing_ok=True)
            self.close()
        if self.size:
            self._progress(-self.size)
        self.size, self.resumed, self._total = 0, False, None
        self._sha256 = hasher(0)

    def close(self) -> None:
        """Leave the file for a later run to continue."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor, self._writer = -1, None

    def _begin(self, body: Body) -> None:
        self._content, self._total, self._sha256 = _content_id(body), body.total, hasher(body.total)

    def _hash_existing(self) -> None:
        view = memoryview(bytearray(_CHUNK))
        while size := os.readv(self._descriptor, [view]):
            self._sha256.update(view[:size])
            self._count(size)
            self.resumed = True

    def _file_writer(self) -> FileWriter:
        self._writer = self._writer or FileWriter(self._descriptor, self.size, self._total)
        return self._writer

    def _count(self, size: int) -> None:
        self.size += size
        self.peak = max(self.peak, self.size)
        self._progress(size)


class HashOnly(PartialFile):
    """A download that is only verified: hashed as it arrives, and not written."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(DownloadDir(Path()), "", progress, verifiable=True)
        self._head = b""

    def adopt(self) -> None:
        """Does nothing: no run leaves a file of this kind."""

    def head(self, size: int) -> bytes:
        return self._head[:size]

    def start(self, body: Body) -> None:
        self.drop()
        self._head = b""
        self._begin(body)

    def write(self, chunk: bytes | memoryview) -> None:
        if len(self._head) < _HEAD_SIZE:
            self._head += bytes(chunk[: _HEAD_SIZE - len(self._head)])
        self._sha256.update(chunk)
        self._count(len(chunk))


def _content_id(body: Body) -> str:
    return _hashed(body.identity)


def _hashed(identity: str) -> str:
    return sha256_of(identity.encode(errors="surrogateescape"))[:16]

"""The contents of a pack, by their digest: regions of that file, stored as they are."""

import mmap
import os
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from hero_build.errors import BadForgeResponse, NetworkError
from hero_build.forge.mirror_layout import STORE
from hero_build.forge.protocol import Body, Ref, no_file, no_release
from hero_build.model.steps import Asset, Release
from hero_build.os_errors import raise_for_machine

_CHUNK = 1 << 20
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_COPY = "Copy the pack again."


class PackContents:
    """A Forge that opens assets with a digest, and finds no release: its lock file does."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @property
    def url(self) -> str:
        return self._file.absolute().as_uri()

    def find(self, ref: Ref) -> Release:
        raise no_release(ref.repo, ref.tag or "at all", ())

    @contextmanager
    def open(self, asset: Asset, start: int = 0) -> Iterator[Body]:
        """Raises AssetNotFound for what was not packed, NetworkError without the file, BadForgeResponse."""
        try:
            descriptor = os.open(self._file, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise_for_machine(error, self._file)
            sentence = f"the pack {self._file} cannot be read: {error.strerror}"
            raise NetworkError(sentence, "Is its disk mounted? Run the pack from where it is now.") from error
        try:
            offset, size = self._region(asset, descriptor)
            position = min(start, size)
            yield _Region(position, size, identity=asset.sha256 or "", descriptor=descriptor, offset=offset)
        finally:
            os.close(descriptor)

    def _region(self, asset: Asset, descriptor: int) -> tuple[int, int]:
        """Where the content is in the file, and its size."""
        try:
            with open(descriptor, "rb", closefd=False) as file, zipfile.ZipFile(file) as archive:
                item = archive.getinfo(f"{STORE}/{asset.sha256}")
            header = os.pread(descriptor, _LOCAL_HEADER.size, item.header_offset)
            magic, name, extra = _LOCAL_HEADER.unpack(header)
        except KeyError as error:
            raise no_file(asset.name, str(self._file)) from error
        except (zipfile.BadZipFile, struct.error, OSError) as error:
            raise_for_machine(error, self._file)
            raise BadForgeResponse(f"the pack {self._file} is damaged: {error}", _COPY) from error
        if magic != b"PK\x03\x04" or item.compress_type != zipfile.ZIP_STORED:
            raise BadForgeResponse(f"the pack {self._file} is damaged: {asset.name} is not where it says", _COPY)
        return item.header_offset + _LOCAL_HEADER.size + name + extra, item.file_size


class _Region(Struct, frozen=True):
    start: int
    total: int
    identity: str
    descriptor: int
    offset: int

    def chunks(self) -> Iterator[memoryview]:
        """Each is valid until the next one."""
        view, position = memoryview(mmap.mmap(-1, _CHUNK)), self.start  # whole pages, as O_DIRECT needs them
        while size := os.preadv(self.descriptor, [view[: self.total - position]], self.offset + position):
            yield view[:size]
            position += size

"""Packing a bundle's folder into a reproducible archive: the same files give the same bytes on every machine.

Names are sorted; owners, times and modes are fixed. The data is compressed by zlib at level 9: a Python built with
another deflate implementation, such as zlib-ng, writes another archive with the same content.
"""

import hashlib
import struct
import tarfile
import zlib
from pathlib import Path
from typing import IO, cast

from hero_build.errors import InvalidBundle
from hero_build.os_errors import machine_errors
from hero_build.verify.bundle_files import UnsafeMember, read_folder

_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\x02\xff"  # deflate, no name, no time, best compression, unknown system (RFC 1952)
_RAW = -15  # deflate without the zlib header


def pack(folder: Path, out: Path) -> tuple[str, int]:
    """Write the files of `folder` to the .tar.gz `out`; its sha256 and its size in bytes.

    Raises InvalidBundle for links, devices and names that a bundle may not have; DiskFull, NotWritable.
    """
    with machine_errors(folder):
        files = _files(folder)
    with machine_errors(out.parent), out.open("wb") as stream:
        packed = GzipWriter(stream)
        with tarfile.open(fileobj=cast("IO[bytes]", packed), mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name, path in files:
                with path.open("rb") as content:
                    tar.addfile(_tar_member(name, path.stat().st_size), content)
        return packed.end()


def _files(folder: Path) -> list[tuple[str, Path]]:
    try:
        return [(item.name, item.path) for item in read_folder(folder)]
    except UnsafeMember as error:
        raise InvalidBundle(f"{folder} {error}", "A bundle holds plain files and folders only.") from error


def _tar_member(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    return info


class GzipWriter:
    """A file object for tarfile that compresses, with a header that names no machine, and hashes what it writes."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._deflate = zlib.compressobj(9, zlib.DEFLATED, _RAW, 9)
        self._digest = hashlib.sha256()
        self._crc = self._plain = self._size = 0
        self._emit(_HEADER)

    def tell(self) -> int:
        return self._plain

    def write(self, data: bytes) -> int:
        self._crc = zlib.crc32(data, self._crc)
        self._plain += len(data)
        self._emit(self._deflate.compress(data))
        return len(data)

    def end(self) -> tuple[str, int]:
        self._emit(self._deflate.flush() + struct.pack("<II", self._crc, self._plain & 0xFFFFFFFF))
        return self._digest.hexdigest(), self._size

    def _emit(self, data: bytes) -> None:
        self._out.write(data)
        self._digest.update(data)
        self._size += len(data)

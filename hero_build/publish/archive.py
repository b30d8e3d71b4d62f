"""A bundle's folder as the archive that is published: the same bytes for the same files, whoever packs them.

Sorted names, no owners, no times, one mode. The compressed bytes are zlib's at its highest level; where Python has
another deflate, such as zlib-ng, the archive differs and what is in it does not.
"""

import hashlib
import struct
import tarfile
import zlib
from pathlib import Path
from typing import IO, cast

from hero_build.errors import InvalidBundle, machine_errors
from hero_build.verify.bundle_files import Astray, walk

_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\x02\xff"  # deflate, no name, no time, smallest, of no particular system (RFC 1952)
_RAW = -15  # deflate without a header of zlib's own


def pack(folder: Path, out: Path) -> tuple[str, int]:
    """Write the files of `folder` to the .tar.gz `out`: its sha256 and size.

    Raises InvalidBundle for links, devices and names that no bundle may have; DiskFull, NotWritable.
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
        return [(item.name, item.path) for item in walk(folder)]
    except Astray as error:
        raise InvalidBundle(f"{folder} {error}", "A bundle holds plain files and folders only.") from error


def _tar_member(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    return info


class GzipWriter:
    """What is written, compressed with a header that tells nothing of this machine, and hashed on its way out."""

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

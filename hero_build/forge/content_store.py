"""The contents of a mirror by their digest: an address for each that never means anything else (contract).

    <dir>/_store/<sha256>          a hard link to the file in its release's folder
    <dir>/_store/<sha256>.zst      the same, compressed, where that saves something

Each appears complete, by one link or rename. A file system without hard links gets no `_store`: it would hold each file
twice.
"""

import errno
import hashlib
import os
import secrets
from pathlib import Path

from hero_build.forge.mirror_layout import OTHER_MIRROR, STORE
from hero_build.os_errors import machine_errors
from hero_build.system import zstd
from hero_build.system.fsync import fsync, make_folder

ZST = ".zst"
_SMALL = 16 << 10  # bytes; below, a request costs more than what is saved
_PAYS = 0.9
_CHUNK = 1 << 20
_PACKED = (".gz", ".tgz", ".zst", ".xz", ".bz2", ".zip", ".minisig", ".sha256")
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


def may_compress(name: str, size: int | None) -> bool:
    """Whether a file can be expected to be there compressed, too: its size is known, and it is not packed already."""
    return size is not None and size >= _SMALL and not name.endswith(_PACKED)


def add(directory: Path, path: Path, sha256: str) -> None:
    """Add a file of the mirror, whose content has this digest, to the contents. Raises NotWritable, DiskFull."""
    place = directory / STORE / sha256
    with machine_errors(directory, OTHER_MIRROR):
        make_folder(place.parent)
        if _link(path, place) and may_compress(path.name, size := path.stat().st_size):
            _compress(place, size)
        fsync(place.parent)


def _link(path: Path, place: Path) -> bool:
    """Whether `place` has the content of `path` now. One that is there already and damaged is replaced."""
    if place.exists() and _digest(place) == place.name:
        return True
    part = place.with_name(f".{secrets.token_hex(8)}.part")
    try:
        os.link(path, part)
        part.replace(place)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return False
    finally:
        part.unlink(missing_ok=True)
    return True


def _compress(place: Path, size: int) -> None:
    """One that is there already and damaged is replaced, too."""
    target = place.with_name(place.name + ZST)
    if target.exists() and _unpacked_digest(target, size) == place.name:
        return
    target.unlink(missing_ok=True)
    part = place.with_name(f".{secrets.token_hex(8)}.part")
    try:
        if zstd.compress(place, part) <= size * _PAYS:
            fsync(part)
            part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _unpacked_digest(packed: Path, size: int) -> str:
    """The digest of what a file unpacks to; empty where that is not `size` bytes."""
    digest, total = hashlib.sha256(), 0
    try:
        with packed.open("rb") as file:
            for piece in zstd.decompressed(iter(lambda: file.read(_CHUNK), b"")):
                digest.update(piece)
                total += len(piece)
                if total > size:
                    return ""
    except zstd.InvalidZstd:
        return ""
    return digest.hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

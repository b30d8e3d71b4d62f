"""Extracts one regular file from a .tar.gz or .zip, for a Library, after the archive's digest was checked.

Nothing in the archive is trusted. `extract.unpack` unpacks a whole folder, for a bundle.
"""

import os
import stat
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, cast

from msgspec import Struct

from hero_build.errors import InvalidBinary
from hero_build.model.names import nearest
from hero_build.os_errors import machine_errors
from hero_build.verify import sniff
from hero_build.verify.archive_limits import CHUNK, ArchiveRefused, BoundedReader, refuse_damage
from hero_build.verify.archive_limits import size_limit as limit_of
from hero_build.verify.bundle_files import is_apple_double

_MEMBERS, _COMPARED = 100_000, 1_000
_ENCRYPTED = 1
_RECIPE = "Correct `member` in the recipe's Pinned."
_PINNED = "Correct the recipe's Pinned: its file is not as the recipe says."


class ExtractedMember(Struct, frozen=True):
    """A file that was extracted and fsynced."""

    path: Path
    sha256: str
    size: int


def extract_member(archive: Path, member: str, name: str) -> ExtractedMember:
    """The file `member` of the archive (`name` in errors), written next to it as `<archive>.member`.

    Raises InvalidBinary if it is not an archive, is too large, or has no such regular file; DiskFull, NotWritable.
    """
    path = archive.with_name(archive.name + ".member")
    with machine_errors(path.parent):
        path.unlink(missing_ok=True)
    try:
        return _write(_read_member(archive, member), path)
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, ArchiveRefused):
            raise InvalidBinary(f"{name} {error}", error.hint) from error
        raise


def _write(chunks: Iterator[bytes], path: Path) -> ExtractedMember:
    import hashlib

    digest, size = hashlib.sha256(), 0
    with machine_errors(path.parent), path.open("xb") as out:
        for chunk in chunks:
            out.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        out.flush()
        os.fsync(out.fileno())
    return ExtractedMember(path, digest.hexdigest(), size)


def _read_member(archive: Path, member: str) -> Iterator[bytes]:
    """The member's bytes. Raises ArchiveRefused, and OSError where the machine fails."""
    limit = limit_of(archive)
    with refuse_damage(_PINNED), archive.open("rb") as stream:
        head = stream.read(sniff.HEAD)
        stream.seek(0)
        yield from _reader_for(head)(stream, member, limit)


def _reader_for(head: bytes) -> Callable[[IO[bytes], str, int], Iterator[bytes]]:
    if head.startswith(b"\x1f\x8b"):
        return _from_tar
    if head.startswith(b"PK"):
        return _from_zip
    kind = sniff.describe(head)
    raise ArchiveRefused(f"is {kind.words}, not a .tar.gz or .zip archive", kind.hint)


def _from_tar(stream: IO[bytes], member: str, limit: int) -> Iterator[bytes]:
    import gzip
    import tarfile

    names: list[str] = []
    with gzip.GzipFile(fileobj=stream) as plain:
        tar = tarfile.TarFile(
            fileobj=cast("IO[bytes]", BoundedReader(plain, limit=limit, noun="library", hint=_PINNED))
        )
        for info in islice(tar, _MEMBERS):
            if _normalized(info.name) != _normalized(member):
                names.append(info.name)
                continue
            if info.issym() or info.islnk():
                raise ArchiveRefused(f"contains {member!r} as a link to {info.linkname!r}", _RECIPE)
            content = tar.extractfile(info) if info.isreg() and not info.issparse() else None
            yield from _read_chunks(content, member=member, size=info.size, limit=limit)
            return
    raise _no_such_member(member, names)


def _from_zip(stream: IO[bytes], member: str, limit: int) -> Iterator[bytes]:
    import zipfile

    with zipfile.ZipFile(stream) as archive:
        members = (item for item in archive.infolist() if _normalized(item.filename) == _normalized(member))
        info = next(members, None)
        if info is None:
            raise _no_such_member(member, archive.namelist())
        if info.flag_bits & _ENCRYPTED:
            raise ArchiveRefused(f"contains {member!r} encrypted", _PINNED)
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind == stat.S_IFLNK:
            raise ArchiveRefused(f"contains {member!r} as a link", _RECIPE)
        regular = kind in (0, stat.S_IFREG) and not info.is_dir()  # 0: packed on a system without file types
        with archive.open(info) as content:
            yield from _read_chunks(content if regular else None, member=member, size=info.file_size, limit=limit)


def _read_chunks(content: IO[bytes] | None, member: str, size: int, limit: int) -> Iterator[bytes]:
    if content is None:
        raise ArchiveRefused(f"contains {member!r}, which is not a regular file", _RECIPE)
    if size > limit:
        raise ArchiveRefused(f"unpacks to {size >> 20} MB, too much for a library", _PINNED)
    while chunk := content.read(CHUNK):
        yield chunk


def _normalized(name: str) -> str:
    return name.removeprefix("./")


def _no_such_member(member: str, names: list[str]) -> ArchiveRefused:
    names = [name for name in names[:_COMPARED] if not is_apple_double(name)]
    near = nearest(member, names, cutoff=0.3)
    has = f"It has {', '.join(map(repr, near))}. " if near else ""
    return ArchiveRefused(f"contains no file {member!r}", has + _RECIPE)

"""The symbol versions that an ELF file needs or defines, read as the loader reads them: from PT_DYNAMIC.

Section headers are not read: a stripped file need not have any.

Layouts: Linux Standard Base, "Symbol Versioning"; a few kilobytes are read, whatever the size of the file.
"""

import functools
import os
import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from hero_build.os_errors import raise_for_machine
from hero_build.verify import elf_header
from hero_build.verify.elf_header import Header
from hero_build.verify.sniff import InvalidFormat

_STRTAB, _VERDEF, _VERDEFNUM, _VERNEED, _VERNEEDNUM = 5, 0x6FFFFFFC, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF
_NEED, _NEED_NAME = struct.Struct("<HHIII"), struct.Struct("<IHHII")
_DEFINITION = struct.Struct("<HHHHIII")
_WEAK = 2  # VER_FLG_WEAK: the loader accepts that it is missing
_ENTRIES_MAX, _NAME_MAX = 4096, 256
_LIBC = "libc.so.6"
_GLIBC_FILE = re.compile(r"(?:ld-linux[a-z0-9_-]*|lib(?:c|m|mvec|pthread|dl|rt|resolv|util|anl|nsl))\.so\.[0-9]")


class VersionNeed(Struct, frozen=True):
    """A symbol version (`GLIBC_2.34`) that a file needs from a library (`libc.so.6`)."""

    library: str
    name: str


def read_needs(file: int, header: Header) -> tuple[VersionNeed, ...]:
    """What the open file needs (DT_VERNEED), without weak needs. Raises InvalidFormat for damaged tables."""
    tags = elf_header.dynamic_tags(file, header)
    needs: list[VersionNeed] = []
    left = _ENTRIES_MAX
    for offset, (_, count, library, first, _) in _entries(
        file, header=header, form=_NEED, table=(tags, _VERNEED, _VERNEEDNUM)
    ):
        name = _string(file, header=header, tags=tags, index=library)
        if (left := left - count) < 0:
            raise _damaged()
        for _, flags, _, version, _ in _chain(file, form=_NEED_NAME, offset=offset + first, count=count):
            if not flags & _WEAK:
                needs.append(VersionNeed(name, _string(file, header=header, tags=tags, index=version)))
    return tuple(needs)


def first_undefined(needs: tuple[VersionNeed, ...], loader: str) -> VersionNeed | None:
    """The first of the needs that the C library beside this loader does not define; None where all are defined."""
    folder = libc_folder(Path(loader))
    for need in needs:
        if not _GLIBC_FILE.fullmatch(need.library):
            continue  # of another library, which the program may bring along
        if folder is None or need.name not in _defined(_library(folder, need.library)):
            return need
    return None


def libc_folder(loader: Path) -> Path | None:
    """The folder of the C library that a loader of glibc uses, or else of the one that this process runs on."""
    beside = Path(os.path.realpath(loader)).parent
    if (beside / _LIBC).is_file():
        return beside
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError as error:
        raise_for_machine(error)
        return None
    mapped = (Path(line.split(maxsplit=5)[5]) for line in lines if line.endswith(f"/{_LIBC}"))
    return next((path.parent for path in mapped), None)


def _library(folder: Path, name: str) -> Path:
    """The file of the library; since glibc 2.34, some exist only as part of libc."""
    return folder / name if (folder / name).is_file() else folder / _LIBC


def _defined(path: Path) -> frozenset[str]:
    status = path.stat()
    return _read_defined(str(path), (status.st_ino, status.st_size, status.st_mtime_ns))


@functools.lru_cache(maxsize=32)
def _read_defined(path: str, _stamp: tuple[int, int, int]) -> frozenset[str]:
    """The versions that a library defines (DT_VERDEF)."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        header = elf_header.read(file, os.fstat(file).st_size)
        tags = elf_header.dynamic_tags(file, header)
        entries = _entries(file, header=header, form=_DEFINITION, table=(tags, _VERDEF, _VERDEFNUM))
        return frozenset(
            _string(file, header=header, tags=tags, index=struct.unpack("<I", _read(file, offset + first, 4))[0])
            for offset, (*_, first, _) in entries
        )
    finally:
        os.close(file)


def _entries(
    file: int, header: Header, form: struct.Struct, table: tuple[Mapping[int, int], int, int]
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """The entries of a version table and their offsets; each ends with the distance to the next one, 0 in the last."""
    tags, address, number = table
    if address not in tags:
        return
    offset, count = elf_header.file_offset(header, tags[address]), tags.get(number, 0)
    if offset is None or not 0 < count <= _ENTRIES_MAX:
        raise _damaged()
    for left in reversed(range(count)):
        entry = form.unpack(_read(file, offset, form.size))
        yield offset, entry
        if bool(entry[-1]) != bool(left):
            raise _damaged()
        offset += entry[-1]


def _chain(file: int, form: struct.Struct, offset: int, count: int) -> Iterator[tuple[int, ...]]:
    for left in reversed(range(count)):
        entry = form.unpack(_read(file, offset, form.size))
        yield entry
        if left and not entry[-1]:
            raise _damaged()
        offset += entry[-1]


def _string(file: int, header: Header, tags: Mapping[int, int], index: int) -> str:
    start = elf_header.file_offset(header, tags.get(_STRTAB, 0) + index)
    if start is None:
        raise _damaged()
    text, end, _ = os.pread(file, _NAME_MAX, start).partition(b"\0")
    name = text.decode("ascii", "replace")
    if not (end and text and name.isprintable()) or "\ufffd" in name:
        raise _damaged()
    return name


def _read(file: int, offset: int, size: int) -> bytes:
    content = os.pread(file, size, offset)
    if len(content) < size:
        raise _damaged()
    return content


def _damaged() -> InvalidFormat:
    return InvalidFormat("has damaged version tables")

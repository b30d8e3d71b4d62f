"""Reads the ELF header and program headers: 64 + 56 × n bytes. Importing a library for that would cost 45 ms.

Layouts: System V ABI, "Object Files" (gabi4+), ELFCLASS64, little-endian.
"""

import os
import struct
from collections.abc import Mapping
from itertools import takewhile

from msgspec import Struct

from hero_build.system.plain_text import plural
from hero_build.verify.sniff import InvalidFormat

EXEC, DYN = 2, 3
LOAD, DYNAMIC, INTERP = 1, 2, 3
EXECUTABLE = 1
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_TAG = struct.Struct("<qQ")
_SECTION_SIZE = 64
_TYPES = {0: "has no type", 1: "is an object file (.o)", 4: "is a core dump"}
_SYSTEMS = {0, 3}
_END, _FLAGS_1, _PIE = 0, 0x6FFFFFFB, 0x08000000
_DYNAMIC_MAX = 64 * 1024
_INTERP_MAX = 4096


class Segment(Struct, frozen=True):
    type: int
    flags: int
    offset: int
    vaddr: int
    filesz: int
    memsz: int


class Header(Struct, frozen=True):
    type: int
    machine: int
    entry: int
    segments: tuple[Segment, ...]

    def first(self, kind: int) -> Segment | None:
        return next((segment for segment in self.segments if segment.type == kind), None)


def read(file: int, size: int) -> Header:
    """The headers of the open file of `size` bytes; all lie inside it. Raises InvalidFormat."""
    raw = os.pread(file, _HEADER.size, 0)
    if len(raw) < _HEADER.size:
        raise InvalidFormat(f"ends after {plural(len(raw), 'byte')}, inside its ELF header")
    ident, kind, machine, version, entry, phoff, shoff, _, ehsize, phentsize, phnum, shentsize, shnum, _ = (
        _HEADER.unpack(raw)
    )
    _check_identity(ident)
    if kind not in (EXEC, DYN):
        raise InvalidFormat(_TYPES.get(kind, f"is of the unknown ELF type {kind}"))
    if version != 1 or ehsize != _HEADER.size or phentsize != _SEGMENT.size:
        raise InvalidFormat("has a damaged ELF header")
    if phoff + phnum * phentsize > size or (shoff and shoff + shnum * shentsize > size):
        raise InvalidFormat("has headers that point past its end: it is cut short")
    if shoff and shnum and shentsize != _SECTION_SIZE:
        raise InvalidFormat("has a damaged ELF header")
    return Header(
        kind,
        machine=machine,
        entry=entry,
        segments=_segments(file, size=size, offset=phoff, count=phnum),
    )


def interpreter(file: int, header: Header) -> str | None:
    """The loader that the program names (PT_INTERP); None if it names none. Raises InvalidFormat."""
    segment = header.first(INTERP)
    if segment is None:
        return None
    raw = _read_segment(file, segment, _INTERP_MAX)
    path, end, _ = raw.partition(b"\0")
    text = path.decode("ascii", "replace")
    if not end or not path.startswith(b"/") or not text.isprintable() or "\ufffd" in text:
        raise InvalidFormat("asks for a loader whose name is damaged")
    return text


def is_pie(file: int, header: Header) -> bool:
    """Whether the file is a position-independent executable (DF_1_PIE), not a shared object."""
    return bool(dynamic_tags(file, header).get(_FLAGS_1, 0) & _PIE)


def dynamic_tags(file: int, header: Header) -> Mapping[int, int]:
    """The entries of PT_DYNAMIC up to its end (DT_NULL), by tag; empty for a file without one."""
    segment = header.first(DYNAMIC)
    raw = _read_segment(file, segment, _DYNAMIC_MAX) if segment else b""
    entries = _TAG.iter_unpack(raw[: len(raw) // _TAG.size * _TAG.size])
    return dict(takewhile(lambda entry: entry[0] != _END, entries))


def file_offset(header: Header, address: int) -> int | None:
    """Where in the file the byte is that is loaded at an address; None for an address outside of the file's bytes."""
    for segment in header.segments:
        if segment.type == LOAD and segment.vaddr <= address < segment.vaddr + segment.filesz:
            return segment.offset + address - segment.vaddr
    return None


def _read_segment(file: int, segment: Segment, most: int) -> bytes:
    size = min(segment.filesz, most)
    return os.pread(file, size, segment.offset) if size else b""  # an empty segment may have any offset


def _check_identity(ident: bytes) -> None:
    if ident[4] != 2:
        raise InvalidFormat("is a 32-bit program" if ident[4] == 1 else "has a damaged ELF header")
    if ident[5] != 1:
        raise InvalidFormat("is a big-endian program" if ident[5] == 2 else "has a damaged ELF header")
    if ident[6] != 1:
        raise InvalidFormat("has a damaged ELF header")
    if ident[7] not in _SYSTEMS:
        raise InvalidFormat(f"is a program of another system (OS/ABI {ident[7]}), not of Linux")


def _segments(file: int, size: int, offset: int, count: int) -> tuple[Segment, ...]:
    raw = os.pread(file, count * _SEGMENT.size, offset)
    if len(raw) < count * _SEGMENT.size:
        raise InvalidFormat("has headers that point past its end: it is cut short")
    segments = []
    for kind, flags, start, vaddr, _, filesz, memsz, _ in _SEGMENT.iter_unpack(raw):
        if filesz and start + filesz > size:
            raise InvalidFormat("has a segment that points past its end: it is cut short")
        if kind == LOAD and filesz > memsz:
            raise InvalidFormat("has a segment that is larger in the file than in memory")
        segments.append(Segment(kind, flags=flags, offset=start, vaddr=vaddr, filesz=filesz, memsz=memsz))
    return tuple(segments)

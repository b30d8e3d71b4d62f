"""Checks that a file is a program (or shared library) that this platform can run.

elf_header.py reads the headers; pyelftools, which only this module imports, reads the versions of GLIBC that a
dynamically linked file needs. A few kilobytes are read, whatever the size of the file.
"""

import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from hero_build.errors import InvalidBinary, Unsupported
from hero_build.model.artifacts import Platform
from hero_build.model.installed import Elf
from hero_build.verify import elf_header, sniff
from hero_build.verify.elf_header import Header, Segment
from hero_build.verify.expect import Expect
from hero_build.verify.sniff import InvalidFormat

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

_MACHINES = {"amd64": (62, "x86_64"), "arm64": (183, "aarch64")}
_OTHERS = {3: "i386", 8: "MIPS", 20: "PowerPC", 21: "ppc64", 22: "s390x", 40: "32-bit ARM", 243: "RISC-V"}
_LOADERS = {"ld-linux": "gnu", "ld-musl": "musl"}
_VERSION = re.compile(r"GLIBC_([0-9]{1,4})\.([0-9]{1,4})(?:\.[0-9]{1,4})?")
_VERSIONS_MAX = 4096
_OLDER = "Choose an older release with --version TAG, or update this system."


def inspect(path: Path, expect: Expect, *, shared: bool) -> Elf:
    """The properties of the file, which must be a program, or (`shared`) a library.

    Raises InvalidBinary, which describes what it is instead; Unsupported for an unknown architecture.
    """
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _check_magic(os.pread(file, sniff.HEAD, 0))
        header = elf_header.read(file, os.fstat(file).st_size)
        machine = _check_machine(header, expect.platform)
        return (
            _library(file, header=header, expect=expect, machine=machine)
            if shared
            else _program(file, header=header, expect=expect, machine=machine)
        )
    except InvalidFormat as error:
        raise InvalidBinary(f"{expect.name} {error}", error.hint) from error
    finally:
        os.close(file)


def _check_magic(head: bytes) -> None:
    if not head.startswith(b"\x7fELF"):
        kind = sniff.describe(head)
        raise InvalidFormat(f"is {kind.words}, not a program", kind.hint)


def _check_machine(header: Header, platform: Platform) -> str:
    """The machine's name, if it is the platform's and the file has a segment to load."""
    if platform.arch not in _MACHINES:
        raise Unsupported(f"programs for {platform.arch} are not supported", f"Supported: {', '.join(_MACHINES)}.")
    number, name = _MACHINES[platform.arch]
    if header.machine != number:
        names = _OTHERS | dict(_MACHINES.values())
        raise InvalidFormat(f"is for {names.get(header.machine, f'machine {header.machine}')}, not for {name}")
    if header.first(elf_header.LOAD) is None:
        raise InvalidFormat("has nothing to load (no PT_LOAD)")
    return name


def _library(file: int, header: Header, expect: Expect, machine: str) -> Elf:
    if header.type != elf_header.DYN:
        raise InvalidFormat("is a program, not a shared library")
    needed = _check_glibc(file, header, expect.glibc)
    return Elf(machine, "gnu" if needed else expect.platform.libc, static=False)


def _program(file: int, header: Header, expect: Expect, machine: str) -> Elf:
    loader = elf_header.interpreter(file, header)
    if header.type == elf_header.DYN and loader is None and not elf_header.is_pie(file, header):
        raise InvalidFormat("is a shared library, not a program")
    if not any(_contains_entry(segment, header.entry) for segment in header.segments):
        raise InvalidFormat(f"starts at {header.entry:#x}, where it has no code")
    if loader is None:  # a static program does not name its libc, and needs none
        return Elf(machine, expect.platform.libc, static=True)
    libc = _check_libc(loader, expect.platform)
    _check_glibc(file, header, expect.glibc)
    return Elf(machine, libc, static=False)


def _contains_entry(segment: Segment, entry: int) -> bool:
    code = segment.type == elf_header.LOAD and segment.flags & elf_header.EXECUTABLE
    return bool(code) and segment.vaddr <= entry < segment.vaddr + segment.memsz


def _check_libc(loader: str, platform: Platform) -> str:
    """The libc whose loader a dynamic program names; it must be the one in the asset's name."""
    libc = next((libc for start, libc in _LOADERS.items() if Path(loader).name.startswith(start)), None)
    if libc is None:
        raise InvalidFormat(f"asks for the loader {loader!r}, which is neither glibc's nor musl's")
    if libc != platform.libc:
        raise InvalidFormat(f"is linked to {libc} ({loader}), expected {platform}")
    return libc


def _check_glibc(file: int, header: Header, host: tuple[int, int] | None) -> tuple[int, int] | None:
    """The newest GLIBC version the file needs, None for none. Raises InvalidFormat if this machine's is older."""
    needed = max(_glibc_versions(file), default=None) if header.sections else None
    if needed is None or (host is not None and needed <= host):
        return needed
    have = f"has {host[0]}.{host[1]}" if host else "has no glibc"
    raise InvalidFormat(f"needs GLIBC {needed[0]}.{needed[1]}, and this machine {have}", _OLDER)


def _glibc_versions(file: int) -> list[tuple[int, int]]:
    from elftools.elf.elffile import ELFFile  # only dynamically linked files need it

    try:
        with open(file, "rb", closefd=False) as stream:
            names = list(islice(_version_names(ELFFile(stream)), _VERSIONS_MAX + 1))
    except Exception as error:  # a damaged table can cause any error in the parser
        raise InvalidFormat("has damaged version tables") from error
    if len(names) > _VERSIONS_MAX:
        raise InvalidFormat("has damaged version tables")
    matches = (_VERSION.fullmatch(name) for name in names)
    return [(int(match[1]), int(match[2])) for match in matches if match]


def _version_names(elf: "ELFFile") -> Iterator[str]:
    from elftools.elf.gnuversions import GNUVerNeedSection

    for section in elf.iter_sections():
        if isinstance(section, GNUVerNeedSection):
            for _, needed in section.iter_versions():
                yield from (version.name for version in needed)

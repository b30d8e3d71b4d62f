"""Checks that a file is a program (or shared library) that this platform can run.

elf_header.py reads the headers, and elf_versions.py the symbol versions that a dynamically linked file needs. A few
kilobytes are read, whatever the size of the file.
"""

import os
import re
from pathlib import Path

from hero_build.errors import InvalidBinary, Unsupported
from hero_build.model.artifacts import Platform
from hero_build.model.installed import Elf
from hero_build.verify import elf_header, sniff
from hero_build.verify.elf_header import Header, Segment
from hero_build.verify.expect import Expect
from hero_build.verify.sniff import InvalidFormat

_MACHINES = {"amd64": (62, "x86_64"), "arm64": (183, "aarch64")}
_OTHERS = {3: "i386", 8: "MIPS", 20: "PowerPC", 21: "ppc64", 22: "s390x", 40: "32-bit ARM", 243: "RISC-V"}
_LOADERS = {"ld-linux": "gnu", "ld-musl": "musl"}
_VERSION = r"GLIBC_([0-9]{1,4})\.([0-9]{1,4})(?:\.[0-9]{1,4})?"
_STANDARD_LOADERS = {
    ("gnu", "amd64"): "/lib64/ld-linux-x86-64.so.2",
    ("gnu", "arm64"): "/lib/ld-linux-aarch64.so.1",
    ("musl", "amd64"): "/lib/ld-musl-x86_64.so.1",
    ("musl", "arm64"): "/lib/ld-musl-aarch64.so.1",
}
"""The path of the loader (PT_INTERP) that each platform's compilers write into programs."""
_OTHER_LIBC = "Choose a release that is linked statically, build it with --mode source, or install that C library."
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
    if header.first(elf_header.DYNAMIC) is None:
        raise InvalidFormat("is a program, not a shared library")
    loader = _STANDARD_LOADERS["gnu", expect.platform.arch] if expect.here else None
    needs_glibc = _check_versions(file, header=header, expect=expect, loader=loader)
    return Elf(machine, "gnu" if needs_glibc else expect.platform.libc, static=False)


def _program(file: int, header: Header, expect: Expect, machine: str) -> Elf:
    loader = elf_header.interpreter(file, header)
    is_dynamic = header.first(elf_header.DYNAMIC) is not None  # a packed program has no PT_DYNAMIC
    if header.type == elf_header.DYN and loader is None and is_dynamic and not elf_header.is_pie(file, header):
        raise InvalidFormat("is a shared library, not a program")
    if not any(_contains_entry(segment, header.entry) for segment in header.segments):
        raise InvalidFormat(f"starts at {header.entry:#x}, where it has no code")
    if loader is None:  # a static program does not name its libc, and needs none
        return Elf(machine, expect.platform.libc, static=True)
    libc = _check_libc(loader, expect.platform)
    _check_loader(loader, expect)
    _check_versions(file, header=header, expect=expect, loader=loader if expect.here and libc == "gnu" else None)
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


def _check_loader(loader: str, expect: Expect) -> None:
    """A program for this machine needs its loader here; one for another platform, where that platform has it."""
    if expect.here and not os.path.exists(loader):
        raise InvalidFormat(f"asks for the loader {loader}, which this machine does not have", _OTHER_LIBC)
    if expect.here and not _can_load(loader):
        raise InvalidFormat(f"asks for the loader {loader}, which this machine cannot execute", _OTHER_LIBC)
    standard = _standard_loader(expect.platform)
    if not expect.here and loader != standard:
        raise InvalidFormat(f"asks for the loader {loader}, expected {standard}", _OTHER_LIBC)


def _can_load(loader: str) -> bool:
    """Whether the kernel starts it: an executable ELF file."""
    if not (os.path.isfile(loader) and os.access(loader, os.X_OK)):
        return False
    with open(loader, "rb") as file:
        return file.read(4) == b"\x7fELF"


def _standard_loader(platform: Platform) -> str:
    return _STANDARD_LOADERS[platform.libc, platform.arch]


def _check_versions(file: int, header: Header, expect: Expect, loader: str | None) -> bool:
    """Whether the file needs symbol versions of glibc. Raises InvalidFormat if this machine's glibc lacks one.

    `loader`: whose C library must define them; None: no C library of this machine is compared, only its number.
    """
    from hero_build.verify import elf_versions  # for what is linked dynamically

    needs = elf_versions.read_needs(file, header)
    numbers = [(int(match[1]), int(match[2])) for need in needs if (match := re.fullmatch(_VERSION, need.name))]
    newest = max(numbers, default=None)
    if newest is not None and (expect.glibc is None or newest > expect.glibc):
        have = f"has {expect.glibc[0]}.{expect.glibc[1]}" if expect.glibc else "has no glibc"
        raise InvalidFormat(f"needs GLIBC {newest[0]}.{newest[1]}, and this machine {have}", _OLDER)
    if loader is not None and (need := elf_versions.first_undefined(needs, loader)):
        raise InvalidFormat(f"needs {need.name} of {need.library}, which this machine's does not define", _OLDER)
    return newest is not None

"""Writes the file of a pack: a shell script that starts it, then a zip archive.

    <lines of a shell script>     whether the file is whole; which Python
    python.tar.gz                 with --standalone: an interpreter, which the script unpacks (interpreter.py)
    __main__.py                   starter.py
    tool/<part>                   hero-build (tool_archive.py), compressed by itself
    _store/<sha256>               the contents of the lock file, stored

All numbers in the script have a fixed width: they are filled in at the end.
"""

import hashlib
import os
import secrets
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from hero_build import __version__
from hero_build.errors import Unsupported
from hero_build.forge.mirror_layout import STORE
from hero_build.os_errors import machine_errors
from hero_build.ownership import OTHER_FILE
from hero_build.pack import starter
from hero_build.pack.tool_archive import entry
from hero_build.pack.wheels import is_glibc
from hero_build.system.fsync import fsync

_FOLDER = Path(__file__).parent
PYTHON = "python.tar.gz"
_WIDTH = 20
_LOCAL_HEADER = 30  # bytes before the name of an entry
_MOST = (4 << 30) - (64 << 20)  # bytes: Python before 3.13 starts no archive of 4 GiB


class PackParts(Struct, frozen=True):
    """What goes into a pack: hero-build, the file of each content by its sha256, and an interpreter."""

    tool: Mapping[str, bytes]
    contents: Mapping[str, Path]
    python: bytes | None = None


def write(file: Path, parts: PackParts) -> int:
    """Write the pack, which appears with one rename; returns its size in bytes.

    Raises Unsupported, NotWritable, DiskFull.
    """
    _check_size(file, parts)
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")
    with machine_errors(file.parent, OTHER_FILE):
        try:
            with part.open("xb+") as out:
                _write(out, parts)
            part.chmod(0o777 & ~_umask())
            fsync(part)
            part.replace(file)
            fsync(file.absolute().parent)
        finally:
            part.unlink(missing_ok=True)
        return file.stat().st_size


def _check_size(file: Path, parts: PackParts) -> None:
    with machine_errors(file.parent, OTHER_FILE):
        size = sum(path.stat().st_size for path in parts.contents.values()) + len(parts.python or b"")
    if size > _MOST:
        sentence = f"{file} would have {size / 1e9:.1f} GB: Python before 3.13 starts no pack of 4 GiB or more"
        raise Unsupported(sentence, "Pack the apps in several files, or write a mirror: `hero-build mirror APP… DIR`.")


def tool_name(version: str, tool: Mapping[str, bytes]) -> str:
    """The folder into which a pack unpacks its tool, without the version of Python."""
    return f"{version}-{hashlib.sha256(_digests(tool).encode()).hexdigest()[:16]}"


def read_tool(pack: Path) -> dict[str, bytes]:
    """The parts of the hero-build in a pack. Raises OSError, BadZipFile, KeyError."""
    with zipfile.ZipFile(pack) as archive:
        names = [name for name in archive.namelist() if name.startswith(starter.TOOL)]
        return {name.removeprefix(starter.TOOL): archive.read(name) for name in names}


def _write(out: BinaryIO, parts: PackParts) -> None:
    header = _header(parts.python)
    out.write(_filled(header, size=0, offset=0))
    with zipfile.ZipFile(out, "w") as archive:
        offset = 0
        if parts.python is not None:
            offset = out.tell() + _LOCAL_HEADER + len(PYTHON)
            archive.writestr(entry(PYTHON), parts.python)
        archive.writestr(entry("__main__.py"), _starter(parts.tool))
        for name, content in sorted(parts.tool.items()):
            archive.writestr(entry(f"{starter.TOOL}{name}"), content)
        for sha256, path in sorted(parts.contents.items()):
            with path.open("rb") as source, archive.open(entry(f"{STORE}/{sha256}"), "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target, 1 << 20)
    size = out.seek(0, os.SEEK_END)
    out.seek(0)
    out.write(_filled(header, size=size, offset=offset))


def _header(python: bytes | None) -> str:
    header = (_FOLDER / "header.sh").read_text()
    if python is None:
        return header.replace("#@STANDALONE@\n", "")
    digest = hashlib.sha256(python).hexdigest()
    libc = os.confstr("CS_GNU_LIBC_VERSION") if is_glibc() else "musl"
    values = {
        "PYTHON": f"python-{digest[:16]}",
        "LENGTH": str(len(python)),
        "DIGEST": digest,
        "MACHINE": os.uname().machine,
        "LIBC": f"{libc} or newer",
    }
    header = header.replace("#@STANDALONE@\n", (_FOLDER / "standalone.sh").read_text())
    for name, value in values.items():
        header = header.replace(f"@{name}@", value)
    return header


def _filled(header: str, *, size: int, offset: int) -> bytes:
    return header.replace("@SIZE@", f"{size:<{_WIDTH}}").replace("@OFFSET@", f"{offset:<{_WIDTH}}").encode()


def _digests(tool: Mapping[str, bytes]) -> str:
    return " ".join(f"{name}={hashlib.sha256(content).hexdigest()}" for name, content in sorted(tool.items()))


def _starter(tool: Mapping[str, bytes]) -> bytes:
    values = {
        "NAME": tool_name(__version__, tool),
        "PARTS": _digests(tool),
        "MACHINE": os.uname().machine,
        "LIBC": "glibc" if is_glibc() else "musl",
    }
    text = (_FOLDER / "starter.py").read_text()
    for name, value in values.items():
        text = text.replace(f'"@{name}@"', f'"{value}"')
    return text.encode()


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask

"""Changes that `git status` leaves out: to files that a person marked, with `git update-index --assume-unchanged` or
`--skip-worktree`. A build reads such files like any other.

The marks are read from the index (gitformat-index(5)), also from those of submodules; git is started only for what is
marked, and for an index in a form that is not read here.
"""

import hashlib
import os
import stat
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from hero_build.system import process

_ENTRY = struct.Struct(">40x20sH")  # of version 2 and 3, with SHA-1; before it the mode, at 24
_HEADERS = (b"DIRC\0\0\0\2", b"DIRC\0\0\0\3")
_OTHER_FORMS = (b"\0link\0", b"sdir\0\0\0\0")  # a split index, a sparse one
_ASSUME_UNCHANGED, _EXTENDED, _LONG_NAME, _SKIP_WORKTREE = 0x8000, 0x4000, 0x0FFF, 0x4000
_SUBMODULE, _LINK = 0o160000, 0o120000
_CHUNK = 500  # names in one command line


class _IndexEntry(Struct, frozen=True):
    """`skipped`: marked with --skip-worktree, so that it need not be there."""

    name: str
    mode: int
    digest: str
    skipped: bool


def hidden_changes(path: Path, env: Mapping[str, str]) -> frozenset[str]:
    """Of the checkout at `path`, the marked files that differ from the index, and submodules with such files."""
    marked, hidden = [], set()
    for entry in _entries(path, env):
        if entry.mode == _SUBMODULE:
            if (path / entry.name / ".git").exists() and hidden_changes(path / entry.name, env):
                hidden.add(entry.name)
        elif os.path.lexists(path / entry.name):
            marked.append(entry)
        elif not entry.skipped:
            hidden.add(entry.name)
    return frozenset(hidden | set(_changed(path, marked, env)))


def _changed(path: Path, entries: Iterable[_IndexEntry], env: Mapping[str, str]) -> Iterator[str]:
    files = []
    for entry in entries:
        file = path / entry.name
        if entry.mode == _LINK and file.is_symlink():
            if _link_digest(file) != entry.digest:
                yield entry.name
        elif entry.mode != _LINK and stat.S_ISREG(file.lstat().st_mode):
            files.append(entry)
        else:
            yield entry.name
    for start in range(0, len(files), _CHUNK):
        part = files[start : start + _CHUNK]
        command = ("git", "hash-object", "--", *(entry.name for entry in part))  # by the filters of each path
        digests = process.capture(command, cwd=path, env=env).split("\n")
        yield from (entry.name for entry, digest in zip(part, digests, strict=True) if digest != entry.digest)


def _link_digest(link: Path) -> str:
    target = os.fsencode(os.readlink(link))
    return hashlib.sha1(b"blob %d\0%s" % (len(target), target), usedforsecurity=False).hexdigest()


def _entries(path: Path, env: Mapping[str, str]) -> list[_IndexEntry]:
    """The submodules, and the files that are marked."""
    try:
        return list(_read(_index(path)))
    except (OSError, ValueError, struct.error):
        return list(_list(path, env))


def _index(path: Path) -> bytes:
    folder = path / ".git"
    if folder.is_file():  # of a submodule or a linked work tree
        folder = path / folder.read_text(encoding="utf-8").partition(": ")[2].strip()
    return (folder / "index").read_bytes()


def _read(index: bytes) -> Iterator[_IndexEntry]:
    """Raises ValueError for another form."""
    if not index.startswith(_HEADERS) or any(mark in index for mark in _OTHER_FORMS):
        raise ValueError("an index of another form")
    at, count = 12, int.from_bytes(index[8:12])
    for _ in range(count):
        digest, flags = _ENTRY.unpack_from(index, at)
        start = at + 62 + (2 if flags & _EXTENDED else 0)
        end = start + (flags & _LONG_NAME)
        if flags & _LONG_NAME == _LONG_NAME:
            end = index.index(b"\0", start)
        if end >= len(index) or index[end]:
            raise ValueError("digests of another length")
        skipped = bool(flags & _EXTENDED and int.from_bytes(index[at + 62 : at + 64]) & _SKIP_WORKTREE)
        submodule = index[at + 26] == _SUBMODULE >> 8
        if flags & _ASSUME_UNCHANGED or skipped or submodule:
            mode = int.from_bytes(index[at + 24 : at + 28])
            name = os.fsdecode(index[start:end])
            yield _IndexEntry(name, mode=mode, digest=digest.hex(), skipped=skipped)
        at += (end - at + 8) & ~7


def _list(path: Path, env: Mapping[str, str]) -> Iterator[_IndexEntry]:
    """The same from git: `TAG MODE DIGEST STAGE<tab>NAME`, with a tag in small letters or `S` for what is marked."""
    text = process.capture(("git", "--no-optional-locks", "ls-files", "-v", "-s", "-z"), cwd=path, env=env)
    for line in filter(None, text.split("\0")):
        words, _, name = line.partition("\t")
        tag, mode, digest, _ = words.split(" ")
        if tag.islower() or tag == "S" or int(mode, 8) == _SUBMODULE:
            skipped = tag.upper() == "S"
            yield _IndexEntry(name, mode=int(mode, 8), digest=digest, skipped=skipped)

"""What a power cut would take: a run under strace, replayed on a model of a disk that keeps only what was synced.

A file has its content once it is fsynced, whatever its name is by then; a folder has its entries once it is fsynced.
The model has no order of its own: what is not synced counts as lost, as POSIX allows.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from support.processes import LONG

_CALLS = (
    "?open,?openat,?creat,?write,?pwrite64,?writev,?ftruncate,?copy_file_range,?sendfile,?fsync,?fdatasync,?syncfs,"
    "?rename,?renameat,?renameat2,?link,?linkat,?symlink,?symlinkat,?mkdir,?mkdirat"
)
_LINE = re.compile(r"^(\d+) +(\w+)\((.*)\) += (\d+)(?:<(.*?)>)?$")
_UNFINISHED, _RESUMED = (
    re.compile(r"^(\d+) +(.*) <unfinished \.\.\.>$"),
    re.compile(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$"),
)
_PATH = re.compile(r'(?:\w+<([^>]*)>, )?"([^"]*)"')
_DESCRIPTOR = re.compile(r"\b\d+<([^>]*)>")
SYNCS = frozenset({"fsync", "fdatasync", "syncfs"})


@dataclass(frozen=True, slots=True)
class Call:
    """A system call that succeeded; `paths`: of its names, `files`: of its descriptors."""

    name: str
    text: str
    paths: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(slots=True)
class Disk:
    """What is there, the file of each path, and what of it is not synced: the content of files, entries of folders."""

    files: dict[str, int]
    unsynced: set[int] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    _created: int = 0

    def lost(self, *places: Path) -> list[str]:
        """The files and folders at these paths, and below them, of which something would be lost."""
        files = {path for path, number in self.files.items() if number in self.unsynced}
        return sorted(path for path in files | self.folders if any(_is_in(path, str(place)) for place in places))

    def apply(self, call: Call) -> None:
        match call.name:
            case "open" | "openat" | "creat":
                self._open(call)
            case "fsync" | "fdatasync":
                self.unsynced.discard(self.files.get(call.files[0], 0))
                self.folders.discard(call.files[0])
            case "syncfs":
                self.unsynced.clear()
                self.folders.clear()
            case "rename" | "renameat" | "renameat2":
                self._rename(*call.paths)
            case "link" | "linkat":
                self._enter(call.paths[1], self.files.get(call.paths[0], 0))
            case "symlink" | "symlinkat" | "mkdir" | "mkdirat":
                self._enter(call.paths[-1], None)
            case "copy_file_range" | "sendfile":
                self._write(call.files[1 if call.name == "copy_file_range" else 0])
            case _:
                self._write(call.files[0])

    def _open(self, call: Call) -> None:
        path = call.files[-1]
        if "O_CREAT" in call.text and path not in self.files:
            self._enter(path, None)
        elif "O_TRUNC" in call.text:
            self._write(path)

    def _write(self, path: str) -> None:
        if path in self.files:
            self.unsynced.add(self.files[path])

    def _enter(self, path: str, number: int | None) -> None:
        if number is None:
            self._created -= 1
            number = self._created
        self.files[path] = number
        self.folders.add(os.path.dirname(path))

    def _rename(self, source: str, target: str) -> None:
        for path in [path for path in self.files if _is_in(path, source)]:
            self.files[target + path.removeprefix(source)] = self.files.pop(path)
        for path in [path for path in self.folders if _is_in(path, source)]:
            self.folders.remove(path)
            self.folders.add(target + path.removeprefix(source))
        self.folders.add(os.path.dirname(target))


def trace(words: tuple[str, ...], *, environ: Mapping[str, str], folder: Path) -> list[Call]:
    """The calls of `hero-build WORDS` that change files below `folder`, in the order in which they ended."""
    log = folder / "strace.log"
    line = ["strace", "-f", "-y", "-qq", "-s", "0", "-z", "-o", str(log), "-e", f"trace={_CALLS}"]
    command = [*line, sys.executable, "-m", "hero_build", *words]
    done = subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, timeout=LONG)
    assert done.returncode == 0, done.stderr
    calls = [call for call in _parse(log.read_text(errors="replace")) if _concerns(call, str(folder))]
    log.unlink()
    return calls


def before(folder: Path) -> Disk:
    """All that is below a folder, synced."""
    paths = (os.path.join(place, name) for place, folders, names in os.walk(folder) for name in (*folders, *names))
    return Disk({path: os.lstat(path).st_ino for path in paths})


def replay(calls: Sequence[Call], disk: Disk, at: Callable[[Disk, str, str], None]) -> None:
    """Apply the calls; `at(disk, source, target)` looks at the disk before each rename."""
    for call in calls:
        if call.name.startswith("rename"):
            at(disk, *call.paths)
        disk.apply(call)


def _parse(text: str) -> Iterator[Call]:
    waiting: dict[str, str] = {}
    for line in text.splitlines():
        if match := _UNFINISHED.match(line):
            waiting[match[1]] = match[2]
            continue
        if match := _RESUMED.match(line):
            line = f"{match[1]} {waiting.pop(match[1])}{match[2]}"
        if match := _LINE.match(line):
            _pid, name, words, _code, opened = match.groups()
            paths = tuple(os.path.normpath(os.path.join(folder, path)) for folder, path in _PATH.findall(words))
            descriptors = (*_DESCRIPTOR.findall(words), *([opened] if opened else []))
            yield Call(name, text=words, paths=paths, files=tuple(descriptors))


def _concerns(call: Call, folder: str) -> bool:
    return any(_is_in(path, folder) for path in (*call.paths, *call.files))


def _is_in(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place}/")

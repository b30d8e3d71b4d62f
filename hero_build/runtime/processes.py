"""Which programs of a root run, and whether they are what is installed: by /proc and inodes, asking nobody.

A process is told by `/proc/<pid>/exe`, which leads to the very file it was started from, whatever has happened to the
name since (proc(5)). That file is compared with what is installed under its name, by inode or by content: generations
share files, so the path it was started by says nothing. What stood in `<root>/bin` before hero-build replaced it counts
as the root's, too.
"""

import filecmp
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct

from hero_build import manifest
from hero_build.install.layout import Root

ProgramState = Literal["running", "old", "unknown"]
"""Of what is installed; of something older: it needs a restart; another user's, of whom only the name is known."""
_DELETED = " (deleted)"


class RunningProgram(Struct, frozen=True):
    """A process of one of the root's programs; `binary` is the program's name, `path` where the file is, or was."""

    pid: int
    binary: str
    state: ProgramState
    path: str


class ProcessTable(Struct, frozen=True):
    """The processes of this machine, as they were at one moment."""

    programs: Mapping[int, RunningProgram]
    children: Mapping[int, tuple[int, ...]]

    def descendants(self, pid: int) -> Iterator[RunningProgram]:
        """The programs in the process tree of `pid`, the nearest first: a supervisor may start them through a shell."""
        level, seen = [pid] if pid else [], {0}
        while level:
            seen.update(level)
            yield from (self.programs[item] for item in level if item in self.programs)
            level = [child for item in level for child in self.children.get(item, ()) if child not in seen]


def process_table(root: Root) -> ProcessTable:
    """One walk through /proc."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        if (fields := _stat(pid)) is not None:
            children.setdefault(int(fields[1]), []).append(pid)
    found = {program.pid: program for program in running_programs(root)}
    return ProcessTable(found, {pid: tuple(below) for pid, below in children.items()})


def running_programs(root: Root) -> Iterator[RunningProgram]:
    """Every process of the root's programs, whoever started it."""
    folder = manifest.current(root.path)
    if folder is None:
        return
    ours = (f"{os.path.realpath(root.state)}/", f"{os.path.realpath(root.path)}/bin/")
    typed = (*ours, f"{root.path}/bin/")
    for pid in _pids():
        try:
            path = os.readlink(f"/proc/{pid}/exe")
        except PermissionError:
            if (path := _command(pid)).startswith(typed):
                yield RunningProgram(pid, binary=os.path.basename(path), state="unknown", path=path)
            continue
        except OSError:
            continue  # it ended, or is a thread of the kernel
        if path.startswith(ours):
            path = path.removesuffix(_DELETED)
            name = os.path.basename(path)
            yield RunningProgram(pid, binary=name, state=_state(pid, folder / "bin" / name), path=path)


def start_time(pid: int) -> float | None:
    """When a process was started, as time.time() has it, to some hundredths of a second; None if it is gone."""
    fields = _stat(pid)
    if fields is None:
        return None
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.time() - age


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat from the state (the third) on: the name before them may hold anything."""
    try:
        raw = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    return raw.rpartition(")")[2].split() or None


def _command(pid: int) -> str:
    """How a process was called: what it says of itself, for want of better."""
    try:
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0", 1)[0])
    except OSError:
        return ""


def _state(pid: int, installed: Path) -> ProgramState:
    """By inode, which is the usual case; else by every byte: equal content may have come again as a new file."""
    started = Path(f"/proc/{pid}/exe")
    try:
        same = os.path.samefile(started, installed) or filecmp.cmp(started, installed, shallow=False)
    except OSError:
        return "old"  # there is no such program any more
    return "running" if same else "old"

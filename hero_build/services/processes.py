"""Which programs of a root run, and whether they are the installed ones: from /proc, without a supervisor.

`/proc/<pid>/exe` leads to the file that a process was started from, even after its name was replaced (proc(5)). That
file is compared with the installed one, by inode or by content: generations share files, so the path alone says
nothing. A file that was in `<root>/bin` before hero-build replaced it belongs to the root, too.
"""

import filecmp
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct

from hero_build import manifest
from hero_build.install.layout import Root
from hero_build.os_errors import raise_for_machine
from hero_build.system.proc_stat import stat_fields

ProgramState = Literal["running", "old", "unknown"]
"""Runs the installed file; runs an older file and needs a restart; is another user's, with only its name known."""
_DELETED = " (deleted)"


class RunningProgram(Struct, frozen=True):
    """A process of one of the root's programs; `binary` is the program's name, `path` the file it was started from."""

    pid: int
    binary: str
    state: ProgramState
    path: str


class ProcessTable(Struct, frozen=True):
    """The processes of this machine at one moment."""

    programs: Mapping[int, RunningProgram]
    children: Mapping[int, tuple[int, ...]]

    def descendants(self, pid: int) -> Iterator[RunningProgram]:
        """The programs in the process tree of `pid`, the nearest first: a supervisor may start one through a shell."""
        level, seen = [pid] if pid else [], {0}
        while level:
            seen.update(level)
            yield from (self.programs[item] for item in level if item in self.programs)
            level = [child for item in level for child in self.children.get(item, ()) if child not in seen]


def process_table(root: Root) -> ProcessTable:
    """Read /proc once."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        if (fields := stat_fields(pid)) is not None:
            children.setdefault(int(fields[1]), []).append(pid)
    programs = {program.pid: program for program in running_programs(root)}
    return ProcessTable(programs, {pid: tuple(below) for pid, below in children.items()})


def running_programs(root: Root, folder: Path | None = None) -> Iterator[RunningProgram]:
    """Every process of the root's programs, started by a supervisor or not, compared with the generation in `folder`
    (None: the current one).
    """
    folder = folder or manifest.current(root.path)
    if folder is None:
        return
    ours = (f"{os.path.realpath(root.state)}/", f"{os.path.realpath(root.path)}/bin/")
    commands = (*ours, f"{root.path}/bin/")
    for pid in _pids():
        try:
            path = os.readlink(f"/proc/{pid}/exe")
        except PermissionError:
            if (path := _command(pid)).startswith(commands):
                yield RunningProgram(pid, binary=os.path.basename(path), state="unknown", path=path)
            continue
        except OSError as error:  # it ended, or is a kernel thread
            raise_for_machine(error)
            continue
        if path.startswith(ours):
            path = path.removesuffix(_DELETED)
            name = os.path.basename(path)
            if (state := _state(pid, folder / "bin" / name)) is not None:
                yield RunningProgram(pid, binary=name, state=state, path=path)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def _command(pid: int) -> str:
    """The first word of a process's command line: of another user's process nothing better is readable."""
    try:
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0", 1)[0])
    except OSError as error:
        raise_for_machine(error)
        return ""


def _state(pid: int, installed: Path) -> ProgramState | None:
    """By inode, else by content: a reinstalled file may be a new one with the same bytes. None: it has ended."""
    running = Path(f"/proc/{pid}/exe")
    try:
        same = os.path.samefile(running, installed) or filecmp.cmp(running, installed, shallow=False)
    except OSError as error:
        raise_for_machine(error)
        return "old" if running.exists() else None  # the program is not installed any more
    return "running" if same else "old"

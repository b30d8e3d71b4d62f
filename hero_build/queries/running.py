"""Which installed programs run, and whether they are still what is installed: by /proc and inodes, asking nobody."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hero_build import manifest
from hero_build.install.layout import Root
from hero_build.record import Entry, Record

_DELETED = " (deleted)"
_Inode = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Process:
    """`old`: it was started from content that is no longer what is installed under that name."""

    pid: int
    binary: str
    state: Literal["running", "old"]


def processes(root: Root, installed: Mapping[str, tuple[Record, ...]]) -> Mapping[str, tuple[Process, ...]]:
    """The running programs of each app, by app. One walk through /proc, however many apps there are."""
    owners = {
        entry.name: app for app, records in installed.items() for record in records for entry in _binaries(record)
    }
    folder = manifest.current(root.path)
    found: dict[str, list[Process]] = {}
    if folder is None:
        return {}
    for pid, name, inode in _from(root):
        if name in owners:
            state: Literal["running", "old"] = "running" if inode == _inode(folder / "bin" / name) else "old"
            found.setdefault(owners[name], []).append(Process(pid, name, state))
    return {app: tuple(sorted(items, key=lambda item: item.pid)) for app, items in found.items()}


def _binaries(record: Record) -> Iterator[Entry]:
    return (entry for entry in record.entries if entry.artifact == "binary")


def _from(root: Root) -> Iterator[tuple[int, str, _Inode | None]]:
    """Pid, name and inode of every process whose program lies, or lay, in the root's state folder."""
    state = f"{os.path.realpath(root.state)}/"
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        link = Path("/proc", pid, "exe")
        try:
            target = os.readlink(link)
        except OSError:
            continue  # it ended, it is a kernel thread, or it is another user's
        if target.startswith(state):
            yield int(pid), os.path.basename(target.removesuffix(_DELETED)), _inode(link)


def _inode(path: Path) -> _Inode | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino

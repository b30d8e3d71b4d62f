"""Garbage collection: old generations, content that no generation links to, and abandoned downloads."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from hero_build.forge.download_dir import delete_stale
from hero_build.install.disk_usage import DiskUse, FreedFolder, KeptFolder
from hero_build.install.layout import Root
from hero_build.install.recover import current_number, delete_generation, generation_numbers
from hero_build.install.root_lock import locked
from hero_build.os_errors import machine_errors, raise_for_machine, raise_unless_absent
from hero_build.system.atomic_file import abandoned_parts

KEEP = 5
_STALE = 24 * 3600.0  # seconds without a write after which a download counts as abandoned
_UNFINISHED = 3600.0  # the same of a file of a few kB that a command writes to replace another


class GcReport(Struct, frozen=True):
    """What is deleted, or would be: generations by number, and bytes of content and unfinished downloads.

    `freed`: with --builds and --cache, what else; `kept`: what could not be. `usage`: what is on the disk afterwards.
    """

    generations: tuple[int, ...]
    bytes: int
    dry_run: bool
    freed: tuple[FreedFolder, ...] = ()
    kept: tuple[KeptFolder, ...] = ()
    usage: tuple[DiskUse, ...] = ()


def collect(root: Root, keep: int = KEEP, wait: float = 0, *, dry_run: bool = False) -> GcReport:
    """Keep the last `keep` generations and those whose programs still run. Raises LockHeld, MachineError."""
    if dry_run:
        old = _expired(root, keep)
        return GcReport(
            old,
            sum(path.stat().st_size for path in (*_unreferenced(root, old), *_abandoned(root), *_unfinished(root))),
            dry_run,
        )
    with locked(root, wait), machine_errors(root.path):
        old = _expired(root, keep)
        for number in old:
            delete_generation(root, number)
        unreferenced = _unreferenced(root, ())
        freed = sum(path.stat().st_size for path in unreferenced)
        for path in unreferenced:
            path.unlink()
        freed += delete_stale(root.partial, time.time() - _STALE)
        for path in _unfinished(root):
            freed += path.lstat().st_size
            path.unlink(missing_ok=True)
        return GcReport(old, freed, dry_run)


def running_generations(root: Root) -> frozenset[int]:
    """The generations that running programs were started from, by /proc/<pid>/exe."""
    folder = str(root.generations.resolve()) + "/"
    names = (exe.removeprefix(folder).split("/")[0] for exe in _executables() if exe.startswith(folder))
    return frozenset(int(name) for name in names if name.isdecimal())


def _executables() -> Iterator[str]:
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            yield os.readlink(f"/proc/{pid}/exe")
        except OSError as error:  # it ended, or belongs to another user
            raise_for_machine(error)


def _expired(root: Root, keep: int) -> tuple[int, ...]:
    kept = {*generation_numbers(root)[-max(keep, 1) :], current_number(root), *running_generations(root)}
    return tuple(number for number in generation_numbers(root) if number not in kept)


def _unreferenced(root: Root, without: tuple[int, ...]) -> tuple[Path, ...]:
    """Store files that no generation links to, once those of `without` are deleted."""
    removed: dict[int, int] = {}
    for number in without:
        for folder, _, names in os.walk(root.generation(number), onerror=raise_unless_absent):
            for name in names:
                inode = Path(folder, name).lstat().st_ino
                removed[inode] = removed.get(inode, 0) + 1
    stats = ((path, path.stat()) for path in _files(root.store))
    return tuple(path for path, status in stats if status.st_nlink - removed.get(status.st_ino, 0) == 1)


def _abandoned(root: Root) -> tuple[Path, ...]:
    """What `delete_stale` would remove at most; it also checks whether a process still writes."""
    now = time.time()
    return tuple(path for path in _files(root.partial) if now - path.stat().st_mtime > _STALE)


def _unfinished(root: Root) -> tuple[Path, ...]:
    """What commands that were killed left of journals and records that they were about to replace."""
    content = {path.name for path in (root.generations, root.store, root.partial, root.staging)}
    return tuple(abandoned_parts(root.state, time.time() - _UNFINISHED, skip=content))


def _files(folder: Path) -> tuple[Path, ...]:
    return tuple(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else ()

"""Keeps the folder of cargo's output that all checkouts share under a size: what was not used for longest goes first.

In a profile's folder cargo keeps what belongs to one compiled crate under one digest (`.fingerprint/NAME-DIGEST`,
`deps/NAME-DIGEST.…`, `build/NAME-DIGEST`), and compiles a crate again where its `.fingerprint` is missing: so that goes
first. cargo reads these files in each build that uses the crate; their access times, which most file systems keep to a
day, say when.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from hero_build.install.disk_usage import FreedFolder, KeptFolder, space
from hero_build.os_errors import machine_errors
from hero_build.source.cargo.target_folder import FOLDER, lock_file
from hero_build.system import filelock

_FINGERPRINTS = ".fingerprint"
_PARTS = (_FINGERPRINTS, "build", "deps")
_DIGEST = re.compile(r"-([0-9a-f]{16})(?:\.|$)")
_BUILDING = "a build uses it"


class _CrateFiles(Struct):
    """What cargo keeps of one compiled crate; `used`: seconds since the epoch."""

    profile: Path
    paths: list[Path]
    used: float = 0.0


def shared_targets(cache: Path) -> list[Path]:
    """The shared folder of each toolchain, the one that was used last at the end."""
    folder = cache / FOLDER
    targets = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    return sorted(targets, key=_last_use)


def free_targets(cache: Path, *, dry_run: bool) -> Iterator[FreedFolder | KeptFolder]:
    """Delete them; one that a build uses stays. Raises MachineError."""
    for target in shared_targets(cache):
        with _unused(target) as unused, machine_errors(target):
            if unused:
                size = space([target])
                if not dry_run:
                    shutil.rmtree(target)
                yield FreedFolder(str(target), size)
            else:
                yield KeptFolder(str(target), _BUILDING)


def limit_targets(cache: Path, limit: int, *, dry_run: bool) -> Iterator[FreedFolder | KeptFolder]:
    """Delete of them what was not used for longest, until all take `limit` bytes at most: whole folders of toolchains
    that are no longer in use, then crates of the newest. Raises MachineError.
    """
    targets = shared_targets(cache)
    sizes = {target: space([target]) for target in targets}
    for target in targets:
        surplus = sum(sizes.values()) - limit
        if surplus <= 0:
            return
        with _unused(target) as unused, machine_errors(target):
            if not unused:
                yield KeptFolder(str(target), _BUILDING)
                continue
            whole = sizes[target] <= surplus or not _crates(target)
            freed = sizes[target] if whole else _shrink(target, surplus, dry_run=dry_run)
            if whole and not dry_run:
                shutil.rmtree(target)
            sizes[target] -= freed
            yield FreedFolder(str(target), freed)


def _shrink(target: Path, surplus: int, *, dry_run: bool) -> int:
    """Delete the crates that were not used for longest; returns the bytes freed."""
    freed = 0
    for crate in sorted(_crates(target), key=lambda crate: crate.used):
        if freed >= surplus:
            break
        freed += space(crate.paths)
        for path in () if dry_run else crate.paths:
            _delete(path)
    return freed


def _crates(target: Path) -> list[_CrateFiles]:
    """Of every profile and target; `.fingerprint` is the first path of each."""
    crates: dict[tuple[Path, str], _CrateFiles] = {}
    for profile in _profiles(target):
        for path in (path for name in _PARTS for path in _entries(profile / name)):
            if digest := _DIGEST.search(path.name):
                crate = crates.setdefault((profile, digest[1]), _CrateFiles(profile, []))
                crate.paths.append(path)
                if path.parent.name == _FINGERPRINTS:
                    crate.used = max([crate.used, *map(_used, _entries(path))])
    return list(crates.values())


def _profiles(target: Path) -> list[Path]:
    return [path.parent for pattern in ("*", "*/*") for path in target.glob(f"{pattern}/{_FINGERPRINTS}")]


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _used(path: Path) -> float:
    status = path.stat()
    return max(status.st_atime, status.st_mtime)


def _last_use(target: Path) -> float:
    """When a build last locked it."""
    with suppress(OSError):
        return lock_file(target).stat().st_mtime
    return 0.0


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _unused(target: Path) -> Iterator[bool]:
    """Whether no build uses it; none starts before the end."""
    descriptor = os.open(lock_file(target), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        yield filelock.attempt(descriptor)
    finally:
        os.close(descriptor)

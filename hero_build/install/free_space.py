"""Frees what can be made again: cargo's output in checkouts, the logs of builds, and hero-build's cache.

Nothing that git tracks is deleted, and nothing outside the folders that cargo marked as its output: uncommitted work
stays. What is in use at this moment stays, too, with the reason.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path

from hero_build.errors import HeroBuildError
from hero_build.forge.download_dir import delete_stale
from hero_build.install.disk_usage import LOGS, FreedFolder, KeptFolder, build_folders, cached, space
from hero_build.install.free_target import free_targets
from hero_build.os_errors import machine_errors
from hero_build.source.git.locks import Locks
from hero_build.source.git.paths import STATE_FOLDER
from hero_build.source.git.status import tracked_files
from hero_build.system import filelock

_UNFINISHED, _LOCK = ".new-", ".lock"  # entries of a cache that a command writes at this moment
_PARTS_OF_PACKS = ("wheels", "interpreters")
_DELETED = "deleted-"
_EVERYTHING = float("inf")


Freed = FreedFolder | KeptFolder


def free_builds(checkouts: Sequence[Path], cache: Path, *, wait: float, dry_run: bool) -> tuple[Freed, ...]:
    """Delete cargo's output in these checkouts and the folders they share, and logs of builds. Raises MachineError."""
    freed: list[Freed] = list(free_targets(cache, dry_run=dry_run))
    for checkout in checkouts:
        for folder in build_folders(checkout):
            freed.append(_free_build(checkout, folder, wait, dry_run=dry_run))
    logs = cache / LOGS
    if size := space([logs]):
        freed.append(FreedFolder(str(logs), size))
        if not dry_run:
            with machine_errors(logs):
                _delete(logs)
    return tuple(freed)


def free_cache(cache: Path, *, dry_run: bool) -> tuple[Freed, ...]:
    """Delete what hero-build has in its cache folder; downloads that a process writes stay. Raises MachineError."""
    freed: list[Freed] = []
    for path in cached(cache):
        before = space([path])
        if not before:
            continue
        with machine_errors(path), _unread(path) as unread:
            if unread and not dry_run:
                _free_cached(path)
            if unread:
                freed.append(FreedFolder(str(path), before - (0 if dry_run else space([path]))))
            else:
                freed.append(KeptFolder(str(path), "a pack is made of it"))
    return tuple(freed)


def _unread(path: Path) -> AbstractContextManager[bool]:
    return filelock.unused(path) if path.name in _PARTS_OF_PACKS else nullcontext(enter_result=True)


def _free_cached(path: Path) -> None:
    if path.name in ("downloads", "publish"):
        delete_stale(path, _EVERYTHING)
    elif path.name in ("bundles", *_PARTS_OF_PACKS):
        for entry in path.iterdir():
            if not entry.name.startswith(_UNFINISHED) and entry.suffix != _LOCK:
                _delete(entry)
    else:
        _delete(path)


def _free_build(checkout: Path, folder: Path, wait: float, *, dry_run: bool) -> Freed:
    name = str(folder.relative_to(checkout))
    if tracked_files(checkout, name):
        return KeptFolder(str(folder), "git tracks files in it")
    try:
        with Locks(wait) as locks, locks.hold(checkout), _unused_by_cargo(folder) as unused:
            if not unused:
                return KeptFolder(str(folder), "cargo builds in it")
            size = space([folder])
            with machine_errors(folder):
                if not dry_run:
                    _delete_at_once(folder, checkout.parent / STATE_FOLDER)
    except HeroBuildError as error:
        return KeptFolder(str(folder), error.message)
    return FreedFolder(str(folder), size)


@contextmanager
def _unused_by_cargo(folder: Path) -> Iterator[bool]:
    """Whether no cargo builds in the folder; none starts before the end. cargo locks a file in each of its profiles."""
    descriptors = []
    try:
        for path in (*folder.glob("*/.cargo-lock"), *folder.glob("*/*/.cargo-lock")):
            descriptors.append(os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW))
        yield all(filelock.attempt(descriptor) for descriptor in descriptors)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _delete_at_once(folder: Path, state: Path) -> None:
    """One rename takes it out of the checkout, so that no half of it is ever there; then its files go."""
    for left in state.glob(f"{_DELETED}*"):  # by a command that was interrupted
        _delete(left)
    aside = Path(tempfile.mkdtemp(prefix=_DELETED, dir=state))
    folder.rename(aside / folder.name)
    _delete(aside)


def _delete(path: Path) -> None:
    with suppress(FileNotFoundError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()

"""The folder of unfinished downloads, `var/hero_build/partial`: shared by every hero-build of a root.

    partial/<key>.<mark>.<total>         an unfinished file: locked by the process that writes it
    partial/run-<random>/                what one run has fetched and not used yet: locked while that run lives

In a file's name, `key` is the hash of the request, `mark` that of the content being sent, `total` its size. Locks are
flock(2), so they end with their process however it ends, and the next run takes over its files.
"""

import itertools
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from hero_build.os_errors import machine_errors
from hero_build.ownership import OTHER_ROOT
from hero_build.system import filelock
from hero_build.system.fsync import make_folder

_RUN = "run-"


class DownloadDir:
    """A context manager; on exit, files that were fetched and not used return to where the next run finds them."""

    def __init__(self, folder: Path, other: str = OTHER_ROOT) -> None:
        """`other`: what a hint names instead of `folder`."""
        self._folder = folder
        self.other = other
        self._run = folder
        self._lock = -1
        self._numbers = itertools.count(1)

    def __enter__(self) -> "DownloadDir":
        with machine_errors(self._folder, self.other):
            make_folder(self._folder)
            self._run, self._lock = self._own_folder()
            for path in self._folder.glob(f"{_RUN}*"):
                self._take_over(path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._empty(self._run)
        os.close(self._lock)

    @property
    def folder(self) -> Path:
        return self._folder

    def names(self, key: str) -> Iterator[str]:
        """The names of files for `key` that are or were being written."""
        with os.scandir(self._folder) as entries:
            yield from [entry.name for entry in entries if entry.name.startswith(f"{key}.")]

    def lock(self, name: str, *, create: bool) -> int | None:
        """A locked descriptor of the file `name`; None if it does not exist or another process writes it."""
        path = self._folder / name
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
        try:
            descriptor = os.open(path, flags, 0o600)
        except FileNotFoundError:
            return None
        except PermissionError:
            if not os.path.lexists(path):  # the folder refuses it
                raise
            return self.lock(name, create=create) if self._delete_foreign(path) else None
        if filelock.attempt(descriptor) and _is_same_file(descriptor, path):
            return descriptor
        os.close(descriptor)
        return None

    def private(self, name: str) -> tuple[int, Path]:
        """A new file of this run alone, for when another process writes `name`."""
        return _new_file(self._run, name)

    def done(self, path: Path) -> Path:
        """Move a complete file into the folder of this run; the caller still holds its lock."""
        if path.parent == self._run:
            return path
        target = self._run / f"{path.name}.{next(self._numbers)}.done"  # nobody else writes into this folder
        path.rename(target)
        return target

    def scratch(self) -> Path:
        """A new folder of this run alone, deleted with it."""
        return _new_folder(self._run, "scratch-")

    def _delete_foreign(self, path: Path) -> bool:
        """Delete another user's file in this user's own folder, unless a process writes it; whether it did."""
        if self._folder.stat().st_uid != os.geteuid():
            return False
        with suppress(OSError):
            if path.stat(follow_symlinks=False).st_uid != os.geteuid() and not _in_use(path):
                path.unlink()
                return True
        return False

    def _own_folder(self) -> tuple[Path, int]:
        while True:
            path = _new_folder(self._folder, _RUN)
            with suppress(FileNotFoundError):  # another run has just taken it over, as abandoned
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                if filelock.attempt(descriptor) and _is_same_file(descriptor, path):
                    return path, descriptor
                os.close(descriptor)

    def _take_over(self, path: Path) -> None:
        if path == self._run:
            return
        with suppress(FileNotFoundError, NotADirectoryError, PermissionError):  # the last: another user's
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
            try:
                if filelock.attempt(descriptor):
                    self._empty(path)
            finally:
                os.close(descriptor)

    def _empty(self, run: Path) -> None:
        """Rename each file to its shared name, unless that exists by now; delete the folder."""
        with suppress(OSError):
            for path in run.iterdir():
                if path.is_dir():
                    continue
                shared = self._folder / ".".join(path.name.split(".")[:3])
                try:
                    os.link(path, shared)
                except FileExistsError:
                    pass
                except OSError:  # no hard links here
                    path.rename(shared)
            _delete_folder(run)


def _new_file(folder: Path, prefix: str) -> tuple[int, Path]:
    """A new file of this user alone, opened. (tempfile does this, and takes a millisecond to import.)"""
    path = folder / f"{prefix}.{os.urandom(8).hex()}"
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600), path


def _new_folder(folder: Path, prefix: str) -> Path:
    path = folder / f"{prefix}{os.urandom(8).hex()}"
    path.mkdir(mode=0o700)
    return path


def _delete_folder(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:  # it is not empty
        import shutil  # not at the top: it loads four compressors

        shutil.rmtree(folder)


def _is_same_file(descriptor: int, path: Path) -> bool:
    """Whether `path` still names what `descriptor` has open."""
    try:
        status = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(descriptor), status)


def delete_stale(folder: Path, before: float) -> int:
    """Delete files that are not being written and were last written before `before` (a time stamp); the bytes freed."""
    freed = 0
    if not folder.is_dir():
        return freed
    with DownloadDir(folder), machine_errors(folder):  # takes over what ended runs left
        for path in folder.iterdir():
            with suppress(FileNotFoundError):
                status = path.stat(follow_symlinks=False)
                if path.name.startswith(_RUN) or status.st_mtime >= before or _in_use(path):
                    continue
                path.unlink()
                freed += status.st_size
    return freed


def _in_use(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except PermissionError:  # another user's
        return filelock.is_held(path.stat(follow_symlinks=False).st_ino)
    try:
        return not filelock.attempt(descriptor)
    finally:
        os.close(descriptor)

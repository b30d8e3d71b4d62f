"""flock(2) with a timeout: locks that the kernel releases when their process ends, however it ends."""

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hero_build.errors import LockHeld, MachineError

_POLL = 0.05  # seconds between two attempts
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


def attempt(descriptor: int, *, shared: bool = False) -> bool:
    """Take the lock if it is free; whether it was. `shared`: it is free if all who have it share it.

    Raises MachineError where no file can be locked.
    """
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        hint = "Use a file system with locks (of NFS: mount it with `local_lock=flock`, or start its lock service)."
        raise MachineError(f"{path} cannot be locked: {error.strerror}", hint) from error
    return True


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """While files of a cache are read: `unused` says no of this folder, so that nobody empties it. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        while not attempt(descriptor, shared=True):  # it is being emptied
            time.sleep(_POLL)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def unused(folder: Path) -> Iterator[bool]:
    """Whether nobody is `reading` the folder; nobody begins to before the end. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield attempt(descriptor)
    finally:
        os.close(descriptor)


def is_held(inode: int) -> bool:
    """Whether a process locks a file with this inode, by /proc/locks: for files that may not be opened.

    True if unknown, or if it is a file of another file system: on btrfs, st_dev does not tell.
    """
    try:
        with open("/proc/locks", "rb") as table:
            return f":{inode} ".encode() in table.read()
    except OSError:
        return True


def acquire(descriptor: int, wait: float, held: LockHeld, pause: Callable[[float], None] = time.sleep) -> None:
    """Take the lock within `wait` seconds. Raises `held` when another process still holds it then.

    `pause` sleeps between two attempts; an exception from it ends the wait.
    """
    end = time.monotonic() + wait
    while not attempt(descriptor):
        if time.monotonic() >= end:
            raise held
        pause(_POLL)

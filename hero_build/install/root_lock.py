"""The lock of a root: only its holder may stage, commit and recover."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from msgspec import Struct

from hero_build.errors import HeroBuildError, LockHeld, RootDamaged
from hero_build.install.layout import Root
from hero_build.install.recover import recover
from hero_build.model.installed import Generation
from hero_build.os_errors import machine_errors
from hero_build.system import filelock
from hero_build.system.fsync import make_folder


class LockedRoot(Struct, frozen=True):
    """A root whose lock is held and that has been recovered; `generation` is what it holds now."""

    root: Root
    generation: Generation


@contextmanager
def locked(root: Root, wait: float = 0, *, lenient: bool = False) -> Iterator[LockedRoot]:
    """Hold the lock for a change. After an error inside, the root is recovered before the error propagates.

    `wait`: seconds to wait for another hero-build. `lenient`: a root whose manifest cannot be read counts as empty,
    for the one command that repairs it. Raises LockHeld, MachineError, RootDamaged.
    """
    with machine_errors(root.path):
        make_folder(root.state)
        descriptor = _open_lock(root)
        try:
            filelock.acquire(descriptor, wait, _lock_held(root))
            generation = _recovered(root, lenient=lenient)
            try:
                yield LockedRoot(root, generation)
            except BaseException:
                with suppress(OSError, HeroBuildError):  # the first error is reported; the next command recovers
                    recover(root)
                raise
        finally:
            os.close(descriptor)


@contextmanager
def locked_if_free(root: Root) -> Iterator[bool]:
    """Hold the lock where no command holds it: whether it does. Raises OSError where no lock file can be opened."""
    descriptor = os.open(root.lock, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield filelock.attempt(descriptor)
    finally:
        os.close(descriptor)


def is_locked(root: Root) -> bool:
    """Whether a command changes the root at this moment."""
    with suppress(OSError), locked_if_free(root) as free:
        return not free
    return False


def _open_lock(root: Root) -> int:
    """A new lock may be written by whom the umask lets, for a root that a group shares."""
    try:
        return os.open(root.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except PermissionError:  # another user's; flock needs no more than to read it
        return os.open(root.lock, os.O_RDONLY | os.O_CLOEXEC)


def _lock_held(root: Root) -> LockHeld:
    return LockHeld(f"another hero-build is changing {root.path}", "Wait for it to end, or give --wait SECONDS.")


def _recovered(root: Root, *, lenient: bool) -> Generation:
    try:
        return recover(root)
    except RootDamaged:
        if lenient:
            return Generation(0)
        raise

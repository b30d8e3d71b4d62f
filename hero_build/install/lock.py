"""The lock of a root: whoever holds it, and no one else, may stage, commit and recover."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from hero_build.errors import HeroBuildError, LockHeld, RootDamaged, machine_errors
from hero_build.install.layout import Root
from hero_build.install.recover import recover
from hero_build.record import Generation

_POLL = 0.05


@dataclass(frozen=True, slots=True)
class Locked:
    """A root whose lock is held and that has been recovered; `generation` is what it holds now."""

    root: Root
    generation: Generation


@contextmanager
def locked(root: Root, wait: float = 0, *, lenient: bool = False) -> Iterator[Locked]:
    """Hold the lock for a change. Whatever fails inside is tidied up before the error goes on.

    `wait`: seconds to wait for another hero-build. `lenient`: a root whose manifest cannot be read counts as empty,
    for the one command that mends it. Raises LockHeld, MachineError, RootDamaged.
    """
    with machine_errors(root.path):
        root.state.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(root.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            _acquire(descriptor, root, wait)
            generation = _recovered(root, lenient=lenient)
            try:
                yield Locked(root, generation)
            except BaseException:
                with suppress(OSError, HeroBuildError):  # the first error is the one to tell; the next command recovers
                    recover(root)
                raise
        finally:
            os.close(descriptor)


def _acquire(descriptor: int, root: Root, wait: float) -> None:
    end = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                hint = "Wait for it to end, or give --wait SECONDS."
                raise LockHeld(f"another hero-build is changing {root.path}", hint) from None
            time.sleep(_POLL)
        else:
            return


def _recovered(root: Root, *, lenient: bool) -> Generation:
    try:
        return recover(root)
    except RootDamaged:
        if lenient:
            return Generation(0)
        raise

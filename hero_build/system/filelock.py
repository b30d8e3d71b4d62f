"""flock(2) with patience: locks that end with their process, however it ends."""

import fcntl
import time
from collections.abc import Callable

from hero_build.errors import LockHeld

_POLL = 0.05  # seconds between two attempts


def attempt(descriptor: int) -> bool:
    """Take the lock if no one else holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def acquire(descriptor: int, wait: float, held: LockHeld, pause: Callable[[float], None] = time.sleep) -> None:
    """Take the lock within `wait` seconds. Raises `held` when someone else still holds it then.

    `pause` sleeps between two attempts; what it raises ends the wait.
    """
    end = time.monotonic() + wait
    while not attempt(descriptor):
        if time.monotonic() >= end:
            raise held
        pause(_POLL)

"""The lock of a checkout: one hero-build at a time changes it or builds in it."""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from hero_build.errors import LockHeld, machine_errors
from hero_build.source.git.paths import STATE_FOLDER
from hero_build.system import filelock
from hero_build.system.process import Cancelled


class Locks:
    """The checkouts that a run works in: each stays locked from its first turn until the run ends.

    A lock keeps other processes out for the whole run, so that what was planned is what is built; a turn keeps the
    other threads of this one out for as long as it lasts.
    """

    def __init__(self, wait: float = 0) -> None:
        """`wait`: seconds to wait for another hero-build."""
        self._wait = wait
        self._held: dict[Path, int] = {}
        self._turns: dict[Path, threading.RLock] = defaultdict(threading.RLock)
        self._mutex = threading.Lock()

    @contextmanager
    def turn(self, path: Path, cancelled: Callable[[], bool] | None = None) -> Iterator[None]:
        """Work in the checkout at `path`, which need not be there yet.

        `cancelled` is asked while it waits: True ends that with process.Cancelled. Raises LockHeld, MachineError.
        """
        with self._mutex:
            turn = self._turns[path]
        with turn:
            if path not in self._held:
                self._held[path] = _open_and_lock(path, self._wait, cancelled or _never)
            yield

    def close(self) -> None:
        while self._held:
            os.close(self._held.popitem()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _open_and_lock(path: Path, wait: float, cancelled: Callable[[], bool]) -> int:
    def pause(seconds: float) -> None:
        if cancelled():
            raise Cancelled
        time.sleep(seconds)

    place = path.parent / STATE_FOLDER
    with machine_errors(place):
        place.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(place / f"{path.name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        filelock.acquire(descriptor, wait=wait, held=_lock_held(path), pause=pause)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _never() -> bool:
    return False


def _lock_held(path: Path) -> LockHeld:
    hint = "Wait for it to end, give --wait SECONDS, or use another checkout: CODEROOT=DIR."
    return LockHeld(f"another hero-build is working in {path}", hint)

"""Locks of checkouts: one hero-build at a time changes a checkout or builds in it."""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from hero_build.errors import LockHeld
from hero_build.os_errors import machine_errors
from hero_build.system import filelock


class Locks:
    """The locks of a run: a checkout stays locked from its first `hold` until the run ends.

    The file lock keeps other processes out for the whole run, so that a build uses the planned tree; `hold` also keeps
    the other threads of this process out while it lasts.
    """

    def __init__(self, wait: float = 0) -> None:
        """`wait`: seconds to wait for another hero-build."""
        self._wait = wait
        self._descriptors: dict[Path, int] = {}
        self._threads: dict[Path, threading.RLock] = defaultdict(threading.RLock)
        self._mutex = threading.Lock()

    @contextmanager
    def hold(self, path: Path, cancelled: Callable[[], bool] | None = None) -> Iterator[None]:
        """Hold the checkout at `path`, which need not exist yet; reentrant.

        `cancelled` is polled while it waits: True ends that with process.Cancelled. Raises LockHeld, MachineError.
        """
        with self._mutex:
            lock = self._threads[path]
        with lock:
            if path not in self._descriptors:
                self._descriptors[path] = _open_and_lock(path, self._wait, cancelled or _never)
            yield

    def close(self) -> None:
        while self._descriptors:
            os.close(self._descriptors.popitem()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _open_and_lock(path: Path, wait: float, cancelled: Callable[[], bool]) -> int:
    def pause(seconds: float) -> None:
        if cancelled():
            from hero_build.system.process import Cancelled  # what starts programs, for builds

            raise Cancelled
        time.sleep(seconds)

    from hero_build.source.git.paths import STATE_FOLDER

    folder = path.parent / STATE_FOLDER
    with machine_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / f"{path.name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        filelock.acquire(descriptor, wait=wait, held=_lock_held(path), pause=pause)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _never() -> bool:
    return False


def _lock_held(path: Path) -> LockHeld:
    hint = "Wait until it ends, pass --wait SECONDS, or use another checkout: CODEROOT=DIR."
    return LockHeld(f"another hero-build is working in {path}", hint)

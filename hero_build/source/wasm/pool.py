"""Threads for several cores that all stop, with their child processes, on a failure or an interrupt."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, get_ident

from msgspec import Struct, field

from hero_build.system import process
from hero_build.system.thread_pool import ThreadPool

_CLEANING, _POLL = 1.0, 0.01  # seconds


class Pool(Struct, frozen=True):
    """`cancelled` is for `process.OutputWatch`: True once the caller cancelled the work, or part of it failed."""

    executor: ThreadPool
    cancelled: Callable[[], bool]
    running: set[int] = field(default_factory=set)
    """The threads that run a tool."""

    @contextmanager
    def busy(self) -> Iterator[None]:
        self.running.add(get_ident())
        try:
            yield
        finally:
            self.running.discard(get_ident())

    def share(self) -> int:
        """How many cores each busy thread may use at present: at least one."""
        return max(1, cores() // max(1, len(self.running)))


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def pool(cancelled: Callable[[], bool]) -> Iterator[Pool]:
    """A pool with one thread per core."""
    stopped = Event()
    with ThreadPool(cores(), thread_name_prefix="wasm") as executor:
        workers = Pool(executor, lambda: stopped.is_set() or cancelled())
        try:
            yield workers
        except BaseException:
            stopped.set()
            executor.shutdown(wait=False, cancel_futures=True)
            process.end_children()
            _await_cleaning(workers)
            raise


def _await_cleaning(workers: Pool) -> None:
    """Threads whose tool has ended delete their unfinished files, which would stay if the process ended before."""
    end = time.monotonic() + _CLEANING
    while workers.running and time.monotonic() < end:
        time.sleep(_POLL)

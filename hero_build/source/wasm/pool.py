"""Work on several cores that ends at once, children included, when something goes wrong or a person interrupts."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, get_ident

from msgspec import Struct, field


class Pool(Struct, frozen=True):
    """`cancelled` is for `process.Watch`: it says so when the work was called off, by the caller or by a failure."""

    executor: ThreadPoolExecutor
    cancelled: Callable[[], bool]
    running: set[int] = field(default_factory=set)
    """The threads that are busy with a tool."""

    @contextmanager
    def busy(self) -> Iterator[None]:
        self.running.add(get_ident())
        try:
            yield
        finally:
            self.running.discard(get_ident())

    def share(self) -> int:
        """How many cores each that is busy may take just now: one at least."""
        return max(1, cores() // max(1, len(self.running)))


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def pool(cancelled: Callable[[], bool]) -> Iterator[Pool]:
    """One worker a core."""
    stopped = Event()
    with ThreadPoolExecutor(cores(), thread_name_prefix="wasm") as executor:
        try:
            yield Pool(executor, lambda: stopped.is_set() or cancelled())
        except BaseException:
            stopped.set()
            executor.shutdown(wait=False, cancel_futures=True)
            raise

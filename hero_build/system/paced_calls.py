"""Calls in threads that start one after the other: the next one when one has ended, or has not ended soon.

Threads that compute share one interpreter: of sixteen that start together the first ends about when the last does, and
what follows from it has to wait. Where calls wait for a server, all of them have started after a few milliseconds.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Generic, TypeVar

from hero_build.system.thread_pool import ThreadPool

_PACE = 0.002  # seconds without a result, after which one more call starts
Result = TypeVar("Result")


class PacedCalls(Generic[Result]):
    """`most`: how many run at once. What a call raises is raised where its result is asked for."""

    def __init__(self, pool: ThreadPool, calls: Sequence[Callable[[], Result]], most: int) -> None:
        self._pool = pool
        self._calls = calls
        self._most = most
        self._futures: list[Future[Result]] = []

    def start(self) -> None:
        """Start the next call, unless all have started. Raises MachineError."""
        if self._waiting():
            self._futures.append(self._pool.submit(self._calls[len(self._futures)]))

    def as_completed(self) -> Iterator[Result]:
        """Start what has not started yet, and yield each result as it is there. Raises MachineError."""
        running = set(self._futures)
        while running or self._waiting():
            if self._waiting() and len(running) < self._most:
                self.start()
                running.add(self._futures[-1])
            paced = self._waiting() and len(running) < self._most
            done, running = wait(running, _PACE if paced else None, FIRST_COMPLETED)
            yield from (future.result() for future in done)

    def results(self) -> list[Result]:
        """All results, in the order of the calls; `as_completed` has to have ended."""
        return [future.result() for future in self._futures]

    def _waiting(self) -> bool:
        return len(self._futures) < len(self._calls)

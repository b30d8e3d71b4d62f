"""Concurrent uploads: the first failure cancels the calls that have not started, an interrupt also the running ones."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, wait
from typing import TypeVar

from hero_build.forge.partial_file import Progress
from hero_build.system.thread_pool import ThreadPool

T = TypeVar("T")


class TransferCancelled(Exception):
    """Raised inside a transfer after an interrupt."""


class WorkerPool:
    """Runs calls on up to `jobs` threads."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._cancelled = threading.Event()

    def run_all(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """The results in order. Raises what the first call to fail raises."""
        if not calls:
            return []
        with ThreadPool(min(self._jobs, len(calls)), thread_name_prefix="publish") as pool:
            try:
                futures = [pool.submit(call) for call in calls]
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            except BaseException:
                self._cancelled.set()
                raise
            pool.shutdown(wait=False, cancel_futures=True)
            failed = next((future for future in futures if future in done and future.exception()), None)
            return [failed.result()] if failed else [future.result() for future in futures]

    def cancellable(self, progress: Progress) -> Progress:
        """`progress`, raising TransferCancelled after an interrupt: that is how a running transfer ends."""

        def report(size: int) -> None:
            if self._cancelled.is_set():
                raise TransferCancelled
            progress(size)

        return report

"""A thread pool that works with as many threads as the system grants (RLIMIT_NPROC, a cgroup's pids.max), and for
which an interrupt does not wait.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

from hero_build.errors import MachineError
from hero_build.os_errors import TOO_FEW_THREADS

_WAITS = (0.01, 0.1, 0.5)  # seconds


class ThreadPool(ThreadPoolExecutor):
    """Fewer threads mean fewer workers; without a single one, `submit` raises MachineError.

    ThreadPoolExecutor itself raises RuntimeError then, from a `submit` that has queued its call already.

    The end of a `with` waits for the threads, but not after an interrupt or a cancellation: one may wait for a server,
    for minutes. They end with the process, by os._exit; what they started ends first: process.end_children.
    """

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        interrupted = error is not None and not isinstance(error, Exception)
        self.shutdown(wait=not interrupted, cancel_futures=interrupted)

    def _adjust_thread_count(self) -> None:
        """Called by `submit` once the call is queued: a thread that cannot start leaves it to those that run."""
        for wait in _WAITS:
            try:
                super()._adjust_thread_count()
            except RuntimeError as error:
                if self._threads:
                    return
                failure = error
                time.sleep(wait)  # a thread that has been joined counts until the kernel has removed it
            else:
                return
        raise MachineError(*TOO_FEW_THREADS) from failure

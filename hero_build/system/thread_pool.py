"""A thread pool that works with as many threads as the system grants (RLIMIT_NPROC, a cgroup's pids.max)."""

from concurrent.futures import ThreadPoolExecutor

from hero_build.errors import TOO_FEW_THREADS, MachineError


class ThreadPool(ThreadPoolExecutor):
    """Fewer threads mean fewer workers; without a single one, `submit` raises MachineError.

    ThreadPoolExecutor itself raises RuntimeError then, from a `submit` that has queued its call already.
    """

    def _adjust_thread_count(self) -> None:
        """Called by `submit` once the call is queued: a thread that cannot start leaves it to those that run."""
        try:
            super()._adjust_thread_count()
        except RuntimeError as error:
            if not self._threads:
                raise MachineError(*TOO_FEW_THREADS) from error

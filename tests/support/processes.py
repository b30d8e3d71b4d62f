"""Whether processes run, and waiting until they do not, for tests of what ends them."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

LONG = 60  # seconds: far more than anything waited for takes


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def children(pid: int) -> tuple[int, ...]:
    """The processes that a process has started and that still run."""
    try:
        lists = [file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/children")]
    except FileNotFoundError:
        return ()
    return tuple(child for text in lists for word in text.split() if alive(child := int(word)))


def gone(pids: Iterable[int]) -> bool:
    """Wait until all of them have ended."""
    known = tuple(pids)
    return until(lambda: not any(alive(pid) for pid in known))


def is_stopped(pid: int) -> bool:
    """Whether all threads of a process are stopped by a signal."""
    tasks = Path(f"/proc/{pid}/task").glob("*/stat")
    return all(task.read_text().rpartition(")")[2].split()[0] in "Tt" for task in tasks)


def until(true: Callable[[], bool], seconds: float = LONG) -> bool:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True

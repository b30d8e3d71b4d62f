"""Whether processes run, and waiting until they do not, for tests of what ends them.

A process can end between any two looks at it: then its files in /proc are gone (ENOENT), or cannot be read (ESRCH).
"""

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

LONG = 240  # seconds: far more than anything waited for takes, also on a machine that has much else to do
_ENDED = (FileNotFoundError, ProcessLookupError)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be reaped does not."""
    return _stat(Path(f"/proc/{pid}/stat"))[:1] not in ([], ["Z"], ["X"])


def parent(pid: int) -> int:
    """The process that started it, or has adopted it; 0 if it has ended."""
    fields = _stat(Path(f"/proc/{pid}/stat"))
    return int(fields[1]) if fields else 0


def children(pid: int) -> tuple[int, ...]:
    """The processes that a process has started and that still run."""
    lists = [_text(file) for file in Path(f"/proc/{pid}/task").glob("*/children")]
    return tuple(child for text in lists for word in text.split() if alive(child := int(word)))


def first_child(pid: int) -> int:
    """The one that a wrapper such as unshare runs in, once it has started it; 0 if the wrapper has ended."""
    assert until(lambda: not alive(pid) or bool(children(pid)))
    return next(iter(children(pid)), 0)


def descendants(pid: int) -> Iterator[int]:
    """The processes that it has started, and those that they have."""
    for child in children(pid):
        yield child
        yield from descendants(child)


def open_files(pid: int) -> tuple[str, ...]:
    """What its file descriptors lead to: paths, and names such as `socket:[1]`."""
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except _ENDED:
        return ()
    return tuple(place for name in names if (place := _link(f"{folder}/{name}")))


def gone(pids: Iterable[int]) -> bool:
    """Wait until all of them have ended."""
    known = tuple(pids)
    return until(lambda: not any(alive(pid) for pid in known))


def suspend(pid: int) -> None:
    """Stop a process by SIGSTOP, which takes effect a little later than it is sent."""
    os.kill(pid, signal.SIGSTOP)
    assert until(lambda: is_stopped(pid))


def is_stopped(pid: int) -> bool:
    """Whether all threads of a process are stopped by a signal."""
    threads = [fields[0] for file in Path(f"/proc/{pid}/task").glob("*/stat") if (fields := _stat(file))]
    return bool(threads) and all(state in "Tt" for state in threads)


def until(true: Callable[[], bool], seconds: float = LONG) -> bool:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def _stat(file: Path) -> list[str]:
    """The fields of proc_pid_stat(5) from the state on; none if it has ended."""
    return _text(file).rpartition(")")[2].split()


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except _ENDED:
        return ""


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except _ENDED:
        return ""

"""Takes secrets out of where other processes of the same user can read them: /proc/<pid>/environ and memory.

unsetenv(3) removes a variable from the list, not its text from the block that the process was started with, which
/proc/<pid>/environ shows (proc(5): env_start and env_end in /proc/<pid>/stat).
"""

import os
from collections.abc import Collection
from contextlib import suppress

_PR_SET_DUMPABLE = 4
_ENV_START, _ENV_END = 47, 48  # fields 50 and 51 of /proc/<pid>/stat, counted from its third one
_MAX_BLOCK = 16 << 20


def hide(names: Collection[str]) -> None:
    """Zero the values of these variables in the block, and keep other processes of the user out of this one's memory.

    Without effect where the system does not allow it. What is in `os.environ` stays.
    """
    with suppress(OSError, ValueError, IndexError):
        _erase(frozenset(name.encode() for name in names))
    _make_undumpable()


def _erase(names: Collection[bytes]) -> None:
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    start, end = int(fields[_ENV_START]), int(fields[_ENV_END])
    if not 0 < end - start <= _MAX_BLOCK:
        return
    memory = os.open("/proc/self/mem", os.O_RDWR | os.O_CLOEXEC)
    try:
        position = start
        for entry in os.pread(memory, end - start, start).split(b"\0"):
            name, separator, value = entry.partition(b"=")
            if separator and name in names:
                os.pwrite(memory, bytes(len(value)), position + len(name) + 1)
            position += len(entry) + 1
    finally:
        os.close(memory)


def _make_undumpable() -> None:
    """prctl(2): no ptrace, no core file, and /proc/<pid>/mem, environ and fd are closed to others of the same user."""
    import ctypes  # only for those that have a secret

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)

"""Files that are fsynced when they are written, and the exchange of two names in one step."""

import errno
import os
from pathlib import Path

from hero_build.errors import Unsupported

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def write(path: Path, text: str, mode: int | None = None) -> None:
    """Write a new file and fsync it; `mode` None: the process's default. Raises FileExistsError."""
    with path.open("x", encoding="utf-8") as file:
        if mode is not None:
            os.fchmod(file.fileno(), mode)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def exchange(one: Path, other: Path) -> None:
    """Swap two names in one step: renameat2(RENAME_EXCHANGE). Raises Unsupported where the filesystem cannot."""
    import ctypes  # only when a folder is adopted or restored

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS):
        raise Unsupported(f"this filesystem cannot exchange {one} in one step", f"Move {one} away, then run it again.")
    raise OSError(number, os.strerror(number), str(one))

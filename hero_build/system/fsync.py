"""fsync of a path: what is renamed or written survives a power cut only after it."""

import os
from contextlib import suppress
from itertools import takewhile
from pathlib import Path


def fsync(path: Path) -> None:
    """fsync a file, or a folder, whose entries (names, renames, links) it makes durable. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Create a folder, and those above it, if they are missing; new ones survive a power cut. Raises OSError."""
    new = list(takewhile(lambda folder: not folder.exists(), (path, *path.parents)))
    path.mkdir(parents=True, exist_ok=True)
    for folder in new:
        with suppress(PermissionError):  # a folder may be written and not read
            fsync(folder.parent)


def syncfs(folder: str) -> None:
    """Make all that was written to the file system of a folder durable, in one call: each of a thousand files, synced
    by itself, takes ten times as long. Raises OSError.
    """
    import ctypes  # takes milliseconds, and only packs need it

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        call = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
        if call is None:  # a libc without it
            os.sync()
        elif call(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(descriptor)

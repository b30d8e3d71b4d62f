"""fsync of a path: what is renamed or written survives a power cut only after it."""

import os
from pathlib import Path


def fsync(path: Path) -> None:
    """fsync a file, or a folder, whose entries (names, renames, links) it makes durable. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""The lock file that a machine keeps to, and its signature beside it."""

from __future__ import annotations

import os

LOCK = "cfg/set.lock"
"""In the root."""
SIGNATURE = ".minisig"
"""What the signature's name has more."""


def write_readable(folder, files):
    """The lock as a file that the user of the root can read: it is no secret."""
    os.chmod(folder, 0o755)
    path = os.path.join(folder, "set.lock")
    for suffix, text in files.items():
        if text is not None:
            with open(path + suffix, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(path + suffix, 0o644)
    return path


def read(path):
    """Its text; None where there is none that can be read."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return None

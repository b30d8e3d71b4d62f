"""The digest of a small file, such as a manifest or a lock file, by which a change of it is seen."""

import hashlib
from pathlib import Path

from hero_build.os_errors import raise_for_machine

ABSENT = "absent"


def content_digest(path: Path) -> str:
    """sha256 of a file's content; ABSENT where it cannot be read. Raises MachineError."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError) as error:  # the latter: a NUL in the name
        raise_for_machine(error, path)
        return ABSENT

"""Answers of tools that are asked once for each state of what decides them, kept in a small file of the cache."""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

_MOST = 50  # answers that are remembered


def _surely() -> bool:
    return True


def cached(file: Path, key: str, ask: Callable[[], str], still: Callable[[], bool] = _surely) -> str:
    """The answer that `file` has for `key`, or else that of `ask`, which is then kept. What `ask` raises is not.

    Nor is what is no answer to `key` any more: whether it `still` is, is asked afterwards.
    """
    known = _recall(file)
    if key not in known:
        known = {**known, key: ask()}
        if still():
            _remember(file, known)
    return known[key]


def file_stamp(path: Path) -> str:
    """A word that changes when the file at a path does."""
    try:
        status = path.stat()
    except OSError:
        return "absent"
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns}"


def _recall(file: Path) -> dict[str, str]:
    try:
        known = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _remember(file: Path, known: Mapping[str, str]) -> None:
    """Best effort: a cache that cannot be written costs a process, no more."""
    import tempfile

    newest = dict(list(known.items())[-_MOST:])
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, made = tempfile.mkstemp(prefix=f"{file.stem}-", dir=file.parent)
        with os.fdopen(descriptor, "w") as out:
            json.dump(newest, out)
        os.replace(made, file)

"""Finished bundles, cached by a key of their inputs: an unchanged bundle costs a few file reads and no process.

`<folder>/<key>/` holds the files and `.digests.json`, the sha256 of each. An entry appears by one rename, and is used
only if every file still matches its digest.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import msgspec

from hero_build.system.decoding import decode_json

_INDEX = ".digests.json"
_UNFINISHED = ".new-"
_MAX_BYTES = 512 << 20  # bytes that stay after a build
_STALE_SECONDS = 24 * 3600  # age at which an unfinished entry is deleted


def digests(folder: Path, key: str) -> dict[str, str] | None:
    """The sha256 of each file of the entry `key`, which counts as used now; None where there is no such entry."""
    try:
        listed = decode_json((folder / key / _INDEX).read_bytes(), kind=dict[str, str])
        os.utime(folder / key)
    except (OSError, ValueError):  # ValueError: msgspec's errors, and a path with a NUL
        return None
    return listed


def restore(folder: Path, key: str, dest: Path) -> bool:
    """Copy the entry `key` into the new folder `dest`; False, with nothing written, if no intact entry exists."""
    entry = folder / key
    listed = digests(folder, key) or {}
    try:
        contents = {name: (entry / name).read_bytes() for name in listed}
    except (OSError, ValueError):
        return False
    if any(sha256(content).hexdigest() != listed[name] for name, content in contents.items()):
        return False
    for name, content in contents.items():
        (dest / name).parent.mkdir(parents=True, exist_ok=True)
        (dest / name).write_bytes(content)
    return bool(contents)


@contextmanager
def new_entry(folder: Path) -> Iterator[Path]:
    """A new temporary folder beside the entries, deleted afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=folder, ignore_cleanup_errors=True) as unfinished:
        yield Path(unfinished)


def store(folder: Path, key: str, content: Path) -> None:
    """Move a folder made inside `new_entry` to the entry `key`, replacing what is there."""
    (content / _INDEX).write_bytes(msgspec.json.encode(_digests(content)))
    try:
        content.rename(folder / key)
    except OSError:  # another process was quicker, or the existing entry is damaged
        with new_entry(folder) as aside:
            with suppress(OSError):
                (folder / key).rename(aside / "old")
            with suppress(OSError):
                content.rename(folder / key)


def prune(folder: Path, max_bytes: int = _MAX_BYTES) -> None:
    """Delete the entries that were not used for the longest time until the rest takes at most `max_bytes`."""
    remaining, now = max_bytes, time.time()
    with suppress(OSError):
        entries = sorted(((entry.stat().st_mtime, entry.path) for entry in os.scandir(folder)), reverse=True)
        for used, entry in entries:
            if os.path.basename(entry).startswith(_UNFINISHED):
                expired = now - used > _STALE_SECONDS
            else:
                remaining -= _size(entry)
                expired = remaining < 0
            if expired:
                shutil.rmtree(entry, ignore_errors=True)


def _size(folder: str) -> int:
    """Of all that is in a folder, in bytes. (pathlib takes 20 ms for what thirty islands leave.)"""
    with os.scandir(folder) as items:
        return sum(
            item.stat(follow_symlinks=False).st_size + (_size(item.path) if item.is_dir(follow_symlinks=False) else 0)
            for item in items
        )


def _digests(folder: Path) -> dict[str, str]:
    """The sha256 of every file, by its path relative to `folder`."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in files}

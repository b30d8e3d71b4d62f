"""Finished folders by what they were made from, so that what has not changed costs a look and no process.

`<cache>/bundles/<key>/` holds the files and `.digests.json`, the sha256 of each. A folder comes in by one rename, and
is read only if each file is what it was then.
"""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

_INDEX = ".digests.json"
_UNFINISHED = ".new-"
_MAX_BYTES = 512 << 20  # bytes that stay after a build
_STALE_SECONDS = 24 * 3600  # seconds after which what was begun is given up


def restore(shelf: Path, key: str, dest: Path) -> bool:
    """Copy what is kept under `key` into the new folder `dest`; False, and nothing done, if nothing sound is."""
    kept = shelf / key
    try:
        digests = json.loads((kept / _INDEX).read_bytes())
        files = {name: (kept / name).read_bytes() for name in digests}
        if any(sha256(raw).hexdigest() != digests[name] for name, raw in files.items()):
            return False
        os.utime(kept)
    except (OSError, ValueError, TypeError):
        return False
    for name, raw in files.items():
        (dest / name).parent.mkdir(parents=True, exist_ok=True)
        (dest / name).write_bytes(raw)
    return bool(files)


@contextmanager
def new_entry(shelf: Path) -> Iterator[Path]:
    """A new folder beside what is kept, gone afterwards."""
    shelf.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=shelf, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def store(shelf: Path, key: str, folder: Path) -> None:
    """Keep a folder of `begun` under `key`, in place of whatever is there."""
    (folder / _INDEX).write_text(json.dumps(_digests(folder)))
    try:
        folder.rename(shelf / key)
    except OSError:  # another has been quicker, or what is there is damaged
        with new_entry(shelf) as aside:
            with suppress(OSError):
                (shelf / key).rename(aside / "old")
            with suppress(OSError):
                folder.rename(shelf / key)


def prune(shelf: Path, most: int = _MAX_BYTES) -> None:
    """Drop what has not been used for longest until the rest takes `most` bytes at most."""
    room, now = most, time.time()
    with suppress(OSError):
        found = sorted(((entry.stat().st_mtime, Path(entry)) for entry in os.scandir(shelf)), reverse=True)
        for used, folder in found:
            if folder.name.startswith(_UNFINISHED):
                gone = now - used > _STALE_SECONDS
            else:
                room -= sum(path.stat().st_size for path in folder.rglob("*"))
                gone = room < 0
            if gone:
                shutil.rmtree(folder, ignore_errors=True)


def _digests(folder: Path) -> Mapping[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in files}

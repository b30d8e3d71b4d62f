"""A file that is replaced at once: a reader, also after a kill, sees the old content or the new one, never a part."""

import os
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from hero_build.system.fsync import fsync

_PART = re.compile(r"\.[0-9a-f]{16}\.part")
_NEW_FILE = 0o666  # less the umask, as open(2) makes files


def replace_file(
    path: Path,
    content: bytes,
    *,
    mode: int = _NEW_FILE,
    ordered: bool = False,
    durable: bool = False,
    scratch: Path | None = None,
) -> None:
    """Write a new file in `scratch` (None: the folder of `path`) and rename it over `path`. Raises OSError.

    `mode`: less the umask. `ordered`: after a power cut, too, the old content is there or the new one. `durable`:
    content and name survive a power cut once this returns. What fails leaves nothing behind; after a kill a file
    `.….part` may be left (`abandoned_parts`).
    """
    part = (scratch or path.parent) / f".{os.urandom(8).hex()}.part"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        try:
            _write(descriptor, content)
            if ordered or durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if durable:
        fsync(path.parent)


def abandoned_parts(folder: Path, before: float, *, skip: Collection[str] = ()) -> Iterator[Path]:
    """The unfinished files below `folder`, but not in its own folders `skip`, that were last written before a time:
    their writers were killed.
    """
    for place, folders, names in os.walk(folder):
        if place == str(folder):
            folders[:] = [name for name in folders if name not in skip]
        for path in (Path(place, name) for name in names if _PART.fullmatch(name)):
            with suppress(FileNotFoundError):  # its writer has given it its name
                if path.lstat().st_mtime < before:
                    yield path


def _write(descriptor: int, content: bytes) -> None:
    """All of it, without a file object: making one costs more than writing what is small."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]

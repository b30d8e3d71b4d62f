"""A file that is replaced at once: a reader, also after a kill, sees the old content or the new one, never a part."""

import os
from pathlib import Path

from hero_build.system.fsync import fsync

_NEW_FILE = 0o666  # less the umask, as open(2) makes files


def replace_file(
    path: Path, content: bytes, *, mode: int = _NEW_FILE, durable: bool = False, scratch: Path | None = None
) -> None:
    """Write a new file in `scratch` (None: the folder of `path`) and rename it over `path`. Raises OSError.

    `mode`: less the umask. `durable`: content and name survive a power cut once this returns. What fails leaves
    nothing behind; after a kill a file `.….part` may be left.
    """
    part = (scratch or path.parent) / f".{os.urandom(8).hex()}.part"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with open(descriptor, "wb") as out:
            out.write(content)
            out.flush()
            if durable:
                os.fsync(descriptor)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if durable:
        fsync(path.parent)

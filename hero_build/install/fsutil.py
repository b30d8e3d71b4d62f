"""Files that are fsynced when they are written, hard links, and the exchange of two names in one step."""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hero_build.errors import NotWritable, Unsupported
from hero_build.system.fsync import fsync

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS})  # what file systems without hard links answer


def write(path: Path, content: str | bytes, mode: int | None = None) -> None:
    """Write a new file and fsync it; `mode` None: the process's default. Raises FileExistsError."""
    with path.open("xb") as file:
        if mode is not None:
            os.fchmod(file.fileno(), mode)
        file.write(content if isinstance(content, bytes) else content.encode())
        file.flush()
        os.fsync(file.fileno())


def link_or_copy(source: str | Path, target: str | Path) -> bool:
    """Hard-link a file; False where it is copied: the system refuses a link to it alone, since it is another user's
    (fs.protected_hardlinks), or has as many links as the file system allows. Raises NotWritable where none is possible.
    """
    try:
        os.link(source, target)
        return True
    except OSError as error:
        if error.errno == errno.EMLINK or (error.errno == errno.EPERM and os.stat(source).st_uid != os.geteuid()):
            import shutil  # not at the top: it loads four compressors

            shutil.copy2(source, target)
            fsync(Path(target))
            return False
        if error.errno in _NO_LINKS:
            hint = "hero-build shares files between generations by hard links: name a --root where they are possible."
            raise NotWritable(
                f"the file system at {Path(target).parent} has no hard links ({error.strerror})", hint
            ) from error
        raise


def share_files(source: Path, target: Path, paths: Iterable[str]) -> dict[str, str]:
    """Hard-link files of one folder into another, whose folders are there; each path with `source`, or with an empty
    text where the file is copied, as by `link_or_copy`. Raises NotWritable.
    """
    shared, here = {}, str(source)
    with _opened(source) as old, _opened(target) as new:  # from an open folder, the kernel has less to look up
        for path in paths:
            try:
                os.link(path, path, src_dir_fd=old, dst_dir_fd=new, follow_symlinks=False)
                shared[path] = here
            except OSError:
                shared[path] = here if link_or_copy(source / path, target / path) else ""
    return shared


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def exchange(one: Path, other: Path) -> None:
    """Swap two names in one step: renameat2(RENAME_EXCHANGE). Raises Unsupported where the filesystem cannot."""
    import ctypes  # only when a folder is adopted or restored

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS, errno.EXDEV):  # EXDEV: the lower layer of an overlay
        raise Unsupported(f"this filesystem cannot exchange {one} in one step", f"Move {one} away, then run it again.")
    raise OSError(number, os.strerror(number), str(one))

"""What the operating system refuses or lacks, as a MachineError with a next step."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hero_build.errors import DiskFull, MachineError, NotWritable
from hero_build.ownership import OTHER_ROOT, existing, permission_hint, space_hint

_FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the quota is used up"}
_DENIED, _TAKEN = {errno.EACCES, errno.EPERM, errno.EROFS}, {errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ELOOP}
_SHORT = {  # what the machine has too little of
    errno.EMFILE: ("too many files are open", "Raise the limit (`ulimit -n`), or use a smaller -j."),
    errno.ENFILE: ("this machine has too many files open", "End other programs, then run it again."),
    errno.ENOMEM: ("the memory is used up", "Free some, raise the limit (`ulimit -v`), or use a smaller -j."),
    errno.EAGAIN: ("no more threads or processes can be started", "Raise the limit (`ulimit -u`, or the container's)."),
}
TOO_FEW_THREADS = _SHORT[errno.EAGAIN]
_FAILING = {errno.EIO, errno.ESTALE, errno.EUCLEAN, errno.EREMOTEIO}  # a disk, or a mount
_SAYS_NOTHING = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, *_FAILING}  # EAGAIN is also said of a socket
_UNUSABLE = {*_FAILING, errno.ENODEV, errno.ENXIO, errno.ENOSYS}
_CHECK_DISK = "Check the disk or the mount that it is on (`dmesg` may say more)."
ABSENT = (FileNotFoundError, NotADirectoryError)
"""What the system answers where nothing is at a path. Any other error leaves open what is there."""


@contextmanager
def machine_errors(place: Path, other: str = OTHER_ROOT) -> Iterator[None]:
    """What the operating system refuses under `place` becomes a MachineError, whose hint may name `other` instead."""
    try:
        yield
    except OSError as error:
        if (failure := machine_error(error, place, other)) is not None:
            raise failure from error
        raise


def raise_for_machine(error: BaseException, place: Path | None = None) -> None:
    """Raise the MachineError for a lack, or for a disk that fails: neither says anything about the data at `place`.

    Called first wherever an error becomes a sentence or a value of its own: damaged, absent, changed, unreachable.
    """
    if isinstance(error, OSError) and error.errno not in _SAYS_NOTHING:
        return
    if (failure := machine_error(error, place)) is not None:
        raise failure from error


def lexists(path: str | Path) -> bool:
    """Whether something is at a path, links not followed. (os.path.lexists takes each error for "nothing".)"""
    try:
        os.lstat(path)
    except ABSENT:
        return False
    return True


def raise_unless_absent(error: OSError) -> None:
    """For `os.walk(onerror=…)`, which by default leaves out what it cannot list."""
    if not isinstance(error, ABSENT):
        raise error


def raise_for_access(error: OSError, place: Path, other: str = OTHER_ROOT) -> None:
    """As `raise_for_machine`, also for what is there and this user may not read."""
    raise_for_machine(error, place)
    if error.errno in _DENIED:
        hint = permission_hint(error, place, other=other, need="readable")
        raise NotWritable(f"{place} cannot be read: {error.strerror}", hint) from error


def machine_error(error: BaseException, place: Path | None = None, other: str = OTHER_ROOT) -> MachineError | None:
    """What this machine refuses or lacks, in work at `place`, as a MachineError; None for what is a bug."""
    unmapped = isinstance(error, ImportError) and "failed to map segment" in str(error)  # of a shared object, by ld.so
    if unmapped or isinstance(error, MemoryError):
        return MachineError(*_SHORT[errno.ENOMEM])
    if not isinstance(error, OSError):
        no_thread = isinstance(error, RuntimeError) and "can't start new thread" in str(error)
        return MachineError(*TOO_FEW_THREADS) if no_thread else None
    if error.errno in _SHORT:
        sentence, hint = _SHORT[error.errno]
        return MachineError(f"{sentence} ({error.strerror})", hint)
    name = error.filename
    if isinstance(name, str) and not os.path.isabs(name):
        if error.filename2 is not None:  # symlink(2), which has the link's text first
            name = error.filename2
        elif place is not None and os.sep not in name and not os.path.lexists(name):  # relative to a descriptor
            name = None
    named = Path(os.fsdecode(name)) if isinstance(name, str | bytes) else place
    if named is None:  # read(2) and write(2) name no file
        return _nameless(error, other)
    return _refusal(error, where=named, place=place or named, other=other)


def _is_working_folder_gone() -> bool:
    """Whether getcwd(2), which names no file, is what failed."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _is_device(path: Path) -> bool:
    """Whether something other than a file, a folder or a link is at a path."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode))


def _nameless(error: OSError, other: str) -> MachineError | None:
    if error.errno in _FULL:
        return DiskFull(f"{_FULL[error.errno]} ({error.strerror})", space_hint(other))
    if error.errno == errno.ENOENT and _is_working_folder_gone():
        return MachineError(
            "the folder that this command was started in is gone", "Change to one that is there (`cd`)."
        )
    if error.errno in {*_FAILING, errno.EACCES}:  # the latter of a network mount, by the user's credentials there
        return MachineError(f"a file cannot be read or written: {error.strerror}", _CHECK_DISK)
    return None


def _refusal(error: OSError, where: Path, place: Path, other: str) -> MachineError | None:
    """What the file system refuses at `where`, in work at `place`."""
    if error.errno in _FULL:
        return DiskFull(f"{_FULL[error.errno]} ({error.strerror}) at {place}", space_hint(other))
    if error.errno == errno.EFBIG:
        hint = f"Raise the limit on the size of a file (`ulimit -f`), or name {other} where files may be larger."
        return DiskFull(f"a file may not grow ({error.strerror}) at {place}", hint)
    if error.errno in _DENIED:
        return NotWritable(f"cannot write at {where}: {error.strerror}", permission_hint(error, where, other))
    if error.errno == errno.ENOENT and not place.parent.is_dir():
        hint = f"Create the folder above it, or name {other}."
        return NotWritable(f"{place} cannot be created: {error.strerror}", hint)
    if error.errno in _TAKEN:
        taken = existing(where)
        hint = "hero-build did not create it: move it away, then run it again."
        if _is_device(taken):
            hint = f"It belongs to the system: name {other}."
        return NotWritable(f"{taken} is in the way ({error.strerror})", hint)
    if error.errno == errno.EXDEV:
        hint = "All folders below var/hero_build must be on one file system: unmount it, or name another --root."
        return NotWritable(f"{where} cannot be moved or linked ({error.strerror}) in {place}", hint)
    if error.errno == errno.ENAMETOOLONG:
        return NotWritable(f"a path is too long for this file system: {where}", "Use folders with shorter names.")
    if error.errno in _UNUSABLE:
        return MachineError(f"{where} cannot be used: {error.strerror}", _CHECK_DISK)
    return None

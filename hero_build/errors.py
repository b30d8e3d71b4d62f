"""What can go wrong, as one tree. Every leaf has an exit code and carries a hint a person can act on.

HeroBuildError
├── UsageError                2   what was typed cannot be meant
│   ├── RecipeError               a recipe is broken, or two clash
│   ├── UnsafeName                a name from outside that could leave its folder or fool a terminal
│   └── PublicationRefused        what is published already would change, or the parcels cannot be a release
├── NotFound                  3
│   ├── AppNotFound               no recipe of that name
│   ├── RepoNotFound              no such repository, or none this token may see
│   ├── ReleaseNotFound           the repository has no such release
│   ├── AssetNotFound             the release lacks the asset
│   ├── AmbiguousAsset            the release has two that fit
│   ├── RefNotFound               the repository has no such branch, tag or commit
│   ├── BundleNotFound            the workspace has no such island
│   └── GenerationNotFound
├── ForgeError                4
│   ├── NetworkError              no connection, cut, stalled, too slow, 429/5xx for ever
│   ├── AuthError                 401, 403
│   └── BadForgeResponse               the server said something that cannot be understood or trusted
├── VerificationError         5
│   ├── SizeMismatch
│   ├── ChecksumMismatch
│   ├── InvalidChecksumFile        a checksum file that says nothing clear, or none where one is required
│   ├── InvalidServiceManifest        a service.toml that says nothing clear, or two that contradict each other
│   ├── InvalidBinary             not an ELF file of the kind, machine or libc that was asked for
│   ├── InvalidBundle              not a folder of WebAssembly that a browser could load, or an archive to beware of
│   └── RootDamaged               manifest or content on disk is not what was committed
├── BuildError                6   cargo failed, or the workspace lacks what was asked of it
├── LockHeld                  7   another hero-build holds the lock
├── MachineError              8
│   ├── BuildNeeded               only a build can give this, and none is possible here
│   ├── NotWritable               no permission, or something else stands in the way
│   ├── DiskFull
│   ├── MissingTool               a program is not there, or too old
│   ├── ToolFailed                a program that is there does not work
│   ├── CheckoutRefused           a checkout is not what it should be, or holds work that would be lost
│   └── Unsupported               this machine is of a kind that nothing is published for
└── RuntimeFailed             9
    ├── RuntimeUnreachable        no supervisor answers: no socket, nobody behind it, no answer in time
    ├── BadRuntimeResponse             one said something that cannot be understood, or refused
    └── NotHealthy                a service did not come up, or not as what is installed
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class HeroBuildError(Exception):
    """An expected failure: `message` is one sentence, `hint` the next step (empty only where none exists)."""

    code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(HeroBuildError):
    code = 2


class RecipeError(UsageError): ...


class UnsafeName(UsageError): ...


class PublicationRefused(UsageError): ...


class NotFound(HeroBuildError):
    code = 3


class AppNotFound(NotFound): ...


class RepoNotFound(NotFound): ...


class ReleaseNotFound(NotFound): ...


class AssetNotFound(NotFound): ...


class AmbiguousAsset(NotFound): ...


class GenerationNotFound(NotFound): ...


class RefNotFound(NotFound): ...


class BundleNotFound(NotFound): ...


class ForgeError(HeroBuildError):
    code = 4


class NetworkError(ForgeError): ...


class AuthError(ForgeError): ...


class BadForgeResponse(ForgeError): ...


class VerificationError(HeroBuildError):
    code = 5


class SizeMismatch(VerificationError): ...


class ChecksumMismatch(VerificationError): ...


class InvalidChecksumFile(VerificationError): ...


class InvalidServiceManifest(VerificationError): ...


class InvalidBinary(VerificationError): ...


class InvalidBundle(VerificationError): ...


class RootDamaged(VerificationError): ...


class BuildError(HeroBuildError):
    """`tail`: the last lines that the build wrote (200 at most); `log`: the file that has all of them."""

    code = 6

    def __init__(self, message: str, hint: str = "", *, tail: tuple[str, ...] = (), log: Path | None = None) -> None:
        super().__init__(message, hint)
        self.tail = tail
        self.log = log


class LockHeld(HeroBuildError):
    code = 7


class MachineError(HeroBuildError):
    code = 8


class BuildNeeded(MachineError): ...


class NotWritable(MachineError): ...


class DiskFull(MachineError): ...


class MissingTool(MachineError): ...


class ToolFailed(MachineError):
    """`status`: the exit code (negative: the signal); `tail`: the last lines that the program wrote."""

    def __init__(self, message: str, hint: str = "", *, status: int = 1, tail: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint)
        self.status = status
        self.tail = tail


class CheckoutRefused(MachineError): ...


class Unsupported(MachineError): ...


class RuntimeFailed(HeroBuildError):
    code = 9


class RuntimeUnreachable(RuntimeFailed): ...


class BadRuntimeResponse(RuntimeFailed): ...


class NotHealthy(RuntimeFailed): ...


INTERRUPTED = 130
_FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the quota is used up"}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_TAKEN = {errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ELOOP}


@contextmanager
def machine_errors(place: Path) -> Iterator[None]:
    """What the operating system refuses under `place` becomes a MachineError; any other OSError propagates."""
    try:
        yield
    except OSError as error:
        if (told := _described(error, place)) is not None:
            raise told from error
        raise


def _described(error: OSError, place: Path) -> MachineError | None:
    where = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else place
    if error.errno in _FULL:
        hint = "Free some space (`hero-build gc` drops old generations), then run it again."
        return DiskFull(f"{_FULL[error.errno]} ({error.strerror}) at {place}", hint)
    if error.errno == errno.EFBIG:
        hint = "Raise the limit on the size of a file (`ulimit -f`), or name a --root where files may be larger."
        return DiskFull(f"a file may not grow ({error.strerror}) at {place}", hint)
    if error.errno in _DENIED:
        hint = f"Make {_standing(where)} writable for this user, or name another with --root."
        return NotWritable(f"cannot write at {where}: {error.strerror}", hint)
    if error.errno == errno.ENOENT and not place.parent.is_dir():
        hint = "Create the folder above it, or name another with --root."
        return NotWritable(f"{place} cannot be made: {error.strerror}", hint)
    if error.errno in _TAKEN:
        hint = "It is no part of what hero-build keeps there: move it away, then run it again."
        return NotWritable(f"{_standing(where)} is in the way ({error.strerror})", hint)
    return None


def _standing(path: Path) -> Path:
    """`path`, or the nearest folder (or what stands in its place) above it that is there."""
    return next((parent for parent in (path, *path.parents) if os.path.lexists(parent)), path)

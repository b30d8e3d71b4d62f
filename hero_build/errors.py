"""Expected failures, as one tree. Every leaf has an exit code, a JSON-RPC code, and a hint that a person can act on.

HeroBuildError
├── UsageError                2 -32602   invalid arguments or configuration
│   ├── RecipeError               a recipe is broken, or two contradict each other
│   ├── UnsafeName                a name from outside that could leave its folder or mislead on a terminal
│   └── PublicationRefused        a published release would change, or the files cannot be a release
├── NotFound                  3 -32001
│   ├── AppNotFound               no recipe of that name
│   ├── RepoNotFound              no such repository, or none that this token may see
│   ├── ReleaseNotFound           the repository has no such release
│   ├── AssetNotFound             the release lacks the asset
│   ├── AmbiguousAsset     -32002 the release has two that match
│   ├── RefNotFound               the repository has no such branch, tag or commit
│   ├── BundleNotFound            the workspace has no such island
│   └── GenerationNotFound
├── ForgeError                4 -32003
│   ├── NetworkError              no connection, cut, stalled, too slow, 429/5xx after all retries
│   ├── AuthError                 401, 403
│   └── BadForgeResponse          the server's response cannot be understood or trusted
├── VerificationError         5 -32004
│   ├── SizeMismatch
│   ├── ChecksumMismatch
│   ├── InvalidChecksumFile       a checksum file that is malformed or ambiguous, or missing where one is required
│   ├── InvalidSignature          a lock file without a signature by a trusted key
│   ├── InvalidServiceManifest    a service.toml that is malformed, or two that contradict each other
│   ├── InvalidBinary             not an ELF file of the expected kind, machine or libc
│   ├── InvalidBundle             not a folder of WebAssembly that a browser can load, or an unsafe archive
│   └── RootDamaged               manifest or content on disk differs from what was committed
├── BuildError                6 -32005   cargo failed, or the workspace lacks what the recipe names
├── LockHeld                  7 -32006   another hero-build holds the lock
├── MachineError              8 -32007
│   ├── BuildNeeded               only a build can provide this, and none is possible here
│   ├── NotWritable               no permission, or something else stands in the way
│   ├── DiskFull
│   ├── MissingTool               a program is missing, or too old
│   ├── MissingSecret             a service needs a secret that is not in cfg/secrets
│   ├── ServiceConflict           a port or socket is held by another process, or apps exclude each other
│   ├── ToolFailed                a program is installed but does not work
│   ├── UntrustedRecipe           a recipe that another user owns or may write
│   ├── CheckoutRefused           a checkout is of another repository, or holds work that would be lost
│   └── Unsupported               nothing is published for this kind of machine
└── RuntimeFailed             9 -32009
    ├── RuntimeUnreachable        no supervisor answers: no socket, no listener, no response in time
    ├── BadRuntimeResponse        its response cannot be understood, or is a refusal
    └── NotHealthy         -32008 a service did not start, or does not run the installed version
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hero_build.ownership import OTHER_ROOT, existing, permission_hint, space_hint


class HeroBuildError(Exception):
    """An expected failure: one sentence, a next step; of a build or service also the last lines of its `log`."""

    code, rpc = 1, -32603

    def __init__(self, message: str, hint: str = "", *, tail: tuple[str, ...] = (), log: Path | None = None) -> None:
        super().__init__(message)
        self.message, self.hint, self.tail, self.log = message, hint, tail, log


class UsageError(HeroBuildError):
    code, rpc = 2, -32602


class RecipeError(UsageError): ...


class UnsafeName(UsageError): ...


class PublicationRefused(UsageError): ...


class NotFound(HeroBuildError):
    code, rpc = 3, -32001


class AppNotFound(NotFound): ...


class RepoNotFound(NotFound): ...


class ReleaseNotFound(NotFound): ...


class AssetNotFound(NotFound): ...


class AmbiguousAsset(NotFound):
    rpc = -32002


class GenerationNotFound(NotFound): ...


class RefNotFound(NotFound): ...


class BundleNotFound(NotFound): ...


class ForgeError(HeroBuildError):
    code, rpc = 4, -32003


class NetworkError(ForgeError): ...


class AuthError(ForgeError): ...


class BadForgeResponse(ForgeError): ...


class VerificationError(HeroBuildError):
    code, rpc = 5, -32004


class SizeMismatch(VerificationError): ...


class ChecksumMismatch(VerificationError): ...


class InvalidChecksumFile(VerificationError): ...


class InvalidSignature(VerificationError): ...


class InvalidServiceManifest(VerificationError): ...


class InvalidBinary(VerificationError): ...


class InvalidBundle(VerificationError): ...


class RootDamaged(VerificationError): ...


class BuildError(HeroBuildError):
    code, rpc = 6, -32005


class LockHeld(HeroBuildError):
    code, rpc = 7, -32006


class MachineError(HeroBuildError):
    code, rpc = 8, -32007


class BuildNeeded(MachineError): ...


class NotWritable(MachineError): ...


class DiskFull(MachineError): ...


class MissingTool(MachineError): ...


class ToolFailed(MachineError):
    """`status`: the exit code (negative: the signal)."""

    def __init__(self, message: str, hint: str = "", *, status: int = 1, tail: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint, tail=tail)
        self.status = status


class MissingSecret(MachineError): ...


class ServiceConflict(MachineError): ...


class UntrustedRecipe(MachineError): ...


class CheckoutRefused(MachineError): ...


class Unsupported(MachineError): ...


class RuntimeFailed(HeroBuildError):
    code, rpc = 9, -32009


class RuntimeUnreachable(RuntimeFailed): ...


class BadRuntimeResponse(RuntimeFailed): ...


class NotHealthy(RuntimeFailed):
    rpc = -32008


_FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the quota is used up"}
_DENIED, _TAKEN = {errno.EACCES, errno.EPERM, errno.EROFS}, {errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ELOOP}
_SHORT = {  # what the machine has too little of
    errno.EMFILE: ("too many files are open", "Raise the limit (`ulimit -n`), or use a smaller -j."),
    errno.ENFILE: ("this machine has too many files open", "End other programs, then run it again."),
    errno.ENOMEM: ("the memory is used up", "Free some, raise the limit (`ulimit -v`), or use a smaller -j."),
    errno.EAGAIN: ("no more threads or processes can be started", "Raise the limit (`ulimit -u`, or the container's)."),
}
TOO_FEW_THREADS = _SHORT[errno.EAGAIN]
_UNUSABLE = {errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.EUCLEAN, errno.EREMOTEIO, errno.ENOSYS}


@contextmanager
def machine_errors(place: Path, other: str = OTHER_ROOT) -> Iterator[None]:
    """What the operating system refuses under `place` becomes a MachineError, whose hint may name `other` instead."""
    try:
        yield
    except OSError as error:
        if (failure := machine_error(error, place, other)) is not None:
            raise failure from error
        raise


def machine_error(error: Exception, place: Path | None = None, other: str = OTHER_ROOT) -> MachineError | None:
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
    return None if named is None else _refusal(error, where=named, place=place or named, other=other)


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
        hint = "hero-build did not create it: move it away, then run it again."
        return NotWritable(f"{existing(where)} is in the way ({error.strerror})", hint)
    if error.errno == errno.EXDEV:
        hint = "All folders below var/hero_build must be on one file system: unmount it, or name another --root."
        return NotWritable(f"{where} cannot be moved or linked ({error.strerror}) in {place}", hint)
    if error.errno == errno.ENAMETOOLONG:
        return NotWritable(f"a path is too long for this file system: {where}", "Use folders with shorter names.")
    if error.errno in _UNUSABLE:
        hint = "Check the disk or the mount that it is on (`dmesg` may say more)."
        return MachineError(f"{where} cannot be used: {error.strerror}", hint)
    return None

"""Takes a program from where cargo put it: a copy, verified like a download."""

import fcntl
import hashlib
from pathlib import Path

from hero_build.errors import InvalidBinary
from hero_build.install.store import make_durable
from hero_build.model.artifacts import Binary, Platform
from hero_build.model.steps import Fetched, Verified
from hero_build.os_errors import machine_errors
from hero_build.verify.check import verify
from hero_build.verify.expect import expect_for

_FICLONE = 0x40049409  # of linux/fs.h
_CHUNK = 1 << 20
_FOREIGN_TARGET_HINT = "do the recipe, .cargo/config.toml or RUSTFLAGS select another target?"


def verified_copy(binary: Binary, source: Path, folder: Path, platform: Platform) -> Verified:
    """copy ─► verify ─► make durable. A copy, not a link, because cargo may write to its own file again.

    Raises VerificationError, MachineError.
    """
    path = folder / binary.name
    with machine_errors(folder):
        digest, size = _copy(source, path)
    try:
        verified = verify(
            Fetched(binary, path=path, form="file", sha256=digest, size=size), expect_for(binary, None, platform)
        )
    except InvalidBinary as error:  # its hint is about releases
        raise InvalidBinary(error.message, f"{source} is what cargo built: {_FOREIGN_TARGET_HINT}") from error
    make_durable(verified)
    return verified


def _copy(source: Path, target: Path) -> tuple[str, int]:
    """Copies a file; returns its sha256 and size. Blocks are shared where the filesystem supports it."""
    digest = hashlib.sha256()
    with source.open("rb") as file, target.open("xb") as out:
        shared = _clone_blocks(file.fileno(), out.fileno())
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            if not shared:
                out.write(chunk)
        return digest.hexdigest(), file.tell()


def _clone_blocks(source: int, target: int) -> bool:
    """ioctl_ficlonerange(2); False where it is not possible."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True

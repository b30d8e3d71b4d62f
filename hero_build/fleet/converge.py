"""`fleet converge`: the machine's lock file, `<root>/cfg/set.lock`, fetched once.

To move the machine to another set, replace that file; this never does.
"""

import hashlib
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct
from msgspec.structs import replace

from hero_build.errors import AssetNotFound, NetworkError, UsageError
from hero_build.events import Emit
from hero_build.forge.limits import limits_of
from hero_build.forge.lock_source import pack_file, place_address, require_folder
from hero_build.forge.open_forge import open_forge
from hero_build.forge.transfer import read_small
from hero_build.model.steps import Asset
from hero_build.ops.open_lock import LockOptions, OpenedLock, open_lock, signature_of
from hero_build.os_errors import machine_errors, raise_for_machine
from hero_build.settings import Settings
from hero_build.system import packed
from hero_build.system.fsync import fsync, make_folder

LOCK = Path("cfg") / "set.lock"
_LARGEST = 64 << 20  # bytes


class FirstLock(Struct, frozen=True):
    """Where the first lock file is (`<at>/<set>.lock`), and what vouches for it, as `LockOptions` has it."""

    set: str
    at: str
    digest: str | None = None
    trust: str | None = None


def machine_lock(first: FirstLock, settings: Settings, emit: Emit) -> OpenedLock:
    """The machine's lock file, opened; fetched before if there is none. Its digest is only checked then.

    Raises what `open_lock` raises, AssetNotFound, NetworkError, NotWritable.
    """
    path = settings.root / LOCK
    if not path.is_file():
        _fetch(first, path, settings=settings, emit=emit)
    hint = f"Replace it with the right one; or delete it, and the one of {first.at} is fetched again."
    return open_lock(LockOptions(path, at=first.at, trust=first.trust, again=hint), settings, emit)


def _fetch(first: FirstLock, path: Path, *, settings: Settings, emit: Emit) -> None:
    """Checked before it is there: a wrong one is fetched again next time."""
    with machine_errors(path.parent):
        make_folder(path.parent)
        with TemporaryDirectory(dir=path.parent, prefix=".set-") as folder:
            part = Path(folder) / path.name
            part.write_bytes(_read(first, ".lock", settings=settings, emit=emit))
            if first.trust or settings.trust:
                signature_of(part).write_bytes(_read(first, ".lock.minisig", settings=settings, emit=emit))
            label = Path(f"{first.set}.lock")
            options = LockOptions(part, at=first.at, digest=first.digest, trust=first.trust, label=label)
            open_lock(options, settings, emit)
            for file in (signature_of(part), part):  # the lock file last: where it is, both are
                if file.exists():
                    file.chmod(0o644)
                    fsync(file)
                    os.replace(file, path.parent / file.name)
        fsync(path.parent)


def _read(first: FirstLock, suffix: str, *, settings: Settings, emit: Emit) -> bytes:
    place = place_address(first.at)
    name = f"{first.set}{suffix}"
    if (pack := pack_file(place)) is not None:
        return _packed(pack, suffix)
    require_folder(place)
    forge = open_forge(replace(settings, forge=place, token=None), emit)
    asset = Asset(name, url=f"{place}/{name}", id=hashlib.sha256(name.encode()).hexdigest())
    try:
        return read_small(forge, asset, most=_LARGEST, limits=limits_of(settings), emit=emit)
    except AssetNotFound as error:
        hint = f"`hero-build lock @{first.set} -o {name}` writes it; put it beside the releases."
        raise AssetNotFound(f"{place} has no {name}", hint) from error
    except NetworkError as error:
        hint = f"Check the network, and --at, {first.at}; the same command goes on from here."
        raise NetworkError(error.message, hint) from error


def _packed(pack: Path, suffix: str) -> bytes:
    """The lock file that this hero-build was packed with, or its signature."""
    own, lock = packed.file(), packed.lock()
    if own is None or lock is None or not os.path.samefile(own, pack):
        raise UsageError(f"the lock file of {pack} is read by that pack alone", f"Run `sh {pack} fleet converge …`.")
    path = Path(lock) if suffix == ".lock" else signature_of(Path(lock))
    try:
        return path.read_bytes()
    except OSError as error:
        raise_for_machine(error, path)
        hint = "Pack a lock file that is signed: hero-build pack --locked FILE."
        raise AssetNotFound(f"{pack} has no {path.name}", hint) from error

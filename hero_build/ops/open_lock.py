"""`--locked`: what vouches for a lock file is checked first, then it is opened as a Forge. Asks no forge.

digest and signature of the bytes ─► parsed ─► for this machine? ─► where its contents are
"""

import hashlib
import re
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hero_build.errors import ChecksumMismatch, InvalidSignature, UsageError
from hero_build.events import Emit
from hero_build.forge import lock_source, lockfile
from hero_build.forge.compressed_store import CompressedStore
from hero_build.forge.lockfile import Lock
from hero_build.forge.open_forge import open_forge
from hero_build.forge.pack_contents import PackContents
from hero_build.forge.protocol import Forge
from hero_build.model.installed import Phase
from hero_build.os_errors import raise_for_machine
from hero_build.platforms import machine_arch
from hero_build.settings import Settings
from hero_build.system import packed
from hero_build.system.regular_file import read_regular

SIGNATURE_SUFFIX = ".minisig"
_LARGEST_SIGNATURE, _LARGEST_KEY = 4096, 4096  # bytes
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_DISTRUST = "Do not install from it: ask its supplier for the right one."


class LockOptions(Struct, frozen=True):
    """A lock file as it was asked for. `at`: where its contents are (None: at the forge in it); `digest`: its sha256,
    `trust`: a public key or a file with one, by which it must be signed (None: not asked for).

    `label`: what errors call the file (None: its path); `again`: the hint if it is none (None: how to write one).
    """

    file: Path
    at: str | None = None
    digest: str | None = None
    trust: str | None = None
    label: Path | None = None
    again: str | None = None

    @property
    def shown(self) -> Path:
        return self.label or self.file

    @property
    def files(self) -> tuple[Path, ...]:
        """The file, and those that may vouch for it."""
        key = () if self.trust is None else (Path(self.trust).expanduser(),)
        return (self.file, signature_of(self.file), *key)


class OpenedLock(Struct, frozen=True):
    """A lock file that may be installed from: its Forge, what it pins of which app (`pinned`), and its sha256.

    `files`: itself, and those that vouch for it.
    """

    forge: Forge
    pinned: tuple[tuple[str, Phase], ...]
    sha256: str
    files: tuple[Path, ...]

    @property
    def apps(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(app for app, _ in self.pinned))

    def phases(self, app: str) -> tuple[Phase, ...]:
        """What it pins of an app; of one that it does not pin, the programs, which are then an error."""
        return tuple(phase for name, phase in self.pinned if name == app) or ("install",)


def open_lock(options: LockOptions, settings: Settings, emit: Emit) -> OpenedLock:
    """Raises ChecksumMismatch, InvalidSignature, UsageError.

    The token is used only if the settings name the same forge: a lock file may come from anyone.
    """
    content = lockfile.read_content(options.file)
    digest = hashlib.sha256(content).hexdigest()
    _check_digest(options, digest)
    _check_signature(options, content, settings)
    lock = lockfile.parse(content, options.shown, hint=options.again)
    _check_machine(options.shown, lock)
    forge = _forge(lock, options=options, settings=settings, emit=emit)
    pinned = tuple((item.app, item.phase) for item in lock.pins)
    return OpenedLock(forge, pinned=pinned, sha256=digest, files=options.files)


def signature_of(file: Path) -> Path:
    """Where the signature of a lock file is."""
    return file.with_name(f"{file.name}{SIGNATURE_SUFFIX}")


def _check_digest(options: LockOptions, digest: str) -> None:
    if options.digest is None:
        return
    if not _SHA256.fullmatch(options.digest):
        raise UsageError(f"--digest is {options.digest!r}", f"It takes the output of `sha256sum {options.shown}`.")
    if digest != options.digest.lower():
        sentence = f"{options.shown} has the sha256 {digest}, and --digest is {options.digest.lower()}"
        raise ChecksumMismatch(sentence, _DISTRUST)


def _check_signature(options: LockOptions, content: bytes, settings: Settings) -> None:
    keys = (public_key(options.trust),) if options.trust is not None else settings.trust
    if not keys:
        return
    from hero_build.verify.minisign import verifies

    path = signature_of(options.file)
    try:
        signature = read_regular(path, _LARGEST_SIGNATURE)
    except OSError as error:
        raise_for_machine(error, path)
        sentence = f"{options.shown} must be signed, and {signature_of(options.shown)} cannot be read: {error.strerror}"
        raise InvalidSignature(sentence, "`hero-build lock APP… -o FILE --sign KEYFILE` writes both.") from error
    if not any(verifies(signature, content, key) for key in keys):
        whose = "the key in --trust" if options.trust is not None else "a key in trust in cfg/hero_build.toml"
        sentence = f"{signature_of(options.shown)} is not a signature of {options.shown} by {whose}"
        raise InvalidSignature(sentence, _DISTRUST)


def public_key(text: str) -> str:
    """A minisign key as base64: the text itself, or the key in the file that it names. Raises UsageError."""
    from hero_build.verify.minisign import read_public_key

    path = Path(text).expanduser()
    try:
        content = read_regular(path, _LARGEST_KEY).decode(errors="replace") if path.is_file() else text
    except OSError as error:
        raise_for_machine(error, path)
        raise UsageError(f"the public key {path} cannot be read: {error.strerror}", "Name another file.") from error
    try:
        read_public_key(content)
    except UsageError as error:
        raise UsageError(f"--trust is {text[:200]!r}: {error.message}, and no file with one", error.hint) from error
    return content.strip().splitlines()[-1]


def _check_machine(file: Path, lock: Lock) -> None:
    if lock.arch != machine_arch():
        sentence = f"{file} was written on {lock.arch}, and this machine is {machine_arch()}"
        raise UsageError(sentence, "Write one on a machine like this one: `hero-build lock APP… -o FILE`.")


def _forge(lock: Lock, options: LockOptions, settings: Settings, emit: Emit) -> Forge:
    place = lock.forge if options.at is None else lock_source.place_address(options.at)
    if options.at is None and settings.source("forge") == "flag" and settings.forge != lock.forge:
        sentence = f"{options.file} pins files at {lock.forge}, and --forge names {settings.forge}"
        hint = "`--at URL` fetches them from another place; else leave out --forge."
        raise UsageError(sentence, hint)
    token = settings.token if settings.forge == place else None
    place_settings = replace(settings, forge=place, token=token)

    def inner() -> Forge:
        if (pack := lock_source.pack_file(place)) is not None:
            return PackContents(pack)
        try:
            opened = open_forge(place_settings, emit)
        except UsageError as error:
            raise UsageError(f"{options.shown}: forge: {error.message}", _DISTRUST) from error
        if place == lock.forge:
            return opened
        lock_source.require_folder(place)
        source = opened if place.startswith("file:") else CompressedStore(opened, emit)
        return lock_source.LockSource(lock, place=place, inner=source, emit=emit)

    own = str(options.file) == packed.lock()
    return lockfile.LockfileForge(lock, inner, file=None if own else options.file)

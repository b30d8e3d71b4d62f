"""Downloads an asset: streamed to disk and hashed in one pass, resumed where it broke off, verified at the end."""

import time
from contextlib import closing, suppress
from pathlib import Path

from msgspec import Struct

from hero_build.errors import AssetNotFound, BadForgeResponse, ChecksumMismatch, NetworkError, SizeMismatch
from hero_build.events import Emit, silent
from hero_build.forge.download_dir import DownloadDir
from hero_build.forge.limits import DEFAULT, Limits
from hero_build.forge.partial_file import HashOnly, PartialFile, Progress
from hero_build.forge.protocol import Body, Forge
from hero_build.forge.retry import TransientError, Truncated, with_retries
from hero_build.model.steps import Asset
from hero_build.system.plain_text import plural
from hero_build.system.sha256 import sha256_of

_SMALL_FILE = 1 << 20
_BROKEN = "Run it again; if it still fails, ask the publisher of the release to upload it again."
_DAMAGED_STORE = "Its place is damaged: `hero-build mirror` writes a mirror again, and `hero-build pack` a pack."
_CHECK_LOGIN = "The forge probably sent a login page: check --forge, and whether the release is private."
_HEAD_SIZE = 200  # bytes that distinguish a page from a program
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Downloaded(Struct, frozen=True):
    """A complete file with the digest and size of its content; the caller syncs and moves it, or leaves it."""

    path: Path
    sha256: str
    size: int


def no_progress(size: int) -> None:
    """A Progress that does nothing."""


def fetch(
    forge: Forge,
    asset: Asset,
    downloads: DownloadDir,
    *,
    sha256: str | None = None,
    progress: Progress = no_progress,
    limits: Limits = DEFAULT,
    emit: Emit = silent,
) -> Downloaded:
    """The asset as a file of `downloads`, with the size in `asset` and the digest `sha256` (else the asset's own).

    `progress` receives the number of bytes as they arrive, and a negative number when they must be sent again. Raises
    SizeMismatch, ChecksumMismatch, DiskFull, NotWritable, and what `forge.open` raises once no attempt is left.
    """
    expected = sha256 or asset.sha256
    if asset.size == 0:
        raise empty_asset(asset)
    with closing(PartialFile(downloads, _key(asset, expected), progress, verifiable=expected is not None)) as partial:
        partial.adopt()
        if not (partial.size and partial.digest == expected):
            _download(_Transfer(forge, asset=asset, partial=partial, limits=limits, emit=emit), expected)
        digest, size = partial.digest, partial.size
        return Downloaded(partial.finish(), digest, size)


def verify_remote(
    forge: Forge,
    asset: Asset,
    sha256: str,
    *,
    progress: Progress = no_progress,
    limits: Limits = DEFAULT,
    emit: Emit = silent,
) -> None:
    """Download and verify the asset as `fetch` does, and keep nothing. Raises as `fetch` does."""
    if asset.size == 0:
        raise empty_asset(asset)
    _download(_Transfer(forge, asset=asset, partial=HashOnly(progress), limits=limits, emit=emit), sha256)


def _download(transfer: "_Transfer", expected: str | None) -> None:
    """Download the whole asset and check it: once more where two parts do not fit together, and where a store has
    another content by that digest, since it may have it twice. Raises ChecksumMismatch, SizeMismatch; no file is left.
    """
    partial = transfer.partial
    refused = transfer.refusal(expected)
    if isinstance(refused, SizeMismatch) and partial.size:  # it broke off: a later run goes on from there
        raise refused
    if refused and (partial.resumed or (expected is not None and partial.has_identity(expected))):
        partial.drop()
        with suppress(AssetNotFound):  # it was there compressed alone
            refused = transfer.refusal(expected)
    if isinstance(refused, ChecksumMismatch):
        partial.drop()
    if refused:
        raise refused


def read_small(
    forge: Forge, asset: Asset, *, most: int = _SMALL_FILE, limits: Limits = DEFAULT, emit: Emit = silent
) -> bytes:
    """All of a small asset, such as a checksum file. Raises BadForgeResponse for more than `most` bytes."""

    def attempt() -> bytes:
        content = bytearray()
        with forge.open(asset) as body:
            for chunk in body.chunks():
                content += chunk
                if len(content) > most:
                    raise BadForgeResponse(
                        f"{asset.name} has more than {plural(most, 'byte')}, which is too many", _BROKEN
                    )
        if body.total is not None and len(content) < body.total:
            raise Truncated(f"{asset.name} broke off after {len(content)} of {plural(body.total, 'byte')}", _BROKEN)
        return bytes(content)

    return with_retries(attempt, what=asset.name, limits=limits, emit=emit)


class _Transfer(Struct, frozen=True):
    forge: Forge
    asset: Asset
    partial: PartialFile
    limits: Limits
    emit: Emit

    def refusal(self, expected: str | None) -> ChecksumMismatch | SizeMismatch | None:
        """Download all of it; why it is not the content that was expected."""
        try:
            self.run()
        except (ChecksumMismatch, SizeMismatch) as error:
            return error
        if expected in (None, self.partial.digest):
            return None
        hint = _DAMAGED_STORE if self.partial.has_identity(expected or "") else _BROKEN
        sentence = f"{self.asset.name} has the sha256 {self.partial.digest}, expected {expected}"
        return ChecksumMismatch(sentence, hint)

    def run(self) -> None:
        """Retry for as long as attempts make progress."""
        deadline = time.monotonic() + self.limits.transfer
        while True:
            before = self.partial.peak
            try:
                return with_retries(self._attempt, what=self.asset.name, limits=self.limits, emit=self.emit)
            except TransientError as error:
                if self.partial.peak > before and time.monotonic() < deadline:
                    continue
                if isinstance(error, Truncated):
                    raise SizeMismatch(self._short(), _BROKEN) from error
                raise

    def _attempt(self) -> None:
        partial = self.partial
        with self.forge.open(self.asset, partial.size - partial.whole) as body:
            if body.start == 0:
                return self._receive(body)
            if partial.continues(body):
                partial.resumed = True
                return None if partial.whole else self._receive(body)
        with self.forge.open(self.asset) as body:  # the content has changed
            return self._receive(body)

    def _receive(self, body: Body) -> None:
        self._check_total(body)
        if body.start == 0:
            self.partial.start(body)
        deadline = time.monotonic() + self.limits.transfer
        for chunk in body.chunks():
            self.partial.write(chunk)
            if self.asset.size is not None and self.partial.size > self.asset.size:
                raise self._wrong_size(f"{self.asset.name} is longer than its {self.asset.size} bytes")
            if time.monotonic() > deadline:
                raise NetworkError(f"{self.asset.name} took more than {self.limits.transfer:g} s", _BROKEN)
        whole = body.total if body.total is not None else self.asset.size
        if whole is not None and self.partial.size < whole:
            if body.total is None and _first_line_of_page(self.partial.head(_HEAD_SIZE)):
                raise self._wrong_size(self._size_mismatch(self.partial.size))
            raise Truncated(self._short(), _BROKEN)
        if self.partial.size == 0:
            raise empty_asset(self.asset)

    def _short(self) -> str:
        size = f" of {self.asset.size}" if self.asset.size is not None else ""
        return f"{self.asset.name} broke off after {self.partial.size}{size} bytes"

    def _check_total(self, body: Body) -> None:
        if body.total == 0:
            raise empty_asset(self.asset)
        if body.total is None or self.asset.size in (None, body.total):
            return
        beginning = next(iter(body.chunks()), b"")
        raise self._wrong_size(self._size_mismatch(body.total), bytes(beginning[:_HEAD_SIZE]))

    def _size_mismatch(self, size: int) -> str:
        return f"{self.asset.name} has {size} bytes, expected {self.asset.size}"

    def _wrong_size(self, sentence: str, head: bytes | None = None) -> SizeMismatch:
        """The error for a wrong size, which quotes the page that came in place of the file, if one did."""
        line = _first_line_of_page(self.partial.head(_HEAD_SIZE) if head is None else head)
        self.partial.drop()
        if line:
            return SizeMismatch(f"{sentence}; it begins with {line!r}", _CHECK_LOGIN)
        return SizeMismatch(sentence, _BROKEN)


def _first_line_of_page(head: bytes) -> str:
    """The first line of a page; empty if these bytes do not begin a page."""
    line = head[:_HEAD_SIZE].decode(errors="replace").strip().partition("\n")[0]
    return line[:80] if line.startswith("<") else ""


def _key(asset: Asset, expected: str | None) -> str:
    """The hash of the request. Without an expected digest, files from before a reboot are not reused."""
    identity = expected or _boot_id()
    return sha256_of("\0".join((asset.url, asset.id, identity)).encode(errors="replace"))[:32]


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text()
    except OSError:
        return str(time.time_ns())


def empty_asset(asset: Asset) -> SizeMismatch:
    """The error for an asset without a byte."""
    return SizeMismatch(f"{asset.name} is empty", _BROKEN)

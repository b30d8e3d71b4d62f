"""Getting an asset: streamed to disk and hashed in one pass, resumed where it broke off, proven at the end."""

import hashlib
import time
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from hero_build.errors import BadForgeResponse, ChecksumMismatch, NetworkError, SizeMismatch
from hero_build.events import Emit, silent
from hero_build.forge.download_dir import DownloadDir
from hero_build.forge.limits import DEFAULT, Limits
from hero_build.forge.partial_file import HashOnly, PartialFile, Progress
from hero_build.forge.protocol import Body, Forge
from hero_build.forge.retry import TransientError, Truncated, with_retries
from hero_build.model.steps import Asset

_SMALL_FILE = 1 << 20
_BROKEN = "Run it again; if it stays so, ask whoever published the release to upload it anew."
_CHECK_LOGIN = "The forge probably answered with a login page: check --forge and FORGEJO_TOKEN."
_HEAD_SIZE = 200  # bytes that tell a page from a program
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Downloaded(Struct, frozen=True):
    """A whole file with the digest and size it really has; the caller syncs it and moves it away, or leaves it."""

    path: Path
    sha256: str
    size: int


def no_progress(size: int) -> None:
    """A Progress for callers that do not watch."""


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
    """The asset as a file of `inbox`, of the size that `asset` tells and of the digest `sha256` (else the asset's own).

    `progress` gets the bytes as they come, and a negative number when they have to come again. Raises SizeMismatch,
    ChecksumMismatch, DiskFull, NotWritable, and what `forge.open` raises once the attempts are used up.
    """
    wanted = sha256 or asset.sha256
    if asset.size == 0:
        raise _empty_asset(asset)
    with closing(PartialFile(downloads, _key(asset, wanted), progress, proven=wanted is not None)) as partial:
        partial.adopt()
        if not (partial.size and partial.digest == wanted):
            _download(_Transfer(forge, asset=asset, partial=partial, limits=limits, emit=emit), wanted)
        found, size = partial.digest, partial.size
        return Downloaded(partial.finish(), found, size)


def verify_remote(
    forge: Forge,
    asset: Asset,
    sha256: str,
    *,
    progress: Progress = no_progress,
    limits: Limits = DEFAULT,
    emit: Emit = silent,
) -> None:
    """Get the asset as `fetch` does, to know that it is what it should be, and keep nothing. Raises as `fetch` does."""
    if asset.size == 0:
        raise _empty_asset(asset)
    _download(_Transfer(forge, asset=asset, partial=HashOnly(progress), limits=limits, emit=emit), sha256)


def _download(transfer: "_Transfer", wanted: str | None) -> None:
    """All of the asset, with the digest it should have. Raises ChecksumMismatch, and leaves nothing then."""
    partial = transfer.partial
    transfer.run()
    if wanted not in (None, partial.digest) and partial.pieced:
        partial.drop()  # the pieces do not belong together: all of it once more, in one
        transfer.run()
    if wanted not in (None, partial.digest):
        found = partial.digest
        partial.drop()
        raise ChecksumMismatch(f"{transfer.asset.name} has the sha256 {found}, and should have {wanted}", _BROKEN)


def read_small(
    forge: Forge, asset: Asset, *, most: int = _SMALL_FILE, limits: Limits = DEFAULT, emit: Emit = silent
) -> bytes:
    """All of a small asset, such as a checksum file. Raises BadForgeResponse for one of more than `most` bytes."""

    def attempt() -> bytes:
        content = bytearray()
        with forge.open(asset) as body:
            for piece in body.chunks():
                content += piece
                if len(content) > most:
                    raise BadForgeResponse(f"{asset.name} has more than {most} bytes, which no such file has", _BROKEN)
        if body.total is not None and len(content) < body.total:
            raise Truncated(f"{asset.name} broke off after {len(content)} of {body.total} bytes", _BROKEN)
        return bytes(content)

    return with_retries(attempt, what=asset.name, limits=limits, emit=emit)


class _Transfer(Struct, frozen=True):
    forge: Forge
    asset: Asset
    partial: PartialFile
    limits: Limits
    emit: Emit

    def run(self) -> None:
        """Attempts, for as long as they get anywhere."""
        deadline = time.monotonic() + self.limits.transfer
        while True:
            before = self.partial.high
            try:
                return with_retries(self._attempt, what=self.asset.name, limits=self.limits, emit=self.emit)
            except TransientError as error:
                if self.partial.high > before and time.monotonic() < deadline:
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
                partial.pieced = True
                return None if partial.whole else self._receive(body)
        with self.forge.open(self.asset) as body:  # something else is there by now
            return self._receive(body)

    def _receive(self, body: Body) -> None:
        self._check_told(body)
        if body.start == 0:
            self.partial.begin(body)
        deadline = time.monotonic() + self.limits.transfer
        for piece in body.chunks():
            self.partial.write(piece)
            if self.asset.size is not None and self.partial.size > self.asset.size:
                raise self._wrong_size(f"{self.asset.name} is longer than its {self.asset.size} bytes")
            if time.monotonic() > deadline:
                raise NetworkError(f"{self.asset.name} took more than {self.limits.transfer:g} s", _BROKEN)
        whole = body.total if body.total is not None else self.asset.size
        if whole is not None and self.partial.size < whole:
            if body.total is None and _first_line_of_page(self.partial.head(_HEAD_SIZE)):
                raise self._wrong_size(self._not(self.partial.size))
            raise Truncated(self._short(), _BROKEN)
        if self.partial.size == 0:
            raise _empty_asset(self.asset)

    def _short(self) -> str:
        size = f" of {self.asset.size}" if self.asset.size is not None else ""
        return f"{self.asset.name} broke off after {self.partial.size}{size} bytes"

    def _check_told(self, body: Body) -> None:
        if body.total == 0:
            raise _empty_asset(self.asset)
        if body.total is None or self.asset.size in (None, body.total):
            return
        beginning = next(iter(body.chunks()), b"")
        raise self._wrong_size(self._not(body.total), bytes(beginning[:_HEAD_SIZE]))

    def _not(self, size: int) -> str:
        return f"{self.asset.name} has {size} bytes and should have {self.asset.size}"

    def _wrong_size(self, sentence: str, head: bytes | None = None) -> SizeMismatch:
        """A page that came in place of the file explains a wrong size better than numbers do."""
        line = _first_line_of_page(self.partial.head(_HEAD_SIZE) if head is None else head)
        self.partial.drop()
        if line:
            return SizeMismatch(f"{sentence}; it begins with {line!r}", _CHECK_LOGIN)
        return SizeMismatch(sentence, _BROKEN)


def _first_line_of_page(head: bytes) -> str:
    """The first line of a page; empty when these bytes begin none."""
    line = head[:_HEAD_SIZE].decode(errors="replace").strip().partition("\n")[0]
    return line[:80] if line.startswith("<") else ""


def _key(asset: Asset, wanted: str | None) -> str:
    """What is asked for. Without a digest that would prove it, nothing is trusted that a power cut may have torn."""
    trust = wanted or _boot_id()
    return hashlib.sha256("\0".join((asset.url, asset.id, trust)).encode(errors="replace")).hexdigest()[:32]


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text()
    except OSError:
        return str(time.time_ns())


def _empty_asset(asset: Asset) -> SizeMismatch:
    return SizeMismatch(f"{asset.name} is empty", _BROKEN)

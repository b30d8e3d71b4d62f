"""Bringing parcels into a release on a server: each ends there once, with the bytes it should have, got from there.

The server keeps two assets of one name, and may have stored an upload whose answer was lost. So every attempt goes by
a listing, and after all of them comes another listing: of two that are right the older stays, which is what another
job decides, too, that uploads the same file into the same draft at the same time.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

from msgspec import Struct

from hero_build.errors import AssetNotFound, BadForgeResponse, NetworkError, SizeMismatch, VerificationError
from hero_build.events import Emit, Transferred, WarningRaised
from hero_build.forge.limits import Limits
from hero_build.forge.partial_file import Progress
from hero_build.forge.protocol import Forge
from hero_build.forge.retry import TransientError, with_retries
from hero_build.forge.transfer import read_small, unwatched, verify_remote
from hero_build.model.installed import PartId
from hero_build.model.steps import Asset
from hero_build.publish.api import Api, RemoteAsset, RemoteRelease
from hero_build.publish.types import ReleaseFile
from hero_build.publish.workers import WorkerPool

_ROUNDS = 5
_GONE = 0  # the number of no asset
_FIGHT = "Is another run publishing other files under these names? Let it end, then run this again."


class UploadedAsset(Struct, frozen=True):
    """A parcel that is on the server; `removed` says whether others of its name had to go."""

    parcel: ReleaseFile
    held: RemoteAsset
    kept: bool
    removed: bool


class Uploader(Struct, frozen=True):
    """Works on one release of one repository, `number` on the server."""

    api: Api
    forge: Forge
    crew: WorkerPool
    repo: str
    number: int
    part: PartId
    limits: Limits
    emit: Emit

    def upload_all(self, files: Sequence[ReleaseFile], remote: RemoteRelease) -> tuple[UploadedAsset, ...]:
        """All of them there, each once, proven. Raises what `Publisher.publish` does."""
        settled: dict[str, UploadedAsset] = {}
        for _ in range(_ROUNDS):
            rest = [item for item in files if not _once(remote, settled.get(item.name))]
            if not rest:
                return tuple(settled[item.name] for item in files)
            known = {name: item.held.number for name, item in settled.items()}
            for item in self.crew.each([partial(self._settle, item, remote, known) for item in rest]):
                settled[item.parcel.name] = _joined(settled.get(item.parcel.name), item)
            remote = self.api.listing(self.repo, self.number)
        names = ", ".join(item.name for item in rest)
        raise BadForgeResponse(f"{names} do not stay as they were uploaded", _FIGHT)

    def prove(self, asset: Asset, sha256: str, progress: Progress = unwatched) -> None:
        """Get the asset as an install would. Raises SizeMismatch, ChecksumMismatch, NetworkError."""
        try:
            verify_remote(self.forge, asset, sha256, progress=progress, limits=self.limits, emit=self.emit)
        except TransientError as error:  # has been tried often enough
            raise NetworkError(error.message, error.hint) from error

    def matches(self, asset: Asset, sha256: str) -> bool:
        """Whether an asset has this digest, by getting it. Raises NetworkError."""
        try:
            self.prove(asset, sha256)
        except VerificationError:
            return False
        return True

    def read(self, asset: Asset) -> bytes:
        """All of a small asset."""
        return read_small(self.forge, asset, limits=self.limits, emit=self.emit)

    def moved(self, size: int) -> None:
        self.emit(Transferred(self.part, size))

    def _settle(self, file: ReleaseFile, remote: RemoteRelease, known: Mapping[str, int]) -> UploadedAsset:
        latest = [remote]

        def attempt() -> UploadedAsset:
            now = latest.pop() if latest else self._listing()
            return self._settled(file, now.named(file.name), known.get(file.name))

        return with_retries(attempt, what=file.name, limits=self.limits, emit=self.emit)

    def _listing(self) -> RemoteRelease:
        try:
            return self.api.listing(self.repo, self.number)
        except TransientError as error:
            raise NetworkError(error.message, error.hint) from error

    def _settled(self, file: ReleaseFile, there: Sequence[RemoteAsset], known: int | None) -> UploadedAsset:
        right = next((held for held in there if held.number == known or self._is(held, file)), None)
        others = [held for held in there if held is not right]
        for held in others:
            self.api.delete(self.repo, self.number, held)
        if right is not None:
            return UploadedAsset(file, held=right, kept=True, removed=bool(others))
        if others:
            self.emit(WarningRaised(f"{file.name} was in the release already, with other content: it is uploaded anew"))
        return UploadedAsset(file, held=self._upload(file), kept=False, removed=bool(others))

    def _is(self, asset: RemoteAsset, file: ReleaseFile) -> bool:
        """Whether an asset that was there before is what it should be."""
        if asset.asset.size != file.size:
            return False
        progress = self.crew.watched(self.moved)
        try:
            with taken_back(progress) as count:
                self.prove(asset.asset, file.sha256, count)
        except (VerificationError, AssetNotFound):
            return False
        self.moved(file.size)  # what need not be uploaded counts as done
        return True

    def _upload(self, file: ReleaseFile) -> RemoteAsset:
        with taken_back(self.crew.watched(self.moved)) as count:
            held = self.api.upload(self.repo, self.number, file, count)
            try:
                if held.asset.size != file.size:
                    sizes = f"{held.asset.size} bytes where {file.size} were sent"
                    raise SizeMismatch(f"the server has stored {file.name} with {sizes}", _STORED)
                self.prove(held.asset, file.sha256, count)
            except VerificationError:
                self.api.delete(self.repo, self.number, held)
                raise
            except AssetNotFound:  # another job has uploaded the same and keeps its own: the next round finds that
                return RemoteAsset(_GONE, held.asset)
        return held


def _once(remote: RemoteRelease, settled: UploadedAsset | None) -> bool:
    if settled is None:
        return False
    return [held.number for held in remote.named(settled.parcel.name)] == [settled.held.number]


def _joined(before: UploadedAsset | None, now: UploadedAsset) -> UploadedAsset:
    """What a parcel went through in two rounds, as one."""
    if before is None:
        return now
    return UploadedAsset(
        now.parcel, held=now.held, kept=before.kept and now.kept, removed=before.removed or now.removed
    )


_STORED = "Run it again; if it stays so, ask whoever runs that forge: its storage, or a proxy before it, is broken."


@contextmanager
def taken_back(progress: Progress) -> Iterator[Progress]:
    """A Progress for one attempt; when that raises, all it has told is told again with a minus."""
    told = 0

    def count(size: int) -> None:
        nonlocal told
        told += size
        progress(size)

    try:
        yield count
    except BaseException:
        if told:
            progress(-told)
        raise

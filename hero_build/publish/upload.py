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
_NO_ID = 0  # the number of no asset
_CONCURRENT_RUN = "Is another run publishing other files under these names? Let it end, then run this again."


class UploadedAsset(Struct, frozen=True):
    """A parcel that is on the server; `removed` says whether others of its name had to go."""

    file: ReleaseFile
    asset: RemoteAsset
    kept: bool
    removed: bool


class Uploader(Struct, frozen=True):
    """Works on one release of one repository, `number` on the server."""

    api: Api
    forge: Forge
    workers: WorkerPool
    repo: str
    number: int
    part: PartId
    limits: Limits
    emit: Emit

    def upload_all(self, files: Sequence[ReleaseFile], remote: RemoteRelease) -> tuple[UploadedAsset, ...]:
        """All of them there, each once, proven. Raises what `Publisher.publish` does."""
        settled: dict[str, UploadedAsset] = {}
        for _ in range(_ROUNDS):
            rest = [item for item in files if not _is_stored_once(remote, settled.get(item.name))]
            if not rest:
                return tuple(settled[item.name] for item in files)
            known = {name: item.asset.number for name, item in settled.items()}
            for item in self.workers.run_all([partial(self._store, item, remote, known) for item in rest]):
                settled[item.file.name] = _merged(settled.get(item.file.name), item)
            remote = self.api.release_by_id(self.repo, self.number)
        names = ", ".join(item.name for item in rest)
        raise BadForgeResponse(f"{names} do not stay as they were uploaded", _CONCURRENT_RUN)

    def verify(self, asset: Asset, sha256: str, progress: Progress = unwatched) -> None:
        """Get the asset as an install would. Raises SizeMismatch, ChecksumMismatch, NetworkError."""
        try:
            verify_remote(self.forge, asset, sha256, progress=progress, limits=self.limits, emit=self.emit)
        except TransientError as error:  # has been tried often enough
            raise NetworkError(error.message, error.hint) from error

    def matches(self, asset: Asset, sha256: str) -> bool:
        """Whether an asset has this digest, by getting it. Raises NetworkError."""
        try:
            self.verify(asset, sha256)
        except VerificationError:
            return False
        return True

    def read(self, asset: Asset) -> bytes:
        """All of a small asset."""
        return read_small(self.forge, asset, limits=self.limits, emit=self.emit)

    def report(self, size: int) -> None:
        self.emit(Transferred(self.part, size))

    def _store(self, file: ReleaseFile, remote: RemoteRelease, known: Mapping[str, int]) -> UploadedAsset:
        latest = [remote]

        def attempt() -> UploadedAsset:
            now = latest.pop() if latest else self._current()
            return self._store_once(file, now.assets_named(file.name), known.get(file.name))

        return with_retries(attempt, what=file.name, limits=self.limits, emit=self.emit)

    def _current(self) -> RemoteRelease:
        try:
            return self.api.release_by_id(self.repo, self.number)
        except TransientError as error:
            raise NetworkError(error.message, error.hint) from error

    def _store_once(self, file: ReleaseFile, there: Sequence[RemoteAsset], known: int | None) -> UploadedAsset:
        right = next((held for held in there if held.number == known or self._matches_file(held, file)), None)
        others = [held for held in there if held is not right]
        for held in others:
            self.api.delete(self.repo, self.number, held)
        if right is not None:
            return UploadedAsset(file, asset=right, kept=True, removed=bool(others))
        if others:
            self.emit(WarningRaised(f"{file.name} was in the release already, with other content: it is uploaded anew"))
        return UploadedAsset(file, asset=self._upload(file), kept=False, removed=bool(others))

    def _matches_file(self, asset: RemoteAsset, file: ReleaseFile) -> bool:
        """Whether an asset that was there before is what it should be."""
        if asset.asset.size != file.size:
            return False
        progress = self.workers.cancellable(self.report)
        try:
            with undo_on_error(progress) as count:
                self.verify(asset.asset, file.sha256, count)
        except (VerificationError, AssetNotFound):
            return False
        self.report(file.size)  # what need not be uploaded counts as done
        return True

    def _upload(self, file: ReleaseFile) -> RemoteAsset:
        with undo_on_error(self.workers.cancellable(self.report)) as count:
            held = self.api.upload(self.repo, self.number, file, count)
            try:
                if held.asset.size != file.size:
                    sizes = f"{held.asset.size} bytes where {file.size} were sent"
                    raise SizeMismatch(f"the server has stored {file.name} with {sizes}", _BROKEN_STORAGE)
                self.verify(held.asset, file.sha256, count)
            except VerificationError:
                self.api.delete(self.repo, self.number, held)
                raise
            except AssetNotFound:  # another job has uploaded the same and keeps its own: the next round finds that
                return RemoteAsset(_NO_ID, held.asset)
        return held


def _is_stored_once(remote: RemoteRelease, settled: UploadedAsset | None) -> bool:
    if settled is None:
        return False
    return [held.number for held in remote.assets_named(settled.file.name)] == [settled.asset.number]


def _merged(before: UploadedAsset | None, now: UploadedAsset) -> UploadedAsset:
    """What a parcel went through in two rounds, as one."""
    if before is None:
        return now
    return UploadedAsset(
        now.file, asset=now.asset, kept=before.kept and now.kept, removed=before.removed or now.removed
    )


_BROKEN_STORAGE = (
    "Run it again; if it stays so, ask whoever runs that forge: its storage, or a proxy before it, is broken."
)


@contextmanager
def undo_on_error(progress: Progress) -> Iterator[Progress]:
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

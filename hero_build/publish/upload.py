"""Uploading files into a release on a server, until each is stored there once, with the right bytes.

A server keeps two assets of one name, and may store an upload whose response was lost. So every attempt starts from
the release's current assets, and after all of them the assets are listed again. Of two correct assets the older stays:
another job that uploads the same file into the same draft at the same time decides the same.
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
from hero_build.forge.transfer import no_progress, read_small, verify_remote
from hero_build.model.installed import PartId
from hero_build.model.steps import Asset
from hero_build.publish.api import Api
from hero_build.publish.api_documents import RemoteAsset, RemoteRelease
from hero_build.publish.types import ReleaseFile
from hero_build.publish.workers import WorkerPool

_ROUNDS = 5
_NO_ID = 0  # no asset has this number
_CONCURRENT_RUN = "Is another run publishing other files under these names? Let it finish, then run this again."
_BROKEN_STORAGE = (
    "Run it again; if it happens again, ask the forge's administrator: its storage, or a proxy before it, is broken."
)


class UploadedAsset(Struct, frozen=True):
    """A file and its asset on the server. `kept`: it was there already; `removed`: other assets of its name were
    deleted.
    """

    file: ReleaseFile
    asset: RemoteAsset
    kept: bool
    removed: bool


class UploadedSet(Struct, frozen=True):
    """Files and their assets; `remote`: the listing of the release in which each of them is stored once."""

    assets: tuple[UploadedAsset, ...]
    remote: RemoteRelease


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

    def upload_all(self, files: Sequence[ReleaseFile], remote: RemoteRelease) -> UploadedSet:
        """Store each file once, and verify it. `remote`: the release as it is. Raises what `Publisher.publish` does.

        The largest come first: one that starts last would be on its way alone.
        """
        stored: dict[str, UploadedAsset] = {}
        for _ in range(_ROUNDS):
            rest = [file for file in files if not _is_stored_once(remote, stored.get(file.name))]
            if not rest:
                return UploadedSet(tuple(stored[file.name] for file in files), remote)
            rest.sort(key=lambda file: file.size, reverse=True)
            numbers = {name: item.asset.number for name, item in stored.items()}
            for item in self.workers.run_all([partial(self._store, file, remote, numbers) for file in rest]):
                stored[item.file.name] = _merged(stored.get(item.file.name), item)
            remote = self.api.release_by_id(self.repo, self.number)
        names = ", ".join(file.name for file in rest)
        raise BadForgeResponse(f"the server does not keep {names} as uploaded", _CONCURRENT_RUN)

    def verify(self, asset: Asset, sha256: str, progress: Progress = no_progress) -> None:
        """Download the asset as an install would. Raises SizeMismatch, ChecksumMismatch, NetworkError."""
        try:
            verify_remote(self.forge, asset, sha256, progress=progress, limits=self.limits, emit=self.emit)
        except TransientError as error:  # after the last retry
            raise NetworkError(error.message, error.hint) from error

    def matches(self, asset: Asset, sha256: str) -> bool:
        """Download the asset: whether it has this digest. Raises NetworkError."""
        try:
            self.verify(asset, sha256)
        except VerificationError:
            return False
        return True

    def read(self, asset: Asset) -> bytes:
        """The content of a small asset."""
        return read_small(self.forge, asset, limits=self.limits, emit=self.emit)

    def report(self, size: int) -> None:
        self.emit(Transferred(self.part, size))

    def _store(self, file: ReleaseFile, remote: RemoteRelease, numbers: Mapping[str, int]) -> UploadedAsset:
        first = [remote]

        def attempt() -> UploadedAsset:
            current = first.pop() if first else self._current()
            return self._store_once(file, current.assets_named(file.name), numbers.get(file.name))

        return with_retries(attempt, what=file.name, limits=self.limits, emit=self.emit)

    def _current(self) -> RemoteRelease:
        try:
            return self.api.release_by_id(self.repo, self.number)
        except TransientError as error:
            raise NetworkError(error.message, error.hint) from error

    def _store_once(self, file: ReleaseFile, assets: Sequence[RemoteAsset], number: int | None) -> UploadedAsset:
        """Keep the correct one of the assets of this name (`number`: verified in an earlier round), delete the others;
        upload the file where none is correct.
        """
        correct = next((asset for asset in assets if asset.number == number or self._matches_file(asset, file)), None)
        others = [asset for asset in assets if asset is not correct]
        for asset in others:
            self.api.delete(self.repo, self.number, asset)
        if correct is not None:
            return UploadedAsset(file, asset=correct, kept=True, removed=bool(others))
        if others:
            self.emit(WarningRaised(f"{file.name} was in the release with other content: it is uploaded again"))
        return UploadedAsset(file, asset=self._upload(file), kept=False, removed=bool(others))

    def _matches_file(self, asset: RemoteAsset, file: ReleaseFile) -> bool:
        if asset.asset.size not in (None, file.size):
            return False
        progress = self.workers.cancellable(self.report)
        try:
            with undo_on_error(progress) as count:
                self.verify(asset.asset, file.sha256, count)
        except (VerificationError, AssetNotFound):
            return False
        self.report(file.size)  # the upload that is not needed counts as done
        return True

    def _upload(self, file: ReleaseFile) -> RemoteAsset:
        with undo_on_error(self.workers.cancellable(self.report)) as count:
            asset = self.api.upload(self.repo, self.number, file=file, progress=count)
            try:
                if asset.asset.size != file.size:
                    sizes = f"{asset.asset.size} bytes where {file.size} were sent"
                    raise SizeMismatch(f"the server has stored {file.name} with {sizes}", _BROKEN_STORAGE)
                self.verify(asset.asset, file.sha256, count)
            except VerificationError:
                self.api.delete(self.repo, self.number, asset)
                raise
            except AssetNotFound:  # another job uploaded the same file and kept its own: the next round finds it
                return RemoteAsset(_NO_ID, asset.asset)
        return asset


@contextmanager
def undo_on_error(progress: Progress) -> Iterator[Progress]:
    """A Progress for one attempt; if the attempt raises, what it reported is reported again as a negative size."""
    reported = 0

    def count(size: int) -> None:
        nonlocal reported
        reported += size
        progress(size)

    try:
        yield count
    except BaseException:
        if reported:
            progress(-reported)
        raise


def _is_stored_once(remote: RemoteRelease, stored: UploadedAsset | None) -> bool:
    if stored is None:
        return False
    return [asset.number for asset in remote.assets_named(stored.file.name)] == [stored.asset.number]


def _merged(before: UploadedAsset | None, now: UploadedAsset) -> UploadedAsset:
    """The results of two rounds for one file, as one."""
    if before is None:
        return now
    return UploadedAsset(
        now.file, asset=now.asset, kept=before.kept and now.kept, removed=before.removed or now.removed
    )

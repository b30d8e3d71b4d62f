"""Bringing parcels into a release on a server: each ends there once, with the bytes it should have, got from there.

The server keeps two assets of one name, and may have stored an upload whose answer was lost. So every attempt goes by
a listing, and after all of them comes another listing: of two that are right the older stays, which is what another
job decides, too, that uploads the same file into the same draft at the same time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from hero_build.errors import AssetNotFound, ForgeAnswer, NetworkError, SizeMismatch, VerificationError
from hero_build.events import Emit, Moved, Warned
from hero_build.forge.limits import Limits
from hero_build.forge.partial import Progress
from hero_build.forge.protocol import Forge
from hero_build.forge.retry import Passing, persist
from hero_build.forge.transfer import prove, read_small, unwatched
from hero_build.model import Asset
from hero_build.publish.api import Api, Held, Listing
from hero_build.publish.counted import taken_back
from hero_build.publish.crew import Crew
from hero_build.publish.publication import Parcel
from hero_build.record import PartId

_ROUNDS = 5
_GONE = 0  # the number of no asset
_FIGHT = "Is another run publishing other files under these names? Let it end, then run this again."


@dataclass(frozen=True, slots=True)
class Settled:
    """A parcel that is on the server; `removed` says whether others of its name had to go."""

    parcel: Parcel
    held: Held
    kept: bool
    removed: bool


@dataclass(frozen=True, slots=True)
class Loader:
    """Works on one release of one repository, `number` on the server."""

    api: Api
    forge: Forge
    crew: Crew
    repo: str
    number: int
    part: PartId
    limits: Limits
    emit: Emit

    def bring(self, parcels: Sequence[Parcel], listing: Listing) -> tuple[Settled, ...]:
        """All of them there, each once, proven. Raises what `Publisher.publish` does."""
        settled: dict[str, Settled] = {}
        for _ in range(_ROUNDS):
            rest = [item for item in parcels if not _once(listing, settled.get(item.name))]
            if not rest:
                return tuple(settled[item.name] for item in parcels)
            known = {name: item.held.number for name, item in settled.items()}
            for item in self.crew.each([partial(self._settle, item, listing, known) for item in rest]):
                settled[item.parcel.name] = _joined(settled.get(item.parcel.name), item)
            listing = self.api.listing(self.repo, self.number)
        names = ", ".join(item.name for item in rest)
        raise ForgeAnswer(f"{names} do not stay as they were uploaded", _FIGHT)

    def prove(self, asset: Asset, sha256: str, progress: Progress = unwatched) -> None:
        """Get the asset as an install would. Raises SizeMismatch, ChecksumMismatch, NetworkError."""
        try:
            prove(self.forge, asset, sha256, progress=progress, limits=self.limits, emit=self.emit)
        except Passing as error:  # has been tried often enough
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
        self.emit(Moved(self.part, size))

    def _settle(self, parcel: Parcel, listing: Listing, known: Mapping[str, int]) -> Settled:
        latest = [listing]

        def attempt() -> Settled:
            now = latest.pop() if latest else self._listing()
            return self._settled(parcel, now.named(parcel.name), known.get(parcel.name))

        return persist(attempt, parcel.name, self.limits, self.emit)

    def _listing(self) -> Listing:
        try:
            return self.api.listing(self.repo, self.number)
        except Passing as error:
            raise NetworkError(error.message, error.hint) from error

    def _settled(self, parcel: Parcel, there: Sequence[Held], known: int | None) -> Settled:
        right = next((held for held in there if held.number == known or self._is(held, parcel)), None)
        others = [held for held in there if held is not right]
        for held in others:
            self.api.delete(self.repo, self.number, held)
        if right is not None:
            return Settled(parcel, right, True, bool(others))
        if others:
            self.emit(Warned(f"{parcel.name} was in the release already, with other content: it is uploaded anew"))
        return Settled(parcel, self._upload(parcel), False, bool(others))

    def _is(self, held: Held, parcel: Parcel) -> bool:
        """Whether an asset that was there before is what it should be."""
        if held.asset.size != parcel.size:
            return False
        progress = self.crew.watched(self.moved)
        try:
            with taken_back(progress) as count:
                self.prove(held.asset, parcel.sha256, count)
        except (VerificationError, AssetNotFound):
            return False
        self.moved(parcel.size)  # what need not be uploaded counts as done
        return True

    def _upload(self, parcel: Parcel) -> Held:
        with taken_back(self.crew.watched(self.moved)) as count:
            held = self.api.upload(self.repo, self.number, parcel, count)
            try:
                if held.asset.size != parcel.size:
                    sizes = f"{held.asset.size} bytes where {parcel.size} were sent"
                    raise SizeMismatch(f"the server has stored {parcel.name} with {sizes}", _STORED)
                self.prove(held.asset, parcel.sha256, count)
            except VerificationError:
                self.api.delete(self.repo, self.number, held)
                raise
            except AssetNotFound:  # another job has uploaded the same and keeps its own: the next round finds that
                return Held(_GONE, held.asset)
        return held


def _once(listing: Listing, settled: Settled | None) -> bool:
    if settled is None:
        return False
    return [held.number for held in listing.named(settled.parcel.name)] == [settled.held.number]


def _joined(before: Settled | None, now: Settled) -> Settled:
    """What a parcel went through in two rounds, as one."""
    if before is None:
        return now
    return Settled(now.parcel, now.held, before.kept and now.kept, before.removed or now.removed)


_STORED = "Run it again; if it stays so, ask whoever runs that forge: its storage, or a proxy before it, is broken."

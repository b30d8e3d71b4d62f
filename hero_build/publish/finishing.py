"""From a draft to a release: all that it holds is proven, listed, signed, held against the server once more, shown."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hero_build.errors import AssetNotFound, ForgeAnswer, PublicationRefused
from hero_build.events import Warned
from hero_build.publish import told
from hero_build.publish.api import Listing
from hero_build.publish.loading import Loader, Settled
from hero_build.publish.parcels import SIGNATURE, SUMS, about_others, sums, written
from hero_build.publish.publication import Parcel, Publication
from hero_build.publish.signing import Signer

_RERUN = "Run it again: what is there and right is kept, and nothing but a draft is visible."
_JOBS = "Did the job that builds it fail? Run that again, then this."


@dataclass(frozen=True, slots=True)
class Finisher:
    """`folder` is for the small files that are made here."""

    loader: Loader
    folder: Path
    signer: Signer | None

    def complete(
        self, listing: Listing, mine: Mapping[str, str], expected: Collection[str], *, clobber: bool
    ) -> tuple[Settled, ...]:
        """Prove what is in the draft besides `mine` (names and digests that are proven), and list and sign it all."""
        if missing := sorted(set(expected) - set(listing.names())):
            raise AssetNotFound(f"the draft of {listing.tag} lacks {', '.join(missing)}", _JOBS)
        others = [name for name in listing.names() if name not in mine and not about_others(name)]
        digests = told.beside(self.loader, listing, others)
        if unproven := sorted(set(others) - set(digests)):
            self._clear(listing, unproven, clobber=clobber)
        self._prove(listing, digests)
        return self.enlist(listing, {**digests, **mine})

    def enlist(self, listing: Listing, digests: Mapping[str, str]) -> tuple[Settled, ...]:
        """Bring SHA256SUMS with these names and digests, and its signature, into the release."""
        content = sums(digests.items())
        made = self.loader.bring([written(SUMS, content, self.folder)], listing)
        if self.signer is None:
            self._drop_signature(listing, made)
            return made
        signature = self._signature(self.signer, listing, content)
        return (*made, *self.loader.bring([signature], listing))

    def show(self, publication: Publication, listing: Listing) -> Listing:
        """Publish the draft that has been proven as `listing`; the release as it is then. Raises ForgeAnswer when the
        server shows something else than what was proven.
        """
        loader, before = self.loader, _numbers(listing)
        now = loader.api.listing(loader.repo, loader.number)
        if _numbers(now) != before:
            raise ForgeAnswer(f"the draft of {listing.tag} changed while it was proven", _RERUN)
        if not now.draft:
            loader.emit(Warned(f"{listing.tag} was published by someone else meanwhile"))
        loader.api.edit(loader.repo, loader.number, publication, draft=False)
        shown = loader.api.tagged(loader.repo, publication.tag)
        if shown is None or shown.draft or _numbers(shown) != before:
            raise ForgeAnswer(f"release {publication.tag} is not what was published", _RERUN)
        self._read_back(shown)
        return shown

    def _read_back(self, shown: Listing) -> None:
        """Its list of digests, from where everyone gets it now, says what it should."""
        if (self.folder / SUMS).is_file():
            wanted = (self.folder / SUMS).read_bytes()
            if any(self.loader.read(held.asset) != wanted for held in shown.named(SUMS)):
                raise ForgeAnswer(f"release {shown.tag} shows another {SUMS} than was published", _RERUN)

    def _prove(self, listing: Listing, digests: Mapping[str, str]) -> None:
        work = [(held.asset, digests[held.name]) for held in listing.assets if held.name in digests]
        names = [asset.name for asset, _ in work]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise PublicationRefused(f"the draft has two assets named {twice[0]}", "Run the job again that builds it.")
        progress = self.loader.crew.watched(self.loader.moved)
        self.loader.crew.each([partial(self.loader.prove, asset, digest, progress) for asset, digest in work])

    def _clear(self, listing: Listing, names: Sequence[str], *, clobber: bool) -> None:
        """What nothing proves is not published."""
        if not clobber:
            sentence = f"the draft of {listing.tag} holds {', '.join(names)}, for which it has no checksum"
            raise PublicationRefused(sentence, "Delete that on the forge, or let --clobber do it.")
        for name in names:
            for held in listing.named(name):
                self.loader.api.delete(self.loader.repo, self.loader.number, held)

    def _signature(self, signer: Signer, listing: Listing, content: bytes) -> Parcel:
        """The one that is there, if it is good (each signing gives another one); else a new one."""
        for held in listing.named(SIGNATURE)[:1]:
            known = self.loader.read(held.asset)
            if signer.made(known, content):
                return written(SIGNATURE, known, self.folder)
        signed = signer.sign(content, f"{self.loader.repo} {listing.tag}")
        return written(SIGNATURE, signed, self.folder)

    def _drop_signature(self, listing: Listing, made: Sequence[Settled]) -> None:
        """A signature of an older list would be taken for a forged one."""
        if all(item.kept for item in made):
            return
        for held in listing.named(SIGNATURE):
            self.loader.api.delete(self.loader.repo, self.loader.number, held)


def _numbers(listing: Listing) -> set[tuple[str, int, int | None]]:
    return {(held.name, held.number, held.asset.size) for held in listing.assets}

"""One publication and one release on a server: fill its draft and show it, or add to what is shown already."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from hero_build.errors import PublicationRefused, ReleaseNotFound
from hero_build.events import Began, Finished, Warned
from hero_build.forge.refusals import Absent
from hero_build.publish import told
from hero_build.publish.api import Listing
from hero_build.publish.finishing import Finisher
from hero_build.publish.loading import Loader, Settled
from hero_build.publish.parcels import SIGNATURE, SUMS, about_others
from hero_build.publish.publication import Parcel, Publication, Published

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Run:
    publication: Publication
    loader: Loader
    finisher: Finisher

    def fill(self, draft: Listing, parcels: Sequence[Parcel]) -> Published:
        """Bring the parcels into the draft, and show it unless it is to stay one."""
        self._began(parcels)
        done = self._present(lambda: self.loader.bring(parcels, draft))
        if self.publication.draft:
            self.loader.emit(Finished(self.loader.part))
            return self.result(draft, done)
        return self.finish(self._present(self._listing), done, ())

    def finish(self, draft: Listing, done: Sequence[Settled], expected: Collection[str]) -> Published:
        """Prove and list what the draft holds (`done` is proven), and show it."""
        mine = _digests(done)
        others = [name for name in draft.names() if name not in mine and not about_others(name)]
        if done and others and not self.publication.clobber:
            self.loader.emit(Warned(f"the draft held {', '.join(others)} as well: published with the rest"))
        clobber = self.publication.clobber
        done = (*done, *self._present(lambda: self.finisher.complete(draft, mine, expected, clobber=clobber)))
        shown = self.finisher.show(self.publication, self._present(self._listing))
        self.loader.emit(Finished(self.loader.part))
        return self.result(shown, done, [name for name in others if name in shown.names()])

    def lacking(self, found: Listing, own: Sequence[Parcel], parcels: Sequence[Parcel]) -> tuple[Parcel, ...]:
        """Which of the parcels a published release lacks; with `clobber` also those that differ there.

        Raises PublicationRefused for those without it.
        """
        there = set(found.names())
        digests = told.listed(self.loader, found)
        unlisted = [item.name for item in own if item.name in there and item.name not in digests]
        digests |= told.beside(self.loader, found, unlisted)
        differ = [item for item in own if item.name in there and not self._same(item, found, digests)]
        if differ and not self.publication.clobber:
            names = ", ".join(item.name for item in differ)
            raise PublicationRefused(f"{found.tag} is published already, with another {names}", _PUBLISHED)
        lacking = tuple(item for item in parcels if item.name not in there or item in differ)
        listed = SUMS in there and (self.finisher.signer is None or SIGNATURE in there)
        return lacking if lacking or listed else tuple(own)

    def add(self, found: Listing, missing: Sequence[Parcel], parcels: Sequence[Parcel]) -> Published:
        """Add to what is published, where all that is there stays as it is: the list of digests comes last."""
        if self.publication.draft:
            names = ", ".join(item.name for item in missing)
            raise PublicationRefused(f"{found.tag} is published already, without {names}", _NO_DRAFT)
        self._began(missing)
        done = self._bring_shown(missing, found)
        names_there = [name for name in found.names() if not about_others(name)]
        digests = told.beside(self.loader, found, names_there) | told.listed(self.loader, found)
        own = {item.name: item.sha256 for item in parcels if not (about_others(item.name) or item.record)}
        enlisted = self.finisher.enlist(self._listing(), digests | own | _digests(done))
        self.loader.emit(Finished(self.loader.part))
        return self.result(found, (*done, *enlisted), [item.name for item in parcels if item not in missing])

    def take_back(self, repo: str, found: Listing) -> None:
        """Make a draft of a release again, so that no one sees it half replaced."""
        api = self.loader.api
        if not found.prerelease and api.newest(repo) != found.tag:
            self.loader.emit(Warned(f"{found.tag} becomes the newest release of {repo}", _NEWEST))
        api.hide(repo, found.number, found.tag)

    def result(self, listing: Listing, done: Sequence[Settled] = (), kept: Collection[str] = ()) -> Published:
        return Published(
            self.loader.forge.url,
            self.publication.repo,
            listing.tag,
            "draft" if listing.draft else "published",
            listing.url,
            tuple(sorted({*kept, *(item.parcel.name for item in done if item.kept)})),
            tuple(item.parcel.name for item in done if not item.kept),
            tuple(item.parcel.name for item in done if item.removed),
        )

    def _bring_shown(self, missing: Sequence[Parcel], found: Listing) -> tuple[Settled, ...]:
        """What speaks of an asset follows it: everyone sees this release."""
        first = [item for item in missing if not about_others(item.name)]
        done = self.loader.bring(first, found)
        rest = [item for item in missing if about_others(item.name)]
        return (*done, *self.loader.bring(rest, self._listing()))

    def _same(self, item: Parcel, found: Listing, digests: dict[str, str]) -> bool:
        """Whether the published asset is the parcel. One that no checksum speaks of is got and looked at."""
        if item.record:
            return True
        held = found.named(item.name)
        if len(held) != 1 or held[0].asset.size != item.size:
            return False
        if item.name in digests:
            return digests[item.name] == item.sha256
        return self.loader.matches(held[0].asset, item.sha256)

    def _began(self, parcels: Sequence[Parcel]) -> None:
        total = 2 * sum(item.size for item in parcels)  # there, and back to prove it
        self.loader.emit(Began(self.loader.part, "publish", self.publication.tag, total))

    def _listing(self) -> Listing:
        return self.loader.api.listing(self.loader.repo, self.loader.number)

    def _present(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except Absent as error:
            sentence = f"the draft of {self.publication.tag} was deleted meanwhile ({error.message})"
            raise ReleaseNotFound(sentence, "Run it again: it makes a new one.") from error


def _digests(done: Sequence[Settled]) -> dict[str, str]:
    """Names and digests for SHA256SUMS of what has been brought there."""
    return {item.parcel.name: item.parcel.sha256 for item in done if not about_others(item.parcel.name)}


_PUBLISHED = "Take another tag; or --clobber, which makes it a draft again until all of it is right."
_NO_DRAFT = "A draft of it cannot be added to: publish without --draft, or with --clobber."
_NEWEST = "A server tells the newest by when it was last published, not by its version."

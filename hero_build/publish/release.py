"""One publication and one release on a server: fill its draft and show it, or add to what is shown already."""

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from msgspec import Struct

from hero_build.errors import PublicationRefused, ReleaseNotFound
from hero_build.events import Finished, Started, WarningRaised
from hero_build.forge.http_errors import HttpNotFound
from hero_build.publish import finalize
from hero_build.publish.api import RemoteRelease
from hero_build.publish.assets import SIGNATURE, SUMS, about_others
from hero_build.publish.finalize import DraftFinalizer
from hero_build.publish.types import PublishResult, ReleaseFile, ReleaseSpec
from hero_build.publish.upload import UploadedAsset, Uploader

T = TypeVar("T")


class ReleaseRun(Struct, frozen=True):
    publication: ReleaseSpec
    loader: Uploader
    finisher: DraftFinalizer

    def fill(self, draft: RemoteRelease, files: Sequence[ReleaseFile]) -> PublishResult:
        """Bring the parcels into the draft, and show it unless it is to stay one."""
        self._began(files)
        done = self._present(lambda: self.loader.upload_all(files, draft))
        if self.publication.draft:
            self.loader.emit(Finished(self.loader.part))
            return self.result(draft, done)
        return self.finish(self._present(self._listing), done, ())

    def finish(self, draft: RemoteRelease, done: Sequence[UploadedAsset], expected: Collection[str]) -> PublishResult:
        """Prove and list what the draft holds (`done` is proven), and show it."""
        mine = _digests(done)
        others = [name for name in draft.names() if name not in mine and not about_others(name)]
        if done and others and not self.publication.clobber:
            self.loader.emit(WarningRaised(f"the draft held {', '.join(others)} as well: published with the rest"))
        clobber = self.publication.clobber
        done = (*done, *self._present(lambda: self.finisher.complete(draft, mine, expected, clobber=clobber)))
        shown = self.finisher.show(self.publication, self._present(self._listing))
        self.loader.emit(Finished(self.loader.part))
        return self.result(shown, done, [name for name in others if name in shown.names()])

    def lacking(
        self, remote: RemoteRelease, own: Sequence[ReleaseFile], files: Sequence[ReleaseFile]
    ) -> tuple[ReleaseFile, ...]:
        """Which of the parcels a published release lacks; with `clobber` also those that differ there.

        Raises PublicationRefused for those without it.
        """
        there = set(remote.names())
        digests = finalize.listed(self.loader, remote)
        unlisted = [item.name for item in own if item.name in there and item.name not in digests]
        digests |= finalize.beside(self.loader, remote, unlisted)
        differ = [item for item in own if item.name in there and not self._same(item, remote, digests)]
        if differ and not self.publication.clobber:
            names = ", ".join(item.name for item in differ)
            raise PublicationRefused(f"{remote.tag} is published already, with another {names}", _PUBLISHED)
        lacking = tuple(item for item in files if item.name not in there or item in differ)
        listed = SUMS in there and (self.finisher.signer is None or SIGNATURE in there)
        return lacking if lacking or listed else tuple(own)

    def add(self, remote: RemoteRelease, missing: Sequence[ReleaseFile], files: Sequence[ReleaseFile]) -> PublishResult:
        """Add to what is published, where all that is there stays as it is: the list of digests comes last."""
        if self.publication.draft:
            names = ", ".join(item.name for item in missing)
            raise PublicationRefused(f"{remote.tag} is published already, without {names}", _NO_DRAFT)
        self._began(missing)
        done = self._bring_shown(missing, remote)
        names_there = [name for name in remote.names() if not about_others(name)]
        digests = finalize.beside(self.loader, remote, names_there) | finalize.listed(self.loader, remote)
        own = {item.name: item.sha256 for item in files if not (about_others(item.name) or item.record)}
        enlisted = self.finisher.upload_checksums(self._listing(), digests | own | _digests(done))
        self.loader.emit(Finished(self.loader.part))
        return self.result(remote, (*done, *enlisted), [item.name for item in files if item not in missing])

    def revert_to_draft(self, repo: str, remote: RemoteRelease) -> None:
        """Make a draft of a release again, so that no one sees it half replaced."""
        api = self.loader.api
        if not remote.prerelease and api.newest(repo) != remote.tag:
            self.loader.emit(WarningRaised(f"{remote.tag} becomes the newest release of {repo}", _NEWEST))
        api.hide(repo, remote.number, remote.tag)

    def result(
        self, remote: RemoteRelease, done: Sequence[UploadedAsset] = (), kept: Collection[str] = ()
    ) -> PublishResult:
        return PublishResult(
            self.loader.forge.url,
            repo=self.publication.repo,
            tag=remote.tag,
            state="draft" if remote.draft else "published",
            url=remote.url,
            kept=tuple(sorted({*kept, *(item.parcel.name for item in done if item.kept)})),
            uploaded=tuple(item.parcel.name for item in done if not item.kept),
            removed=tuple(item.parcel.name for item in done if item.removed),
        )

    def _bring_shown(self, missing: Sequence[ReleaseFile], remote: RemoteRelease) -> tuple[UploadedAsset, ...]:
        """What speaks of an asset follows it: everyone sees this release."""
        first = [item for item in missing if not about_others(item.name)]
        done = self.loader.upload_all(first, remote)
        rest = [item for item in missing if about_others(item.name)]
        return (*done, *self.loader.upload_all(rest, self._listing()))

    def _same(self, file: ReleaseFile, remote: RemoteRelease, digests: dict[str, str]) -> bool:
        """Whether the published asset is the parcel. One that no checksum speaks of is got and looked at."""
        if file.record:
            return True
        held = remote.named(file.name)
        if len(held) != 1 or held[0].asset.size != file.size:
            return False
        if file.name in digests:
            return digests[file.name] == file.sha256
        return self.loader.matches(held[0].asset, file.sha256)

    def _began(self, files: Sequence[ReleaseFile]) -> None:
        total = 2 * sum(item.size for item in files)  # there, and back to prove it
        self.loader.emit(Started(self.loader.part, verb="publish", version=self.publication.tag, total=total))

    def _listing(self) -> RemoteRelease:
        return self.loader.api.listing(self.loader.repo, self.loader.number)

    def _present(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except HttpNotFound as error:
            sentence = f"the draft of {self.publication.tag} was deleted meanwhile ({error.message})"
            raise ReleaseNotFound(sentence, "Run it again: it makes a new one.") from error


def _digests(done: Sequence[UploadedAsset]) -> dict[str, str]:
    """Names and digests for SHA256SUMS of what has been brought there."""
    return {item.parcel.name: item.parcel.sha256 for item in done if not about_others(item.parcel.name)}


_PUBLISHED = "Take another tag; or --clobber, which makes it a draft again until all of it is right."
_NO_DRAFT = "A draft of it cannot be added to: publish without --draft, or with --clobber."
_NEWEST = "A server tells the newest by when it was last published, not by its version."

"""One publication and one release on a server: fill its draft and show it, or add to what is shown already."""

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from msgspec import Struct

from hero_build.errors import PublicationRefused, ReleaseNotFound
from hero_build.events import Finished, Started, WarningRaised
from hero_build.forge.http_errors import HttpNotFound
from hero_build.publish import finalize
from hero_build.publish.api import RemoteRelease
from hero_build.publish.assets import CHECKSUMS, SIGNATURE, is_checksum_file
from hero_build.publish.finalize import DraftFinalizer
from hero_build.publish.types import PublishResult, ReleaseFile, ReleaseSpec
from hero_build.publish.upload import UploadedAsset, Uploader

T = TypeVar("T")


class ReleaseRun(Struct, frozen=True):
    spec: ReleaseSpec
    uploader: Uploader
    finalizer: DraftFinalizer

    def fill(self, draft: RemoteRelease, files: Sequence[ReleaseFile]) -> PublishResult:
        """Bring the parcels into the draft, and show it unless it is to stay one."""
        self._emit_started(files)
        done = self._require_draft(lambda: self.uploader.upload_all(files, draft))
        if self.spec.draft:
            self.uploader.emit(Finished(self.uploader.part))
            return self.result(draft, done)
        return self.finish(self._require_draft(self._current), done, ())

    def finish(self, draft: RemoteRelease, done: Sequence[UploadedAsset], expected: Collection[str]) -> PublishResult:
        """Prove and list what the draft holds (`done` is proven), and show it."""
        mine = _digests(done)
        others = [name for name in draft.names() if name not in mine and not is_checksum_file(name)]
        if done and others and not self.spec.clobber:
            self.uploader.emit(WarningRaised(f"the draft held {', '.join(others)} as well: published with the rest"))
        clobber = self.spec.clobber
        done = (
            *done,
            *self._require_draft(lambda: self.finalizer.verify_and_list(draft, mine, expected, clobber=clobber)),
        )
        shown = self.finalizer.publish_draft(self.spec, self._require_draft(self._current))
        self.uploader.emit(Finished(self.uploader.part))
        return self.result(shown, done, [name for name in others if name in shown.names()])

    def lacking(
        self, remote: RemoteRelease, own: Sequence[ReleaseFile], files: Sequence[ReleaseFile]
    ) -> tuple[ReleaseFile, ...]:
        """Which of the parcels a published release lacks; with `clobber` also those that differ there.

        Raises PublicationRefused for those without it.
        """
        there = set(remote.names())
        digests = finalize.read_checksums(self.uploader, remote)
        unlisted = [item.name for item in own if item.name in there and item.name not in digests]
        digests |= finalize.read_checksum_files(self.uploader, remote, unlisted)
        differ = [item for item in own if item.name in there and not self._same(item, remote, digests)]
        if differ and not self.spec.clobber:
            names = ", ".join(item.name for item in differ)
            raise PublicationRefused(f"{remote.tag} is published already, with another {names}", _USE_CLOBBER)
        lacking = tuple(item for item in files if item.name not in there or item in differ)
        listed = CHECKSUMS in there and (self.finalizer.signer is None or SIGNATURE in there)
        return lacking if lacking or listed else tuple(own)

    def add(self, remote: RemoteRelease, missing: Sequence[ReleaseFile], files: Sequence[ReleaseFile]) -> PublishResult:
        """Add to what is published, where all that is there stays as it is: the list of digests comes last."""
        if self.spec.draft:
            names = ", ".join(item.name for item in missing)
            raise PublicationRefused(f"{remote.tag} is published already, without {names}", _ALREADY_PUBLISHED)
        self._emit_started(missing)
        done = self._upload_published(missing, remote)
        names_there = [name for name in remote.names() if not is_checksum_file(name)]
        digests = finalize.read_checksum_files(self.uploader, remote, names_there) | finalize.read_checksums(
            self.uploader, remote
        )
        own = {item.name: item.sha256 for item in files if not (is_checksum_file(item.name) or item.record)}
        enlisted = self.finalizer.upload_checksums(self._current(), digests | own | _digests(done))
        self.uploader.emit(Finished(self.uploader.part))
        return self.result(remote, (*done, *enlisted), [item.name for item in files if item not in missing])

    def revert_to_draft(self, repo: str, remote: RemoteRelease) -> None:
        """Make a draft of a release again, so that no one sees it half replaced."""
        api = self.uploader.api
        if not remote.prerelease and api.latest_tag(repo) != remote.tag:
            self.uploader.emit(WarningRaised(f"{remote.tag} becomes the newest release of {repo}", _NEWEST_RELEASE))
        api.unpublish(repo, remote.number, remote.tag)

    def result(
        self, remote: RemoteRelease, done: Sequence[UploadedAsset] = (), kept: Collection[str] = ()
    ) -> PublishResult:
        return PublishResult(
            self.uploader.forge.url,
            repo=self.spec.repo,
            tag=remote.tag,
            state="draft" if remote.draft else "published",
            url=remote.url,
            kept=tuple(sorted({*kept, *(item.file.name for item in done if item.kept)})),
            uploaded=tuple(item.file.name for item in done if not item.kept),
            removed=tuple(item.file.name for item in done if item.removed),
        )

    def _upload_published(self, missing: Sequence[ReleaseFile], remote: RemoteRelease) -> tuple[UploadedAsset, ...]:
        """What speaks of an asset follows it: everyone sees this release."""
        first = [item for item in missing if not is_checksum_file(item.name)]
        done = self.uploader.upload_all(first, remote)
        rest = [item for item in missing if is_checksum_file(item.name)]
        return (*done, *self.uploader.upload_all(rest, self._current()))

    def _same(self, file: ReleaseFile, remote: RemoteRelease, digests: dict[str, str]) -> bool:
        """Whether the published asset is the parcel. One that no checksum speaks of is got and looked at."""
        if file.record:
            return True
        held = remote.assets_named(file.name)
        if len(held) != 1 or held[0].asset.size != file.size:
            return False
        if file.name in digests:
            return digests[file.name] == file.sha256
        return self.uploader.matches(held[0].asset, file.sha256)

    def _emit_started(self, files: Sequence[ReleaseFile]) -> None:
        total = 2 * sum(item.size for item in files)  # there, and back to prove it
        self.uploader.emit(Started(self.uploader.part, verb="publish", version=self.spec.tag, total=total))

    def _current(self) -> RemoteRelease:
        return self.uploader.api.release_by_id(self.uploader.repo, self.uploader.number)

    def _require_draft(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except HttpNotFound as error:
            sentence = f"the draft of {self.spec.tag} was deleted meanwhile ({error.message})"
            raise ReleaseNotFound(sentence, "Run it again: it makes a new one.") from error


def _digests(done: Sequence[UploadedAsset]) -> dict[str, str]:
    """Names and digests for SHA256SUMS of what has been brought there."""
    return {item.file.name: item.file.sha256 for item in done if not is_checksum_file(item.file.name)}


_USE_CLOBBER = "Take another tag; or --clobber, which makes it a draft again until all of it is right."
_ALREADY_PUBLISHED = "A draft of it cannot be added to: publish without --draft, or with --clobber."
_NEWEST_RELEASE = "A server tells the newest by when it was last published, not by its version."

"""One spec and one release on a server: fill its draft and publish it, or add to a published release."""

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from msgspec import Struct

from hero_build.errors import PublicationRefused, ReleaseNotFound
from hero_build.events import Finished, Started, WarningRaised
from hero_build.forge.http_types import HttpNotFound
from hero_build.publish import finalize
from hero_build.publish.api_documents import RemoteRelease
from hero_build.publish.assets import CHECKSUMS, SIGNATURE, is_checksum_file
from hero_build.publish.finalize import DraftFinalizer
from hero_build.publish.types import PublishResult, ReleaseFile, ReleaseSpec
from hero_build.publish.upload import UploadedAsset, UploadedSet, Uploader

T = TypeVar("T")
_USE_CLOBBER = "Use another tag, or --clobber: it makes the release a draft again until all of it is replaced."
_ALREADY_PUBLISHED = "Publish without --draft to add to it, or with --clobber to replace it."
_NEWEST_RELEASE = "A server takes the release published last for the newest, whatever its version."


class ReleaseRun(Struct, frozen=True):
    spec: ReleaseSpec
    uploader: Uploader
    finalizer: DraftFinalizer

    def fill(self, draft: RemoteRelease, files: Sequence[ReleaseFile]) -> PublishResult:
        """Upload the files into the draft, and publish it unless the spec asks for a draft."""
        self._emit_started(files)
        uploaded = self._require_draft(lambda: self.uploader.upload_all(files, draft))
        if self.spec.draft:
            self.uploader.emit(Finished(self.uploader.part))
            return self.result(draft, uploaded.assets)
        return self.finish(uploaded.remote, uploaded.assets, ())

    def finish(
        self, draft: RemoteRelease, uploaded: Sequence[UploadedAsset], expected: Collection[str]
    ) -> PublishResult:
        """Verify and list what the draft holds besides `uploaded`, which is verified already; then publish it."""
        verified, clobber = _digests(uploaded), self.spec.clobber
        others = [name for name in draft.names() if name not in verified and not is_checksum_file(name)]
        if uploaded and others and not clobber:
            self.uploader.emit(WarningRaised(f"the draft also held {', '.join(others)}: published with the rest"))
        listed = self._require_draft(lambda: self.finalizer.verify_and_list(draft, verified, expected, clobber=clobber))
        release = self._require_draft(lambda: self.finalizer.publish_draft(self.spec, listed))
        self.uploader.emit(Finished(self.uploader.part))
        return self.result(release, (*uploaded, *listed.lists), [name for name in others if name in release.names()])

    def missing(
        self, remote: RemoteRelease, own: Sequence[ReleaseFile], files: Sequence[ReleaseFile]
    ) -> tuple[ReleaseFile, ...]:
        """Which of the files a published release lacks; with `clobber` also those that differ there.

        `own`: the files without their checksum files. Raises PublicationRefused for files that differ, without
        `clobber`.
        """
        names = set(remote.names())
        differ = self._differing(remote, [file for file in own if file.name in names])
        if differ and not self.spec.clobber:
            listed = ", ".join(file.name for file in differ)
            raise PublicationRefused(f"{remote.tag} is published already, with another {listed}", _USE_CLOBBER)
        missing = tuple(file for file in files if file.name not in names or file in differ)
        has_lists = CHECKSUMS in names and (self.finalizer.signer is None or SIGNATURE in names)
        return missing if missing or has_lists else tuple(own)

    def add(self, remote: RemoteRelease, missing: Sequence[ReleaseFile], files: Sequence[ReleaseFile]) -> PublishResult:
        """Add to a published release without changing what it has; SHA256SUMS is uploaded last."""
        if self.spec.draft:
            names = ", ".join(file.name for file in missing)
            raise PublicationRefused(f"{remote.tag} is published already, without {names}", _ALREADY_PUBLISHED)
        self._emit_started(missing)
        uploaded = self._upload_published(missing, remote)
        assets = [name for name in remote.names() if not is_checksum_file(name)]
        digests = finalize.read_checksum_files(self.uploader, remote, assets)
        digests |= finalize.read_checksums(self.uploader, remote)
        digests |= {file.name: file.sha256 for file in files if not (is_checksum_file(file.name) or file.record)}
        lists = self.finalizer.upload_checksums(uploaded.remote, digests | _digests(uploaded.assets))
        self.uploader.emit(Finished(self.uploader.part))
        kept = [file.name for file in files if file not in missing]
        return self.result(remote, (*uploaded.assets, *lists.assets), kept)

    def revert_to_draft(self, repo: str, remote: RemoteRelease) -> None:
        """Make the release a draft again, so that nobody sees it half replaced."""
        api = self.uploader.api
        if not remote.prerelease and api.latest_tag(repo) != remote.tag:
            self.uploader.emit(WarningRaised(f"{remote.tag} becomes the newest release of {repo}", _NEWEST_RELEASE))
        api.unpublish(repo, remote.number, remote.tag)

    def result(
        self, remote: RemoteRelease, uploaded: Sequence[UploadedAsset] = (), kept: Collection[str] = ()
    ) -> PublishResult:
        return PublishResult(
            self.uploader.forge.url,
            repo=self.spec.repo,
            tag=remote.tag,
            state="draft" if remote.draft else "published",
            url=remote.url,
            kept=tuple(sorted({*kept, *(item.file.name for item in uploaded if item.kept)})),
            uploaded=tuple(item.file.name for item in uploaded if not item.kept),
            removed=tuple(item.file.name for item in uploaded if item.removed),
        )

    def _upload_published(self, missing: Sequence[ReleaseFile], remote: RemoteRelease) -> UploadedSet:
        """Assets first, then their checksum files: the release is visible all the while."""
        first = self.uploader.upload_all([file for file in missing if not is_checksum_file(file.name)], remote)
        rest = self.uploader.upload_all([file for file in missing if is_checksum_file(file.name)], first.remote)
        return UploadedSet((*first.assets, *rest.assets), rest.remote)

    def _differing(self, remote: RemoteRelease, files: Sequence[ReleaseFile]) -> list[ReleaseFile]:
        digests = finalize.read_checksums(self.uploader, remote)
        unlisted = [file.name for file in files if file.name not in digests]
        digests |= finalize.read_checksum_files(self.uploader, remote, unlisted)
        return [file for file in files if not self._same(file, remote, digests)]

    def _same(self, file: ReleaseFile, remote: RemoteRelease, digests: dict[str, str]) -> bool:
        """Whether the published asset is the file. An asset without a checksum is downloaded."""
        if file.record:
            return True
        assets = remote.assets_named(file.name)
        if len(assets) != 1 or assets[0].asset.size not in (None, file.size):
            return False
        if file.name in digests:
            return digests[file.name] == file.sha256
        return self.uploader.matches(assets[0].asset, file.sha256)

    def _emit_started(self, files: Sequence[ReleaseFile]) -> None:
        total = 2 * sum(file.size for file in files)  # the upload, and the download that verifies it
        self.uploader.emit(Started(self.uploader.part, verb="publish", version=self.spec.tag, total=total))

    def _require_draft(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except HttpNotFound as error:
            sentence = f"the draft of {self.spec.tag} was deleted meanwhile ({error.message})"
            raise ReleaseNotFound(sentence, "Run it again: it creates a new one.") from error


def _digests(uploaded: Sequence[UploadedAsset]) -> dict[str, str]:
    """The entries of SHA256SUMS for uploaded files."""
    return {item.file.name: item.file.sha256 for item in uploaded if not is_checksum_file(item.file.name)}

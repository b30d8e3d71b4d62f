"""From a draft to a release: verify its assets, upload SHA256SUMS and its signature, check the list again, publish."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct

from hero_build.errors import AssetNotFound, BadForgeResponse, PublicationRefused
from hero_build.events import WarningRaised
from hero_build.forge.http_errors import ServerError
from hero_build.publish.api_documents import RemoteAsset, RemoteRelease
from hero_build.publish.assets import (
    CHECKSUMS,
    SIGNATURE,
    is_checksum_file,
    render_checksums,
    write_file,
)
from hero_build.publish.signing import Signer
from hero_build.publish.types import ReleaseFile, ReleaseSpec
from hero_build.publish.upload import UploadedAsset, UploadedSet, Uploader
from hero_build.verify import checksums

_RERUN = "Run it again: it keeps what is uploaded and correct, and nothing but a draft is visible."
_CHANGED_AFTERWARDS = "Look at it on the forge, and delete what does not belong there; then run it again."
_PERHAPS_PROTECTED = (
    "May this token's user create that tag? It may be protected (the repository's Settings, Tags). If not, the forge's "
    "administrator finds the reason in its log. The draft stays."
)
_RERUN_JOB = "Did the job that builds it fail? Run that again, then this."


AssetId = tuple[str, int, int | None]
"""Name, number and size: another upload of the same name has another number."""


class ListedDraft(Struct, frozen=True):
    """`lists`: SHA256SUMS and its signature; `verified`: exactly those assets that the draft may be published with;
    `remote`: the draft as it was listed after the last change.
    """

    lists: tuple[UploadedAsset, ...]
    verified: frozenset[AssetId]
    remote: RemoteRelease


class DraftFinalizer(Struct, frozen=True):
    """`folder` is for the small files that are made here."""

    uploader: Uploader
    folder: Path
    signer: Signer | None

    def verify_and_list(
        self, remote: RemoteRelease, verified: Mapping[str, str], expected: Collection[str], *, clobber: bool
    ) -> ListedDraft:
        """Verify the draft's assets that are not in `verified` (name → sha256), then list and sign all of them.

        Only what the listing `remote` holds is verified: an asset that comes later is not in the result.

        Raises AssetNotFound when one of the `expected` names is missing, PublicationRefused for an asset without a
        checksum file (with `clobber` it is deleted).
        """
        if missing := sorted(set(expected) - set(remote.names())):
            raise AssetNotFound(f"the draft of {remote.tag} lacks {', '.join(missing)}", _RERUN_JOB)
        others = [name for name in remote.names() if name not in verified and not is_checksum_file(name)]
        digests = read_checksum_files(self.uploader, remote, others)
        if unknown := sorted(set(others) - set(digests)):
            self._delete_unverified(remote, unknown, clobber=clobber)
        self._verify(remote, digests)
        lists = self.upload_checksums(remote, {**digests, **verified})
        signature_stays = self.signer is None and all(item.kept for item in lists.assets)
        gone = {CHECKSUMS, *unknown, *(() if signature_stays else (SIGNATURE,))}
        ids = [_asset_id(item) for item in remote.assets if item.name not in gone]
        ids += [_asset_id(item.asset) for item in lists.assets]
        return ListedDraft(lists.assets, frozenset(ids), lists.remote)

    def upload_checksums(self, remote: RemoteRelease, digests: Mapping[str, str]) -> UploadedSet:
        """Upload SHA256SUMS with these names and digests, and its signature."""
        content = render_checksums(digests.items())
        uploaded = self.uploader.upload_all([write_file(CHECKSUMS, content, self.folder)], remote)
        if self.signer is None:
            return self._drop_signature(uploaded)
        signature = self._signature(self.signer, uploaded.remote, content)
        signed = self.uploader.upload_all([signature], uploaded.remote)
        return UploadedSet((*uploaded.assets, *signed.assets), signed.remote)

    def publish_draft(self, spec: ReleaseSpec, listed: ListedDraft) -> RemoteRelease:
        """Publish the draft if its assets are exactly those that were verified; the release as it is then. Raises
        BadForgeResponse when the draft or the release has other assets than those.

        A server cannot compare and publish in one step: the release is compared again once it is visible.
        """
        uploader, verified = self.uploader, listed.verified
        if names := _difference(listed.remote, verified):
            raise BadForgeResponse(f"the draft of {spec.tag} changed while it was verified{names}", _RERUN)
        if not listed.remote.draft:
            uploader.emit(WarningRaised(f"{spec.tag} was published by someone else meanwhile"))
        self._publish(spec)
        release = uploader.api.release_by_tag(uploader.repo, spec.tag)
        if release is None or release.draft:
            raise BadForgeResponse(f"release {spec.tag} is not what was published", _RERUN)
        if names := _difference(release, verified):
            raise BadForgeResponse(f"release {spec.tag} is not what was published{names}", _CHANGED_AFTERWARDS)
        self._check_published(release)
        return release

    def _publish(self, spec: ReleaseSpec) -> None:
        """A server may answer 500, without a reason, where the release would create a protected tag."""
        api, repo = self.uploader.api, self.uploader.repo
        try:
            api.edit(repo, self.uploader.number, spec, draft=False)
        except ServerError as error:
            if api.tag_commit(repo, spec.tag) is None:
                error.hint = _PERHAPS_PROTECTED
            raise

    def _check_published(self, release: RemoteRelease) -> None:
        """The public address of SHA256SUMS serves what was uploaded."""
        if (self.folder / CHECKSUMS).is_file():
            content = (self.folder / CHECKSUMS).read_bytes()
            if any(self.uploader.read(item.asset) != content for item in release.assets_named(CHECKSUMS)):
                raise BadForgeResponse(f"release {release.tag} has another {CHECKSUMS} than was published", _RERUN)

    def _verify(self, remote: RemoteRelease, digests: Mapping[str, str]) -> None:
        pairs = [(item.asset, digests[item.name]) for item in remote.assets if item.name in digests]
        names = [asset.name for asset, _ in pairs]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise PublicationRefused(f"the draft has two assets named {twice[0]}", "Run the job again that builds it.")
        progress = self.uploader.workers.cancellable(self.uploader.report)
        self.uploader.workers.run_all(
            [partial(self.uploader.verify, asset, digest, progress) for asset, digest in pairs]
        )

    def _delete_unverified(self, remote: RemoteRelease, names: Sequence[str], *, clobber: bool) -> None:
        """An asset that no checksum covers is never published."""
        if not clobber:
            sentence = f"the draft of {remote.tag} holds {', '.join(names)}, for which it has no checksum"
            raise PublicationRefused(sentence, "Delete that on the forge, or let --clobber do it.")
        for name in names:
            for asset in remote.assets_named(name):
                self.uploader.api.delete(self.uploader.repo, self.uploader.number, asset)

    def _signature(self, signer: Signer, remote: RemoteRelease, content: bytes) -> ReleaseFile:
        """The existing signature, if it is valid (every signing gives another one); else a new one."""
        for item in remote.assets_named(SIGNATURE)[:1]:
            existing = self.uploader.read(item.asset)
            if signer.has_signed(existing, content):
                return write_file(SIGNATURE, existing, self.folder)
        signature = signer.sign(content, f"{self.uploader.repo} {remote.tag}")
        return write_file(SIGNATURE, signature, self.folder)

    def _drop_signature(self, lists: UploadedSet) -> UploadedSet:
        """A signature of an older list would look forged."""
        uploader, signatures = self.uploader, lists.remote.assets_named(SIGNATURE)
        if not signatures or all(item.kept for item in lists.assets):
            return lists
        for asset in signatures:
            uploader.api.delete(uploader.repo, uploader.number, asset)
        return UploadedSet(lists.assets, uploader.api.release_by_id(uploader.repo, uploader.number))


def read_checksums(uploader: Uploader, remote: RemoteRelease) -> dict[str, str]:
    """The assets that SHA256SUMS names, and their digests; empty where the release has none. Raises
    InvalidChecksumFile.
    """
    names = [name for name in remote.names() if not is_checksum_file(name)]
    assets = remote.assets_named(CHECKSUMS)
    return checksums.find_listed(uploader.read(assets[0].asset), names, CHECKSUMS) if assets else {}


def read_checksum_files(uploader: Uploader, remote: RemoteRelease, names: Iterable[str]) -> dict[str, str]:
    """The digest in the own checksum files of each of the names that has one. Raises InvalidChecksumFile."""
    files = {name: own for name in names if (own := checksums.own_files(name, set(remote.names())))}
    calls = [partial(_read_own, uploader, remote, name=name, files=own) for name, own in files.items()]
    return dict(uploader.workers.run_all(calls))


def _read_own(uploader: Uploader, remote: RemoteRelease, *, name: str, files: Sequence[str]) -> tuple[str, str]:
    digests = checksums.published_digests(
        {name: None}, files=files, read=lambda file: uploader.read(remote.assets_named(file)[0].asset)
    )
    return name, digests[name].sha256


def _asset_id(item: RemoteAsset) -> AssetId:
    return item.name, item.number, item.asset.size


def _difference(remote: RemoteRelease, verified: frozenset[AssetId]) -> str:
    """`: `, and which assets were added, replaced or deleted; empty where none was."""
    names = sorted({name for name, *_ in {_asset_id(item) for item in remote.assets} ^ verified})
    return f": {', '.join(names)} differ" if len(names) > 1 else f": {names[0]} differs" if names else ""

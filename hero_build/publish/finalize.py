"""From a draft to a release: all that it holds is proven, listed, signed, held against the server once more, shown."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct

from hero_build.errors import AssetNotFound, BadForgeResponse, PublicationRefused
from hero_build.events import WarningRaised
from hero_build.publish.api import RemoteAsset, RemoteRelease
from hero_build.publish.assets import (
    CHECKSUM_SUFFIX,
    CHECKSUMS,
    SIGNATURE,
    is_checksum_file,
    render_checksums,
    write_file,
)
from hero_build.publish.signing import Signer
from hero_build.publish.types import ReleaseFile, ReleaseSpec
from hero_build.publish.upload import UploadedAsset, Uploader
from hero_build.verify import checksums

_RERUN = "Run it again: what is there and right is kept, and nothing but a draft is visible."
_RERUN_JOB = "Did the job that builds it fail? Run that again, then this."


class DraftFinalizer(Struct, frozen=True):
    """`folder` is for the small files that are made here."""

    uploader: Uploader
    folder: Path
    signer: Signer | None

    def verify_and_list(
        self, remote: RemoteRelease, mine: Mapping[str, str], expected: Collection[str], *, clobber: bool
    ) -> tuple[UploadedAsset, ...]:
        """Prove what is in the draft besides `mine` (names and digests that are proven), and list and sign it all."""
        if missing := sorted(set(expected) - set(remote.names())):
            raise AssetNotFound(f"the draft of {remote.tag} lacks {', '.join(missing)}", _RERUN_JOB)
        others = [name for name in remote.names() if name not in mine and not is_checksum_file(name)]
        digests = read_checksum_files(self.uploader, remote, others)
        if unproven := sorted(set(others) - set(digests)):
            self._delete_unverified(remote, unproven, clobber=clobber)
        self._verify(remote, digests)
        return self.upload_checksums(remote, {**digests, **mine})

    def upload_checksums(self, remote: RemoteRelease, digests: Mapping[str, str]) -> tuple[UploadedAsset, ...]:
        """Bring SHA256SUMS with these names and digests, and its signature, into the release."""
        content = render_checksums(digests.items())
        made = self.uploader.upload_all([write_file(CHECKSUMS, content, self.folder)], remote)
        if self.signer is None:
            self._drop_signature(remote, made)
            return made
        signature = self._signature(self.signer, remote, content)
        return (*made, *self.uploader.upload_all([signature], remote))

    def publish_draft(self, spec: ReleaseSpec, remote: RemoteRelease) -> RemoteRelease:
        """Publish the draft that was verified; returns the release as it is then.

        Raises BadForgeResponse when the server shows something else than what was verified.
        """
        uploader, before = self.uploader, _asset_ids(remote)
        now = uploader.api.release_by_id(uploader.repo, uploader.number)
        if _asset_ids(now) != before:
            raise BadForgeResponse(f"the draft of {remote.tag} changed while it was proven", _RERUN)
        if not now.draft:
            uploader.emit(WarningRaised(f"{remote.tag} was published by someone else meanwhile"))
        uploader.api.edit(uploader.repo, uploader.number, spec, draft=False)
        shown = uploader.api.release_by_tag(uploader.repo, spec.tag)
        if shown is None or shown.draft or _asset_ids(shown) != before:
            raise BadForgeResponse(f"release {spec.tag} is not what was published", _RERUN)
        self._check_published(shown)
        return shown

    def _check_published(self, shown: RemoteRelease) -> None:
        """Its list of digests, from where everyone gets it now, says what it should."""
        if (self.folder / CHECKSUMS).is_file():
            wanted = (self.folder / CHECKSUMS).read_bytes()
            if any(self.uploader.read(held.asset) != wanted for held in shown.assets_named(CHECKSUMS)):
                raise BadForgeResponse(f"release {shown.tag} shows another {CHECKSUMS} than was published", _RERUN)

    def _verify(self, remote: RemoteRelease, digests: Mapping[str, str]) -> None:
        work = [(held.asset, digests[held.name]) for held in remote.assets if held.name in digests]
        names = [asset.name for asset, _ in work]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise PublicationRefused(f"the draft has two assets named {twice[0]}", "Run the job again that builds it.")
        progress = self.uploader.workers.cancellable(self.uploader.report)
        self.uploader.workers.run_all(
            [partial(self.uploader.verify, asset, digest, progress) for asset, digest in work]
        )

    def _delete_unverified(self, remote: RemoteRelease, names: Sequence[str], *, clobber: bool) -> None:
        """What nothing proves is not published."""
        if not clobber:
            sentence = f"the draft of {remote.tag} holds {', '.join(names)}, for which it has no checksum"
            raise PublicationRefused(sentence, "Delete that on the forge, or let --clobber do it.")
        for name in names:
            for held in remote.assets_named(name):
                self.uploader.api.delete(self.uploader.repo, self.uploader.number, held)

    def _signature(self, signer: Signer, remote: RemoteRelease, content: bytes) -> ReleaseFile:
        """The one that is there, if it is good (each signing gives another one); else a new one."""
        for held in remote.assets_named(SIGNATURE)[:1]:
            known = self.uploader.read(held.asset)
            if signer.has_signed(known, content):
                return write_file(SIGNATURE, known, self.folder)
        signed = signer.sign(content, f"{self.uploader.repo} {remote.tag}")
        return write_file(SIGNATURE, signed, self.folder)

    def _drop_signature(self, remote: RemoteRelease, made: Sequence[UploadedAsset]) -> None:
        """A signature of an older list would be taken for a forged one."""
        if all(item.kept for item in made):
            return
        for held in remote.assets_named(SIGNATURE):
            self.uploader.api.delete(self.uploader.repo, self.uploader.number, held)


def _asset_ids(remote: RemoteRelease) -> set[tuple[str, int, int | None]]:
    return {(held.name, held.number, held.asset.size) for held in remote.assets}


def read_checksums(uploader: Uploader, remote: RemoteRelease) -> dict[str, str]:
    """What SHA256SUMS says; nothing where the release has none. Raises InvalidChecksumFile."""
    found = remote.assets_named(CHECKSUMS)
    return dict(checksums.parse(uploader.read(found[0].asset), CHECKSUMS)) if found else {}


def read_checksum_files(uploader: Uploader, remote: RemoteRelease, names: Iterable[str]) -> dict[str, str]:
    """What `<asset>.sha256` says of each of the names that has one. Raises InvalidChecksumFile."""
    pairs = [(name, found[0]) for name in names if (found := remote.assets_named(f"{name}{CHECKSUM_SUFFIX}"))]
    return dict(uploader.workers.run_all([partial(_read_checksum_file, uploader, name, held) for name, held in pairs]))


def _read_checksum_file(uploader: Uploader, name: str, asset: RemoteAsset) -> tuple[str, str]:
    return name, checksums.parse_single(uploader.read(asset.asset), name)

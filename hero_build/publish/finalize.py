"""From a draft to a release: all that it holds is proven, listed, signed, held against the server once more, shown."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct

from hero_build.errors import AssetNotFound, BadForgeResponse, PublicationRefused
from hero_build.events import WarningRaised
from hero_build.publish.api import RemoteAsset, RemoteRelease
from hero_build.publish.assets import BESIDE, SIGNATURE, SUMS, about_others, sums, written
from hero_build.publish.signing import Signer
from hero_build.publish.types import ReleaseFile, ReleaseSpec
from hero_build.publish.upload import UploadedAsset, Uploader
from hero_build.verify import checksums

_RERUN = "Run it again: what is there and right is kept, and nothing but a draft is visible."
_JOBS = "Did the job that builds it fail? Run that again, then this."


class DraftFinalizer(Struct, frozen=True):
    """`folder` is for the small files that are made here."""

    loader: Uploader
    folder: Path
    signer: Signer | None

    def complete(
        self, remote: RemoteRelease, mine: Mapping[str, str], expected: Collection[str], *, clobber: bool
    ) -> tuple[UploadedAsset, ...]:
        """Prove what is in the draft besides `mine` (names and digests that are proven), and list and sign it all."""
        if missing := sorted(set(expected) - set(remote.names())):
            raise AssetNotFound(f"the draft of {remote.tag} lacks {', '.join(missing)}", _JOBS)
        others = [name for name in remote.names() if name not in mine and not about_others(name)]
        digests = beside(self.loader, remote, others)
        if unproven := sorted(set(others) - set(digests)):
            self._clear(remote, unproven, clobber=clobber)
        self._prove(remote, digests)
        return self.upload_checksums(remote, {**digests, **mine})

    def upload_checksums(self, remote: RemoteRelease, digests: Mapping[str, str]) -> tuple[UploadedAsset, ...]:
        """Bring SHA256SUMS with these names and digests, and its signature, into the release."""
        content = sums(digests.items())
        made = self.loader.upload_all([written(SUMS, content, self.folder)], remote)
        if self.signer is None:
            self._drop_signature(remote, made)
            return made
        signature = self._signature(self.signer, remote, content)
        return (*made, *self.loader.upload_all([signature], remote))

    def show(self, publication: ReleaseSpec, remote: RemoteRelease) -> RemoteRelease:
        """Publish the draft that has been proven as `listing`; the release as it is then. Raises ForgeAnswer when the
        server shows something else than what was proven.
        """
        loader, before = self.loader, _numbers(remote)
        now = loader.api.listing(loader.repo, loader.number)
        if _numbers(now) != before:
            raise BadForgeResponse(f"the draft of {remote.tag} changed while it was proven", _RERUN)
        if not now.draft:
            loader.emit(WarningRaised(f"{remote.tag} was published by someone else meanwhile"))
        loader.api.edit(loader.repo, loader.number, publication, draft=False)
        shown = loader.api.tagged(loader.repo, publication.tag)
        if shown is None or shown.draft or _numbers(shown) != before:
            raise BadForgeResponse(f"release {publication.tag} is not what was published", _RERUN)
        self._read_back(shown)
        return shown

    def _read_back(self, shown: RemoteRelease) -> None:
        """Its list of digests, from where everyone gets it now, says what it should."""
        if (self.folder / SUMS).is_file():
            wanted = (self.folder / SUMS).read_bytes()
            if any(self.loader.read(held.asset) != wanted for held in shown.named(SUMS)):
                raise BadForgeResponse(f"release {shown.tag} shows another {SUMS} than was published", _RERUN)

    def _prove(self, remote: RemoteRelease, digests: Mapping[str, str]) -> None:
        work = [(held.asset, digests[held.name]) for held in remote.assets if held.name in digests]
        names = [asset.name for asset, _ in work]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise PublicationRefused(f"the draft has two assets named {twice[0]}", "Run the job again that builds it.")
        progress = self.loader.crew.watched(self.loader.moved)
        self.loader.crew.each([partial(self.loader.prove, asset, digest, progress) for asset, digest in work])

    def _clear(self, remote: RemoteRelease, names: Sequence[str], *, clobber: bool) -> None:
        """What nothing proves is not published."""
        if not clobber:
            sentence = f"the draft of {remote.tag} holds {', '.join(names)}, for which it has no checksum"
            raise PublicationRefused(sentence, "Delete that on the forge, or let --clobber do it.")
        for name in names:
            for held in remote.named(name):
                self.loader.api.delete(self.loader.repo, self.loader.number, held)

    def _signature(self, signer: Signer, remote: RemoteRelease, content: bytes) -> ReleaseFile:
        """The one that is there, if it is good (each signing gives another one); else a new one."""
        for held in remote.named(SIGNATURE)[:1]:
            known = self.loader.read(held.asset)
            if signer.made(known, content):
                return written(SIGNATURE, known, self.folder)
        signed = signer.sign(content, f"{self.loader.repo} {remote.tag}")
        return written(SIGNATURE, signed, self.folder)

    def _drop_signature(self, remote: RemoteRelease, made: Sequence[UploadedAsset]) -> None:
        """A signature of an older list would be taken for a forged one."""
        if all(item.kept for item in made):
            return
        for held in remote.named(SIGNATURE):
            self.loader.api.delete(self.loader.repo, self.loader.number, held)


def _numbers(remote: RemoteRelease) -> set[tuple[str, int, int | None]]:
    return {(held.name, held.number, held.asset.size) for held in remote.assets}


def listed(loader: Uploader, remote: RemoteRelease) -> dict[str, str]:
    """What SHA256SUMS says; nothing where the release has none. Raises ChecksumUnreadable."""
    found = remote.named(SUMS)
    return dict(checksums.parse(loader.read(found[0].asset), SUMS)) if found else {}


def beside(loader: Uploader, remote: RemoteRelease, names: Iterable[str]) -> dict[str, str]:
    """What `<asset>.sha256` says of each of the names that has one. Raises ChecksumUnreadable."""
    pairs = [(name, found[0]) for name in names if (found := remote.named(f"{name}{BESIDE}"))]
    return dict(loader.crew.each([partial(_read, loader, name, held) for name, held in pairs]))


def _read(loader: Uploader, name: str, asset: RemoteAsset) -> tuple[str, str]:
    return name, checksums.parse_single(loader.read(asset.asset), name)

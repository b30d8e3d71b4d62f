"""Publishing into a mirror's folder: the release's folder appears by one rename, with all that belongs to it."""

import os
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from hero_build import flock
from hero_build.errors import (
    AssetNotFound,
    LockHeld,
    NotFound,
    PublicationRefused,
    UsageError,
    machine_errors,
)
from hero_build.events import Began, Emit, Finished, Moved
from hero_build.forge import shelves
from hero_build.forge.mirror import Mirror
from hero_build.forge.protocol import Ref
from hero_build.forge.transfer import prove
from hero_build.model import Asset, Release
from hero_build.names import check_repo, check_tag
from hero_build.publish.parcels import SIGNATURE, SUMS, about_others, checked, parcel, sums, with_checksums, written
from hero_build.publish.publication import Parcel, Publication, Published
from hero_build.publish.signing import Signer
from hero_build.record import PartId

_LOCK = ".publishing"
_WAIT = 60.0  # seconds for another publication of the same repository


class MirrorPublisher:
    """A Publisher to `file:///dir`, which is made if need be: of releases, and of what recipes have as packages.

    A mirror has no drafts.
    """

    def __init__(self, url: str, emit: Emit, *, signer: Signer | None = None) -> None:
        self._url = url.rstrip("/")
        self._directory = Path(unquote(urlsplit(url).path))
        self._emit = emit
        self._signer = signer

    @property
    def url(self) -> str:
        return self._url

    def close(self) -> None:
        pass

    def ready(self, publication: Publication) -> None:
        check_repo(publication.repo)
        check_tag(publication.tag)
        if publication.draft:
            raise UsageError("a mirror has no drafts", "Publish to it without --draft.")

    def publish(self, publication: Publication) -> Published:
        self.ready(publication)
        own = checked(publication.parcels)
        with (
            tempfile.TemporaryDirectory(prefix="hero-publish-") as scratch,
            self._locked(publication.repo),
        ):
            there = self._there(publication)
            parcels = with_checksums(own, Path(scratch))
            changed = _changed(publication, there, parcels)
            merged = {**{item.name: item for item in there}, **{item.name: item for item in changed}}
            whole = self._listed(publication, merged, Path(scratch))
            fresh = [item for item in whole if item not in there]
            if fresh:
                self._shelve(publication, whole, first=not there)
            return self._result(publication, there, fresh)

    def finish(self, publication: Publication, expected: Collection[str]) -> Published:
        """Nothing is left to do: what was published is shown already. Raises AssetNotFound, ReleaseNotFound."""
        check_tag(publication.tag)
        found = Mirror(self._url).find(_ref(publication))
        names = tuple(sorted(asset.name for asset in found.assets))
        if missing := sorted(set(expected) - set(names)):
            raise AssetNotFound(f"release {found.tag} in the mirror lacks {', '.join(missing)}", "Publish those to it.")
        return Published(
            self._url, publication.repo, found.tag, "published", str(_place(self._directory, publication)), names
        )

    def _there(self, publication: Publication) -> tuple[Parcel, ...]:
        """What the mirror holds of this release, with the digests it really has."""
        try:
            found = Mirror(self._url).find(_ref(publication))
        except NotFound:
            return ()
        paths = {asset.name: _place(self._directory, publication) / asset.name for asset in found.assets}
        return tuple(parcel(name, path) for name, path in paths.items() if path.is_file())

    def _listed(self, publication: Publication, merged: Mapping[str, Parcel], scratch: Path) -> tuple[Parcel, ...]:
        """All the parcels with their list, and its signature."""
        rest = [item for item in merged.values() if item.name not in (SUMS, SIGNATURE)]
        content = sums((item.name, item.sha256) for item in rest if not about_others(item.name))
        made = written(SUMS, content, scratch)
        old, listing = merged.get(SUMS), [made]
        if old is not None and old.sha256 == made.sha256:
            listing = [old]
        if self._signer is not None:
            listing.append(self._signature(self._signer, merged.get(SIGNATURE), content, publication, scratch))
        elif old is listing[0] and SIGNATURE in merged:
            listing.append(merged[SIGNATURE])
        return (*rest, *listing)

    def _signature(
        self, signer: Signer, known: Parcel | None, content: bytes, publication: Publication, scratch: Path
    ) -> Parcel:
        if known is not None and signer.made(known.path.read_bytes(), content):
            return known
        return written(SIGNATURE, signer.sign(content, f"{publication.repo} {publication.tag}"), scratch)

    def _shelve(self, publication: Publication, whole: Sequence[Parcel], *, first: bool) -> None:
        """Written beside the mirror's releases, proven there, and only then moved to its place."""
        total = 2 * sum(item.size for item in whole)  # there, and back to prove it
        self._emit(Began(PartId(publication.app), "publish", publication.tag, total))
        newest = shelves.repo_folder(self._directory, publication.repo) / shelves.LATEST
        latest = not (publication.prerelease or publication.package) and (first or not newest.exists())
        with tempfile.TemporaryDirectory(prefix=".publishing-", dir=self._directory) as name:
            stage = Path(name)
            files = {item.name: item.path for item in whole}
            if publication.package is None:
                shelves.publish(stage, self._release(publication, whole), files, latest=False)
            else:
                shelves.publish_package(stage, publication.package, self._release(publication, whole), files)
            self._prove(publication, whole, Mirror(stage.as_uri()))
            shelves.take_in(_place(stage, publication), _place(self._directory, publication))
        if latest:
            shelves.name_newest(self._directory, publication.repo, publication.tag)
        self._emit(Finished(PartId(publication.app)))

    def _prove(self, publication: Publication, whole: Sequence[Parcel], forge: Mirror) -> None:
        """Get all of it as an install would. Raises SizeMismatch, ChecksumMismatch."""
        assets = {asset.name: asset for asset in forge.find(_ref(publication)).assets}
        for item in whole:
            prove(forge, assets[item.name], item.sha256)
            self._emit(Moved(PartId(publication.app), 2 * item.size))

    def _release(self, publication: Publication, whole: Sequence[Parcel]) -> Release:
        assets = tuple(Asset(item.name, "", item.size, item.sha256[:32], item.sha256) for item in whole)
        target = publication.target if len(publication.target) == 40 else None
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Release(self._url, publication.repo, publication.tag, assets, target, publication.prerelease, now)

    def _result(self, publication: Publication, there: Sequence[Parcel], fresh: Sequence[Parcel]) -> Published:
        new = {item.name for item in fresh}
        old = {item.name for item in there}
        return Published(
            self._url,
            publication.repo,
            publication.tag,
            "published",
            str(_place(self._directory, publication)),
            tuple(sorted(old - new)),
            tuple(item.name for item in fresh),
            tuple(sorted(old & new)),
        )

    @contextmanager
    def _locked(self, repo: str) -> Iterator[None]:
        """One publication at a time for one repository: each takes over what is there."""
        home = shelves.repo_folder(self._directory, repo)
        with machine_errors(self._directory):
            try:
                home.mkdir(parents=True, exist_ok=True)
            except (FileExistsError, FileNotFoundError, NotADirectoryError) as error:
                raise UsageError(f"there can be no mirror at {self._directory}", "Name a folder with --to.") from error
            descriptor = os.open(home / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            held = LockHeld(f"another hero-build publishes {repo} to {self._directory}", "Let it end first.")
            flock.acquire(descriptor, _WAIT, held)
            yield
        finally:
            os.close(descriptor)


def _ref(publication: Publication) -> Ref:
    return Ref(publication.repo, publication.tag, publication.package)


def _place(directory: Path, publication: Publication) -> Path:
    if publication.package is not None:
        return shelves.package_folder(directory, publication.package)
    return shelves.repo_folder(directory, publication.repo) / shelves.segment(publication.tag)


def _changed(publication: Publication, there: Sequence[Parcel], parcels: Sequence[Parcel]) -> tuple[Parcel, ...]:
    """What the mirror lacks or, with `clobber`, has otherwise. Raises PublicationRefused for that without it."""
    known = {item.name: item for item in there}
    kept = {item.name for item in parcels if item.record and item.name in known and not publication.clobber}
    new = [item for item in parcels if item.name.removesuffix(".sha256") not in kept]
    differ = [item for item in new if item.name in known and known[item.name].sha256 != item.sha256]
    if differ and not publication.clobber:
        names = ", ".join(item.name for item in differ if not about_others(item.name)) or differ[0].name
        raise PublicationRefused(f"{publication.tag} is in the mirror already, with another {names}", _CLOBBER)
    return tuple(item for item in new if item.name not in known or item in differ)


_CLOBBER = "Take another tag, or replace it with --clobber."

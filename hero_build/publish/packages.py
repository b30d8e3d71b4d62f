"""Publishing as a generic package of a forge. There are no drafts of a package: the list of digests comes last, so that
whoever requires checksums takes nothing of a package that is not whole.
"""

import tempfile
from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import quote

from hero_build.artifact import Package
from hero_build.errors import AssetNotFound, HeroBuildError, NetworkError, NotFound, PublicationRefused, UsageError
from hero_build.events import Began, Emit, Finished, Moved
from hero_build.forge.forgejo import Forgejo
from hero_build.forge.limits import DEFAULT, Limits
from hero_build.forge.protocol import Ref
from hero_build.forge.refusals import Absent
from hero_build.forge.retry import Passing, persist
from hero_build.forge.transfer import prove, read_small
from hero_build.model import Asset
from hero_build.names import check_name
from hero_build.publish.counted import taken_back
from hero_build.publish.crew import Crew
from hero_build.publish.parcels import SIGNATURE, SUMS, about_others, checked, sums, with_checksums, written
from hero_build.publish.publication import Parcel, Publication, Published
from hero_build.publish.refusals import Taken
from hero_build.publish.signing import Signer
from hero_build.publish.writer import Writer
from hero_build.record import PartId
from hero_build.settings import Secret


class PackagePublisher:
    """A Publisher of `publication.package`."""

    def __init__(
        self,
        url: str,
        token: Secret | None,
        emit: Emit,
        *,
        limits: Limits = DEFAULT,
        plain_http: tuple[str, ...] = (),
        jobs: int = 16,
        signer: Signer | None = None,
    ) -> None:
        self._forge = Forgejo(url, token, emit, limits, plain_http)
        self._writer = Writer(url, token, limits, plain_http)
        self._emit = emit
        self._limits = limits
        self._crew = Crew(jobs)
        self._signer = signer

    @property
    def url(self) -> str:
        return self._forge.url

    def close(self) -> None:
        self._forge.close()

    def ready(self, publication: Publication) -> None:
        _path(_package(publication))
        if publication.draft:
            raise UsageError("a package has no drafts", "Publish it without --draft.")
        self._writer.ready()

    def publish(self, publication: Publication) -> Published:
        self.ready(publication)
        package = _package(publication)
        own = checked(publication.parcels)
        with tempfile.TemporaryDirectory(prefix="hero-publish-") as scratch:
            there = self._there(publication, package)
            parcels = with_checksums(own, Path(scratch))
            wanted = _changed(publication, there, parcels)
            total = 2 * sum(item.size for item in wanted)
            self._emit(Began(PartId(publication.app), "publish", package.version, total))
            self._crew.each([partial(self._put, publication, package, item, there) for item in wanted])
            lists = self._lists(publication, package, wanted, parcels, there, Path(scratch))
            for item in lists:  # in this order: a signature follows what it signs
                self._put(publication, package, item, there)
            self._emit(Finished(PartId(publication.app)))
            return self._result(publication, package, there, (*wanted, *lists))

    def finish(self, publication: Publication, expected: Collection[str]) -> Published:
        """Nothing is left to do: what was published is shown already. Raises AssetNotFound, ReleaseNotFound."""
        package = _package(publication)
        names = tuple(sorted(asset.name for asset in self._find(publication, package)))
        if missing := sorted(set(expected) - set(names)):
            sentence = f"the package {package.name} {package.version} lacks {', '.join(missing)}"
            raise AssetNotFound(sentence, "Publish those to it.")
        return self._result(publication, package, {name: Asset(name, "") for name in names}, ())

    def _find(self, publication: Publication, package: Package) -> tuple[Asset, ...]:
        return self._forge.find(Ref(publication.repo, package=package)).assets

    def _there(self, publication: Publication, package: Package) -> dict[str, Asset]:
        try:
            return {asset.name: asset for asset in self._find(publication, package)}
        except NotFound:
            return {}

    def _put(self, publication: Publication, package: Package, item: Parcel, there: dict[str, Asset]) -> None:
        """One file there, proven; what the server has stored otherwise is taken away again."""
        path = f"{_path(package)}/{quote(item.name, safe='')}"
        if item.name in there:
            self._delete(path)
        progress = self._crew.watched(lambda size: self._emit(Moved(PartId(publication.app), size)))

        def attempt() -> None:
            with taken_back(progress) as count:
                self._writer.upload("PUT", path, item, count)

        with suppress(Taken):  # an answer was lost, or another run was faster: what is there is looked at next
            persist(attempt, item.name, self._limits, self._emit)
        asset = Asset(item.name, f"{self.url}{path}", item.size, item.sha256)
        try:
            prove(self._forge, asset, item.sha256, progress=progress, limits=self._limits, emit=self._emit)
        except HeroBuildError as error:
            if error.code == 5:
                self._delete(path)
            raise

    def _delete(self, path: str) -> None:
        with suppress(Absent):  # gone already: as good
            persist(lambda: self._writer.tell("DELETE", path), path.rsplit("/", 1)[-1], self._limits, self._emit)

    def _lists(
        self,
        publication: Publication,
        package: Package,
        wanted: Sequence[Parcel],
        parcels: Sequence[Parcel],
        there: dict[str, Asset],
        scratch: Path,
    ) -> tuple[Parcel, ...]:
        """SHA256SUMS and its signature, where they are not there or have to change."""
        digests = {name: asset.sha256 for name, asset in there.items() if asset.sha256 and not about_others(name)}
        digests |= {item.name: item.sha256 for item in wanted if not about_others(item.name)}
        made = written(SUMS, sums((name, digest or "") for name, digest in digests.items()), scratch)
        same = SUMS in there and there[SUMS].sha256 == made.sha256
        changed = () if same else (made,)
        if self._signer is None or (same and SIGNATURE in there and self._signed(there[SIGNATURE], made)):
            return changed
        comment = f"{package.owner}/{package.name} {package.version}"
        return (*changed, written(SIGNATURE, self._signer.sign(made.path.read_bytes(), comment), scratch))

    def _signed(self, asset: Asset, made: Parcel) -> bool:
        try:
            known = read_small(self._forge, asset, limits=self._limits, emit=self._emit)
        except Passing as error:
            raise NetworkError(error.message, error.hint) from error
        return self._signer is not None and self._signer.made(known, made.path.read_bytes())

    def _result(
        self, publication: Publication, package: Package, there: dict[str, Asset], fresh: Sequence[Parcel]
    ) -> Published:
        new = [item.name for item in fresh]
        return Published(
            self.url,
            publication.repo,
            package.version,
            "published",
            f"{self.url}/{package.owner}/-/packages/generic/{package.name}/{package.version}",
            tuple(sorted(set(there) - set(new))),
            tuple(new),
            tuple(name for name in new if name in there),
        )


def _package(publication: Publication) -> Package:
    if publication.package is None:
        raise UsageError(f"{publication.app} is not published as a package", "Its recipe names none.")
    return publication.package


def _path(package: Package) -> str:
    owner, name, version = (check_name(part, "package") for part in (package.owner, package.name, package.version))
    return f"/api/packages/{quote(owner, safe='')}/generic/{quote(name, safe='')}/{quote(version, safe='')}"


def _changed(publication: Publication, there: dict[str, Asset], parcels: Sequence[Parcel]) -> tuple[Parcel, ...]:
    """What the package lacks or, with `clobber`, has otherwise. Raises PublicationRefused for that without it."""
    records = {item.name for item in parcels if item.record and item.name in there and not publication.clobber}
    new = [item for item in parcels if item.name.removesuffix(".sha256") not in records]
    differ = [item for item in new if item.name in there and there[item.name].sha256 != item.sha256]
    if differ and not publication.clobber:
        names = ", ".join(item.name for item in differ)
        raise PublicationRefused(f"the package {publication.tag} is published already, with another {names}", _CLOBBER)
    return tuple(item for item in new if item.name not in there or item in differ)


_CLOBBER = "Take another version, or replace the files with --clobber."

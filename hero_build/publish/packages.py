"""Publishing as a generic package of a forge. There are no drafts of a package: the list of digests comes last, so that
whoever requires checksums takes nothing of a package that is not whole.
"""

import tempfile
from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import quote

from hero_build.errors import AssetNotFound, HeroBuildError, NetworkError, NotFound, PublicationRefused, UsageError
from hero_build.events import Emit, Finished, Started, Transferred
from hero_build.forge.forgejo import Forgejo
from hero_build.forge.http_errors import HttpNotFound
from hero_build.forge.limits import DEFAULT, Limits
from hero_build.forge.protocol import Ref
from hero_build.forge.retry import TransientError, with_retries
from hero_build.forge.transfer import read_small, verify_remote
from hero_build.model.artifacts import GenericPackage
from hero_build.model.installed import PartId
from hero_build.model.names import check_name
from hero_build.model.steps import Asset
from hero_build.publish.assets import (
    CHECKSUMS,
    SIGNATURE,
    is_checksum_file,
    render_checksums,
    validate_files,
    with_checksums,
    write_file,
)
from hero_build.publish.http import NameConflict, WriteClient
from hero_build.publish.signing import Signer
from hero_build.publish.types import PublishResult, ReleaseFile, ReleaseSpec
from hero_build.publish.upload import undo_on_error
from hero_build.publish.workers import WorkerPool
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
        self._forge = Forgejo(url, token=token, emit=emit, limits=limits, plain_http=plain_http)
        self._writer = WriteClient(url, token=token, limits=limits, plain_http=plain_http)
        self._emit = emit
        self._limits = limits
        self._workers = WorkerPool(jobs)
        self._signer = signer

    @property
    def url(self) -> str:
        return self._forge.url

    def close(self) -> None:
        self._forge.close()

    def preflight(self, spec: ReleaseSpec) -> None:
        _package_path(_package(spec))
        if spec.draft:
            raise UsageError("a package has no drafts", "Publish it without --draft.")
        self._writer.preflight()

    def publish(self, spec: ReleaseSpec) -> PublishResult:
        self.preflight(spec)
        package = _package(spec)
        own = validate_files(spec.files)
        with tempfile.TemporaryDirectory(prefix="hero-publish-") as scratch:
            there = self._existing(spec, package)
            files = with_checksums(own, Path(scratch))
            wanted = _files_to_upload(spec, there, files)
            total = 2 * sum(item.size for item in wanted)
            self._emit(Started(PartId(spec.app), verb="publish", version=package.version, total=total))
            self._workers.run_all([partial(self._put, spec, package, item, there) for item in wanted])
            lists = self._checksum_lists(
                spec, package=package, wanted=wanted, files=files, there=there, scratch=Path(scratch)
            )
            for item in lists:  # in this order: a signature follows what it signs
                self._put(spec, package=package, file=item, there=there)
            self._emit(Finished(PartId(spec.app)))
            return self._result(spec, package=package, there=there, fresh=(*wanted, *lists))

    def finish(self, spec: ReleaseSpec, expected: Collection[str]) -> PublishResult:
        """Nothing is left to do: what was published is shown already. Raises AssetNotFound, ReleaseNotFound."""
        package = _package(spec)
        names = tuple(sorted(asset.name for asset in self._find(spec, package)))
        if missing := sorted(set(expected) - set(names)):
            sentence = f"the package {package.name} {package.version} lacks {', '.join(missing)}"
            raise AssetNotFound(sentence, "Publish those to it.")
        return self._result(spec, package=package, there={name: Asset(name, "") for name in names}, fresh=())

    def _find(self, spec: ReleaseSpec, package: GenericPackage) -> tuple[Asset, ...]:
        return self._forge.find(Ref(spec.repo, package=package)).assets

    def _existing(self, spec: ReleaseSpec, package: GenericPackage) -> dict[str, Asset]:
        try:
            return {asset.name: asset for asset in self._find(spec, package)}
        except NotFound:
            return {}

    def _put(self, spec: ReleaseSpec, package: GenericPackage, file: ReleaseFile, there: dict[str, Asset]) -> None:
        """One file there, proven; what the server has stored otherwise is taken away again."""
        path = f"{_package_path(package)}/{quote(file.name, safe='')}"
        if file.name in there:
            self._delete(path)
        progress = self._workers.cancellable(lambda size: self._emit(Transferred(PartId(spec.app), size)))

        def attempt() -> None:
            with undo_on_error(progress) as count:
                self._writer.upload("PUT", path, file, count)

        with suppress(NameConflict):  # an answer was lost, or another run was faster: what is there is looked at next
            with_retries(attempt, what=file.name, limits=self._limits, emit=self._emit)
        asset = Asset(file.name, url=f"{self.url}{path}", size=file.size, id=file.sha256)
        try:
            verify_remote(self._forge, asset, file.sha256, progress=progress, limits=self._limits, emit=self._emit)
        except HeroBuildError as error:
            if error.code == 5:
                self._delete(path)
            raise

    def _delete(self, path: str) -> None:
        with suppress(HttpNotFound):  # gone already: as good
            with_retries(
                lambda: self._writer.tell("DELETE", path),
                what=path.rsplit("/", 1)[-1],
                limits=self._limits,
                emit=self._emit,
            )

    def _checksum_lists(
        self,
        spec: ReleaseSpec,
        package: GenericPackage,
        wanted: Sequence[ReleaseFile],
        files: Sequence[ReleaseFile],
        there: dict[str, Asset],
        scratch: Path,
    ) -> tuple[ReleaseFile, ...]:
        """SHA256SUMS and its signature, where they are not there or have to change."""
        digests = {name: asset.sha256 for name, asset in there.items() if asset.sha256 and not is_checksum_file(name)}
        digests |= {item.name: item.sha256 for item in wanted if not is_checksum_file(item.name)}
        made = write_file(
            CHECKSUMS, render_checksums((name, digest or "") for name, digest in digests.items()), scratch
        )
        same = CHECKSUMS in there and there[CHECKSUMS].sha256 == made.sha256
        changed = () if same else (made,)
        if self._signer is None or (same and SIGNATURE in there and self._signed(there[SIGNATURE], made)):
            return changed
        comment = f"{package.owner}/{package.name} {package.version}"
        return (*changed, write_file(SIGNATURE, self._signer.sign(made.path.read_bytes(), comment), scratch))

    def _signed(self, asset: Asset, made: ReleaseFile) -> bool:
        try:
            known = read_small(self._forge, asset, limits=self._limits, emit=self._emit)
        except TransientError as error:
            raise NetworkError(error.message, error.hint) from error
        return self._signer is not None and self._signer.has_signed(known, made.path.read_bytes())

    def _result(
        self, spec: ReleaseSpec, package: GenericPackage, there: dict[str, Asset], fresh: Sequence[ReleaseFile]
    ) -> PublishResult:
        new = [item.name for item in fresh]
        return PublishResult(
            self.url,
            repo=spec.repo,
            tag=package.version,
            state="published",
            url=f"{self.url}/{package.owner}/-/packages/generic/{package.name}/{package.version}",
            kept=tuple(sorted(set(there) - set(new))),
            uploaded=tuple(new),
            removed=tuple(name for name in new if name in there),
        )


def _package(spec: ReleaseSpec) -> GenericPackage:
    if spec.package is None:
        raise UsageError(f"{spec.app} is not published as a package", "Its recipe names none.")
    return spec.package


def _package_path(package: GenericPackage) -> str:
    owner, name, version = (check_name(part, "package") for part in (package.owner, package.name, package.version))
    return f"/api/packages/{quote(owner, safe='')}/generic/{quote(name, safe='')}/{quote(version, safe='')}"


def _files_to_upload(
    spec: ReleaseSpec, there: dict[str, Asset], files: Sequence[ReleaseFile]
) -> tuple[ReleaseFile, ...]:
    """What the package lacks or, with `clobber`, has otherwise. Raises PublicationRefused for that without it."""
    records = {item.name for item in files if item.record and item.name in there and not spec.clobber}
    new = [item for item in files if item.name.removesuffix(".sha256") not in records]
    differ = [item for item in new if item.name in there and there[item.name].sha256 != item.sha256]
    if differ and not spec.clobber:
        names = ", ".join(item.name for item in differ)
        raise PublicationRefused(f"the package {spec.tag} is published already, with another {names}", _CLOBBER)
    return tuple(item for item in new if item.name not in there or item in differ)


_CLOBBER = "Take another version, or replace the files with --clobber."

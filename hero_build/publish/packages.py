"""Publishing as a generic package of a forge. A package has no drafts, so SHA256SUMS is uploaded last: an install that
requires checksums takes nothing from an incomplete package.

A server hashes each file of a package as it arrives and lists the digests (`sha256` of
`GET /api/v1/packages/OWNER/generic/NAME/VERSION/files`): those are compared, and only a file without one is downloaded.
"""

import tempfile
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import quote

from hero_build.errors import (
    AssetNotFound,
    AuthError,
    BadForgeResponse,
    ChecksumMismatch,
    HeroBuildError,
    NetworkError,
    NotFound,
    PublicationRefused,
    UsageError,
)
from hero_build.events import Emit, Finished, Started, Transferred
from hero_build.forge.forgejo import Forgejo
from hero_build.forge.http_types import HttpNotFound
from hero_build.forge.limits import DEFAULT, Limits
from hero_build.forge.protocol import Ref
from hero_build.forge.retry import TransientError, with_retries
from hero_build.forge.transfer import no_progress, read_small, verify_remote
from hero_build.model.artifacts import GenericPackage
from hero_build.model.installed import PartId
from hero_build.model.names import check_name
from hero_build.model.steps import Asset
from hero_build.publish.assets import (
    CHECKSUM_SUFFIX,
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
from hero_build.publish.types import ExistingRelease, PublishResult, ReleaseFile, ReleaseSpec
from hero_build.publish.upload import undo_on_error
from hero_build.publish.workers import WorkerPool
from hero_build.settings import Secret

_VERIFICATION_FAILED = 5  # the exit code of SizeMismatch, ChecksumMismatch
_RERUN = "Run it again; if it happens again, a proxy before the server changes what is uploaded: ask its operator."
_CLOBBER = "Use another version, or replace the files with --clobber."


class PackagePublisher:
    """A Publisher of generic packages (`ReleaseSpec.package`)."""

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

    def existing(self, spec: ReleaseSpec) -> ExistingRelease:
        names = tuple(sorted(self._existing(spec)))
        return ExistingRelease("published" if names else "absent", names)

    def publish(self, spec: ReleaseSpec) -> PublishResult:
        self.preflight(spec)
        own = validate_files(spec.files)
        with tempfile.TemporaryDirectory(prefix="hero-publish-") as scratch:
            existing = self._existing(spec)
            files = _files_to_upload(spec, existing, with_checksums(own, Path(scratch)))
            self._emit_started(spec, files)
            self._workers.run_all([partial(self._put, spec, file, existing) for file in files])
            self._verify(spec, files)
            lists = self._checksum_lists(spec, files=files, existing=existing, scratch=Path(scratch))
            for file in lists:  # one after the other: SHA256SUMS before its signature
                self._put(spec, file, existing)
                self._download(spec, file)
            self._emit(Finished(PartId(spec.app)))
            return self._result(spec, existing, (*files, *lists))

    def finish(self, spec: ReleaseSpec, expected: Collection[str]) -> PublishResult:
        """A package has no draft to publish: only check it. Raises AssetNotFound, ReleaseNotFound."""
        package = _package(spec)
        assets = {asset.name: asset for asset in self._find(spec)}
        if missing := sorted(set(expected) - set(assets)):
            sentence = f"the package {package.name} {package.version} lacks {', '.join(missing)}"
            raise AssetNotFound(sentence, "Publish those to it.")
        return self._result(spec, assets, ())

    def _find(self, spec: ReleaseSpec) -> tuple[Asset, ...]:
        return self._forge.find(Ref(spec.repo, package=_package(spec))).assets

    def _existing(self, spec: ReleaseSpec) -> dict[str, Asset]:
        try:
            return {asset.name: asset for asset in self._find(spec)}
        except NotFound:
            return {}

    def _emit_started(self, spec: ReleaseSpec, files: Sequence[ReleaseFile]) -> None:
        total = sum(file.size for file in files)
        self._emit(Started(PartId(spec.app), verb="upload", version=_package(spec).version, total=total))

    def _put(self, spec: ReleaseSpec, file: ReleaseFile, existing: Mapping[str, Asset]) -> None:
        """Upload one file, in place of an existing one of its name."""
        path = _file_path(spec, file)
        if file.name in existing:
            self._delete(path)
        progress = self._workers.cancellable(lambda size: self._emit(Transferred(PartId(spec.app), size)))

        def attempt() -> None:
            with undo_on_error(progress) as count:
                self._writer.upload("PUT", path, file=file, progress=count)

        with suppress(NameConflict):  # a lost response, or another run uploaded it: the verification decides
            with_retries(attempt, what=file.name, limits=self._limits, emit=self._emit)

    def _verify(self, spec: ReleaseSpec, files: Sequence[ReleaseFile]) -> None:
        """Compare the digests that the server lists; download the files for which it lists none.

        A file that the server received with other content is deleted again.
        """
        listed = self._listed_digests(spec) if files else {}
        differ = [file for file in files if listed.get(file.name, file.sha256) != file.sha256]
        for file in differ:
            self._delete(_file_path(spec, file))
        if differ:
            name, digest = differ[0].name, differ[0].sha256
            raise ChecksumMismatch(f"{name} has the sha256 {listed[name]} on the server, expected {digest}", _RERUN)
        unlisted = [file for file in files if file.name not in listed]
        self._workers.run_all([partial(self._download, spec, file) for file in unlisted])

    def _listed_digests(self, spec: ReleaseSpec) -> dict[str, str]:
        """Name → sha256 of the package's files, where the server has hashed them; empty where it does not list them."""
        with suppress(NotFound, AuthError, BadForgeResponse):
            return {asset.name: asset.sha256 for asset in self._find(spec) if asset.sha256}
        return {}

    def _download(self, spec: ReleaseSpec, file: ReleaseFile) -> None:
        """Verify an uploaded file as an install would; delete it again if the server has stored other bytes."""
        path = _file_path(spec, file)
        asset = Asset(file.name, url=f"{self.url}{path}", size=file.size, id=file.sha256)
        progress = self._workers.cancellable(no_progress)
        try:
            verify_remote(self._forge, asset, file.sha256, progress=progress, limits=self._limits, emit=self._emit)
        except HeroBuildError as error:
            if error.code == _VERIFICATION_FAILED:
                self._delete(path)
            raise

    def _delete(self, path: str) -> None:
        with suppress(HttpNotFound):  # deleted already
            with_retries(
                lambda: self._writer.send("DELETE", path),
                what=path.rsplit("/", 1)[-1],
                limits=self._limits,
                emit=self._emit,
            )

    def _checksum_lists(
        self, spec: ReleaseSpec, files: Sequence[ReleaseFile], existing: Mapping[str, Asset], scratch: Path
    ) -> tuple[ReleaseFile, ...]:
        """SHA256SUMS and its signature, where they are missing or change."""
        digests = {name: asset.sha256 for name, asset in existing.items() if asset.sha256}
        digests |= {file.name: file.sha256 for file in files}
        content = render_checksums((name, digest) for name, digest in digests.items() if not is_checksum_file(name))
        sums = write_file(CHECKSUMS, content, scratch)
        same = CHECKSUMS in existing and existing[CHECKSUMS].sha256 == sums.sha256
        changed = () if same else (sums,)
        if self._signer is None or (same and SIGNATURE in existing and self._has_signed(existing[SIGNATURE], content)):
            return changed
        package = _package(spec)
        signature = self._signer.sign(content, f"{package.owner}/{package.name} {package.version}")
        return (*changed, write_file(SIGNATURE, signature, scratch))

    def _has_signed(self, signature: Asset, content: bytes) -> bool:
        try:
            existing = read_small(self._forge, signature, limits=self._limits, emit=self._emit)
        except TransientError as error:
            raise NetworkError(error.message, error.hint) from error
        return self._signer is not None and self._signer.has_signed(existing, content)

    def _result(self, spec: ReleaseSpec, existing: Mapping[str, Asset], new: Sequence[ReleaseFile]) -> PublishResult:
        package, uploaded = _package(spec), [file.name for file in new]
        return PublishResult(
            self.url,
            repo=spec.repo,
            tag=package.version,
            state="published",
            url=f"{self.url}/{package.owner}/-/packages/generic/{package.name}/{package.version}",
            kept=tuple(sorted(set(existing) - set(uploaded))),
            uploaded=tuple(uploaded),
            removed=tuple(name for name in uploaded if name in existing),
        )


def _package(spec: ReleaseSpec) -> GenericPackage:
    if spec.package is None:
        raise UsageError(f"{spec.app} is not published as a package", "Its recipe names none.")
    return spec.package


def _package_path(package: GenericPackage) -> str:
    owner, name, version = (check_name(part, "package") for part in (package.owner, package.name, package.version))
    return f"/api/packages/{quote(owner, safe='')}/generic/{quote(name, safe='')}/{quote(version, safe='')}"


def _file_path(spec: ReleaseSpec, file: ReleaseFile) -> str:
    return f"{_package_path(_package(spec))}/{quote(file.name, safe='')}"


def _files_to_upload(
    spec: ReleaseSpec, existing: Mapping[str, Asset], files: Sequence[ReleaseFile]
) -> tuple[ReleaseFile, ...]:
    """The files that the package lacks; with `clobber` also those that differ. Raises PublicationRefused for files
    that differ, without `clobber`.
    """
    records = {file.name for file in files if file.record and file.name in existing and not spec.clobber}
    candidates = [file for file in files if file.name.removesuffix(CHECKSUM_SUFFIX) not in records]
    differ = [file for file in candidates if file.name in existing and existing[file.name].sha256 != file.sha256]
    if differ and not spec.clobber:
        names = ", ".join(file.name for file in differ)
        raise PublicationRefused(f"the package {spec.tag} is published already, with another {names}", _CLOBBER)
    return tuple(file for file in candidates if file.name not in existing or file in differ)

"""Publishing into a mirror's folder: the release's folder appears by one rename, with all that belongs to it."""

import os
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from hero_build.errors import (
    AssetNotFound,
    LockHeld,
    NotFound,
    PublicationRefused,
    UsageError,
    machine_errors,
)
from hero_build.events import Emit, Finished, Started, Transferred
from hero_build.forge import mirror_layout
from hero_build.forge.mirror import Mirror
from hero_build.forge.protocol import Ref
from hero_build.forge.transfer import verify_remote
from hero_build.model.installed import PartId
from hero_build.model.names import check_repo, check_tag
from hero_build.model.steps import Asset, Release
from hero_build.publish.assets import (
    CHECKSUMS,
    SIGNATURE,
    is_checksum_file,
    release_file,
    render_checksums,
    validate_files,
    with_checksums,
    write_file,
)
from hero_build.publish.signing import Signer
from hero_build.publish.types import PublishResult, ReleaseFile, ReleaseSpec
from hero_build.system import filelock

_LOCK = ".publishing"
_LOCK_TIMEOUT = 60.0  # seconds for another publication of the same repository


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

    def preflight(self, spec: ReleaseSpec) -> None:
        check_repo(spec.repo)
        check_tag(spec.tag)
        if spec.draft:
            raise UsageError("a mirror has no drafts", "Publish to it without --draft.")

    def publish(self, spec: ReleaseSpec) -> PublishResult:
        self.preflight(spec)
        own = validate_files(spec.files)
        with (
            tempfile.TemporaryDirectory(prefix="hero-publish-") as scratch,
            self._locked(spec.repo),
        ):
            there = self._existing(spec)
            files = with_checksums(own, Path(scratch))
            changed = _files_to_add(spec, there, files)
            merged = {**{item.name: item for item in there}, **{item.name: item for item in changed}}
            whole = self._with_checksums(spec, merged, Path(scratch))
            fresh = [item for item in whole if item not in there]
            if fresh:
                self._write_release(spec, whole, first=not there)
            return self._result(spec, there, fresh)

    def finish(self, spec: ReleaseSpec, expected: Collection[str]) -> PublishResult:
        """Nothing is left to do: what was published is shown already. Raises AssetNotFound, ReleaseNotFound."""
        check_tag(spec.tag)
        found = Mirror(self._url).find(_ref(spec))
        names = tuple(sorted(asset.name for asset in found.assets))
        if missing := sorted(set(expected) - set(names)):
            raise AssetNotFound(f"release {found.tag} in the mirror lacks {', '.join(missing)}", "Publish those to it.")
        return PublishResult(
            self._url,
            repo=spec.repo,
            tag=found.tag,
            state="published",
            url=str(_release_folder(self._directory, spec)),
            kept=names,
        )

    def _existing(self, spec: ReleaseSpec) -> tuple[ReleaseFile, ...]:
        """What the mirror holds of this release, with the digests it really has."""
        try:
            found = Mirror(self._url).find(_ref(spec))
        except NotFound:
            return ()
        paths = {asset.name: _release_folder(self._directory, spec) / asset.name for asset in found.assets}
        return tuple(release_file(name, path) for name, path in paths.items() if path.is_file())

    def _with_checksums(
        self, spec: ReleaseSpec, merged: Mapping[str, ReleaseFile], scratch: Path
    ) -> tuple[ReleaseFile, ...]:
        """All the parcels with their list, and its signature."""
        rest = [item for item in merged.values() if item.name not in (CHECKSUMS, SIGNATURE)]
        content = render_checksums((item.name, item.sha256) for item in rest if not is_checksum_file(item.name))
        made = write_file(CHECKSUMS, content, scratch)
        old, listing = merged.get(CHECKSUMS), [made]
        if old is not None and old.sha256 == made.sha256:
            listing = [old]
        if self._signer is not None:
            listing.append(
                self._signature(self._signer, known=merged.get(SIGNATURE), content=content, spec=spec, scratch=scratch)
            )
        elif old is listing[0] and SIGNATURE in merged:
            listing.append(merged[SIGNATURE])
        return (*rest, *listing)

    def _signature(
        self, signer: Signer, known: ReleaseFile | None, content: bytes, spec: ReleaseSpec, scratch: Path
    ) -> ReleaseFile:
        if known is not None and signer.has_signed(known.path.read_bytes(), content):
            return known
        return write_file(SIGNATURE, signer.sign(content, f"{spec.repo} {spec.tag}"), scratch)

    def _write_release(self, spec: ReleaseSpec, whole: Sequence[ReleaseFile], *, first: bool) -> None:
        """Written beside the mirror's releases, proven there, and only then moved to its place."""
        total = 2 * sum(item.size for item in whole)  # there, and back to prove it
        self._emit(Started(PartId(spec.app), verb="publish", version=spec.tag, total=total))
        newest = mirror_layout.repo_folder(self._directory, spec.repo) / mirror_layout.LATEST
        latest = not (spec.prerelease or spec.package) and (first or not newest.exists())
        with tempfile.TemporaryDirectory(prefix=".publishing-", dir=self._directory) as name:
            stage = Path(name)
            files = {item.name: item.path for item in whole}
            if spec.package is None:
                mirror_layout.publish(stage, self._release(spec, whole), files, latest=False)
            else:
                mirror_layout.publish_package(
                    stage, package=spec.package, release=self._release(spec, whole), files=files
                )
            self._verify(spec, whole, Mirror(stage.as_uri()))
            mirror_layout.take_in(_release_folder(stage, spec), _release_folder(self._directory, spec))
        if latest:
            mirror_layout.name_newest(self._directory, spec.repo, spec.tag)
        self._emit(Finished(PartId(spec.app)))

    def _verify(self, spec: ReleaseSpec, whole: Sequence[ReleaseFile], forge: Mirror) -> None:
        """Get all of it as an install would. Raises SizeMismatch, ChecksumMismatch."""
        assets = {asset.name: asset for asset in forge.find(_ref(spec)).assets}
        for item in whole:
            verify_remote(forge, assets[item.name], item.sha256)
            self._emit(Transferred(PartId(spec.app), 2 * item.size))

    def _release(self, spec: ReleaseSpec, whole: Sequence[ReleaseFile]) -> Release:
        assets = tuple(
            Asset(item.name, url="", size=item.size, id=item.sha256[:32], sha256=item.sha256) for item in whole
        )
        target = spec.target if len(spec.target) == 40 else None
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Release(
            self._url,
            repo=spec.repo,
            tag=spec.tag,
            assets=assets,
            commit=target,
            prerelease=spec.prerelease,
            created=now,
        )

    def _result(self, spec: ReleaseSpec, there: Sequence[ReleaseFile], fresh: Sequence[ReleaseFile]) -> PublishResult:
        new = {item.name for item in fresh}
        old = {item.name for item in there}
        return PublishResult(
            self._url,
            repo=spec.repo,
            tag=spec.tag,
            state="published",
            url=str(_release_folder(self._directory, spec)),
            kept=tuple(sorted(old - new)),
            uploaded=tuple(item.name for item in fresh),
            removed=tuple(sorted(old & new)),
        )

    @contextmanager
    def _locked(self, repo: str) -> Iterator[None]:
        """One publication at a time for one repository: each takes over what is there."""
        home = mirror_layout.repo_folder(self._directory, repo)
        with machine_errors(self._directory):
            try:
                home.mkdir(parents=True, exist_ok=True)
            except (FileExistsError, FileNotFoundError, NotADirectoryError) as error:
                raise UsageError(f"there can be no mirror at {self._directory}", "Name a folder with --to.") from error
            descriptor = os.open(home / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            held = LockHeld(f"another hero-build publishes {repo} to {self._directory}", "Let it end first.")
            filelock.acquire(descriptor, _LOCK_TIMEOUT, held)
            yield
        finally:
            os.close(descriptor)


def _ref(spec: ReleaseSpec) -> Ref:
    return Ref(spec.repo, spec.tag, spec.package)


def _release_folder(directory: Path, spec: ReleaseSpec) -> Path:
    if spec.package is not None:
        return mirror_layout.package_folder(directory, spec.package)
    return mirror_layout.repo_folder(directory, spec.repo) / mirror_layout.segment(spec.tag)


def _files_to_add(
    spec: ReleaseSpec, there: Sequence[ReleaseFile], files: Sequence[ReleaseFile]
) -> tuple[ReleaseFile, ...]:
    """What the mirror lacks or, with `clobber`, has otherwise. Raises PublicationRefused for that without it."""
    known = {item.name: item for item in there}
    kept = {item.name for item in files if item.record and item.name in known and not spec.clobber}
    new = [item for item in files if item.name.removesuffix(".sha256") not in kept]
    differ = [item for item in new if item.name in known and known[item.name].sha256 != item.sha256]
    if differ and not spec.clobber:
        names = ", ".join(item.name for item in differ if not is_checksum_file(item.name)) or differ[0].name
        raise PublicationRefused(f"{spec.tag} is in the mirror already, with another {names}", _CLOBBER)
    return tuple(item for item in new if item.name not in known or item in differ)


_CLOBBER = "Take another tag, or replace it with --clobber."

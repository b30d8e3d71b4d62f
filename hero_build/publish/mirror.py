"""Publishing into a mirror: the folder of a release appears complete, by one rename."""

import os
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from hero_build.errors import AssetNotFound, LockHeld, NotFound, PublicationRefused, UsageError
from hero_build.events import Emit, Finished, Started, Transferred
from hero_build.forge import content_store, mirror_layout
from hero_build.forge.mirror import Mirror
from hero_build.forge.protocol import Ref
from hero_build.forge.transfer import verify_remote
from hero_build.model.installed import PartId
from hero_build.model.names import check_repo, check_tag
from hero_build.model.steps import Asset, Release
from hero_build.os_errors import machine_errors
from hero_build.publish.assets import (
    CHECKSUM_SUFFIX,
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
from hero_build.publish.types import ExistingRelease, PublishResult, ReleaseFile, ReleaseSpec
from hero_build.system import filelock

_LOCK = ".publishing"
_CLOBBER = "Use another tag, or replace the files with --clobber."
_LOCK_TIMEOUT = 60.0  # seconds to wait for another run that publishes the same repository


class MirrorPublisher:
    """A Publisher of releases and generic packages to `file:///dir`, which it creates. A mirror has no drafts."""

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

    def existing(self, spec: ReleaseSpec) -> ExistingRelease:
        held = self._existing(spec) if self._directory.is_dir() else ()
        names = tuple(sorted(file.name for file in held))
        return ExistingRelease("published" if names else "absent", names)

    def publish(self, spec: ReleaseSpec) -> PublishResult:
        self.preflight(spec)
        own = validate_files(spec.files)
        with (
            tempfile.TemporaryDirectory(prefix="hero-publish-") as scratch,
            self._locked(spec.repo),
        ):
            existing = self._existing(spec)
            files = with_checksums(own, Path(scratch))
            added = _files_to_add(spec, existing, files)
            merged = {**{file.name: file for file in existing}, **{file.name: file for file in added}}
            complete = self._with_lists(spec, merged, Path(scratch))
            new = [file for file in complete if file not in existing]
            if new:
                self._write_release(spec, complete, first=not existing)
            return self._result(spec, existing, new)

    def finish(self, spec: ReleaseSpec, expected: Collection[str]) -> PublishResult:
        """A mirror has no draft to publish: only check the release. Raises AssetNotFound, ReleaseNotFound."""
        check_tag(spec.tag)
        release = Mirror(self._url).find(_ref(spec))
        names = tuple(sorted(asset.name for asset in release.assets))
        if missing := sorted(set(expected) - set(names)):
            sentence = f"release {release.tag} in the mirror lacks {', '.join(missing)}"
            raise AssetNotFound(sentence, "Publish those to it.")
        return PublishResult(
            self._url,
            repo=spec.repo,
            tag=release.tag,
            state="published",
            url=str(_release_folder(self._directory, spec)),
            kept=names,
        )

    def _existing(self, spec: ReleaseSpec) -> tuple[ReleaseFile, ...]:
        """The files that the mirror holds of this release, with digests computed from their content."""
        try:
            release = Mirror(self._url).find(_ref(spec))
        except NotFound:
            return ()
        paths = {asset.name: _release_folder(self._directory, spec) / asset.name for asset in release.assets}
        return tuple(release_file(name, path) for name, path in paths.items() if path.is_file())

    def _with_lists(
        self, spec: ReleaseSpec, merged: Mapping[str, ReleaseFile], scratch: Path
    ) -> tuple[ReleaseFile, ...]:
        """All the files, then their SHA256SUMS and its signature."""
        rest = [file for file in merged.values() if file.name not in (CHECKSUMS, SIGNATURE)]
        content = render_checksums((file.name, file.sha256) for file in rest if not is_checksum_file(file.name))
        new, old = write_file(CHECKSUMS, content, scratch), merged.get(CHECKSUMS)
        same = old is not None and old.sha256 == new.sha256
        lists = [old if old is not None and same else new]
        if self._signer is not None:
            existing = merged.get(SIGNATURE)
            comment = f"{spec.repo} {spec.tag}"
            lists.append(_signature(self._signer, existing, content=content, comment=comment, scratch=scratch))
        elif same and SIGNATURE in merged:
            lists.append(merged[SIGNATURE])
        return (*rest, *lists)

    def _write_release(self, spec: ReleaseSpec, files: Sequence[ReleaseFile], *, first: bool) -> None:
        """Write the release beside those of the mirror, verify it there, then rename it to its place."""
        total = 2 * sum(file.size for file in files)  # the copy, and reading it back to verify it
        self._emit(Started(PartId(spec.app), verb="publish", version=spec.tag, total=total))
        newest = mirror_layout.repo_folder(self._directory, spec.repo) / mirror_layout.LATEST
        latest = not (spec.prerelease or spec.package) and (first or not newest.exists())
        with tempfile.TemporaryDirectory(prefix=".publishing-", dir=self._directory) as name:
            stage = Path(name)
            self._stage(spec, files, stage)
            self._verify(spec, files, Mirror(stage.as_uri()))
            mirror_layout.move_into_place(_release_folder(stage, spec), _release_folder(self._directory, spec))
        for file in files:
            content_store.add(self._directory, _release_folder(self._directory, spec) / file.name, file.sha256)
        if latest:
            mirror_layout.set_latest(self._directory, spec.repo, spec.tag)
        self._emit(Finished(PartId(spec.app)))

    def _stage(self, spec: ReleaseSpec, files: Sequence[ReleaseFile], stage: Path) -> None:
        release, paths = self._release(spec, files), {file.name: file.path for file in files}
        if spec.package is None:
            mirror_layout.publish(stage, release, paths, latest=False)
        else:
            mirror_layout.publish_package(stage, package=spec.package, release=release, files=paths)

    def _verify(self, spec: ReleaseSpec, files: Sequence[ReleaseFile], forge: Mirror) -> None:
        """Read each file as an install would. Raises SizeMismatch, ChecksumMismatch."""
        assets = {asset.name: asset for asset in forge.find(_ref(spec)).assets}
        for file in files:
            verify_remote(forge, assets[file.name], file.sha256)
            self._emit(Transferred(PartId(spec.app), 2 * file.size))

    def _release(self, spec: ReleaseSpec, files: Sequence[ReleaseFile]) -> Release:
        assets = tuple(
            Asset(file.name, url="", size=file.size, id=file.sha256[:32], sha256=file.sha256) for file in files
        )
        return Release(
            self._url,
            repo=spec.repo,
            tag=spec.tag,
            assets=assets,
            commit=spec.target if len(spec.target) == 40 else None,
            prerelease=spec.prerelease,
            created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )

    def _result(self, spec: ReleaseSpec, existing: Sequence[ReleaseFile], new: Sequence[ReleaseFile]) -> PublishResult:
        before, uploaded = {file.name for file in existing}, {file.name for file in new}
        return PublishResult(
            self._url,
            repo=spec.repo,
            tag=spec.tag,
            state="published",
            url=str(_release_folder(self._directory, spec)),
            kept=tuple(sorted(before - uploaded)),
            uploaded=tuple(file.name for file in new),
            removed=tuple(sorted(before & uploaded)),
        )

    @contextmanager
    def _locked(self, repo: str) -> Iterator[None]:
        """One run at a time for one repository: each adds to what is there."""
        folder = mirror_layout.repo_folder(self._directory, repo)
        with machine_errors(self._directory):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except (FileExistsError, FileNotFoundError, NotADirectoryError) as error:
                raise UsageError(f"there can be no mirror at {self._directory}", "Name a folder with --to.") from error
            descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            refusal = LockHeld(f"another hero-build publishes {repo} to {self._directory}", "Let it finish first.")
            filelock.acquire(descriptor, _LOCK_TIMEOUT, refusal)
            yield
        finally:
            os.close(descriptor)


def _ref(spec: ReleaseSpec) -> Ref:
    return Ref(spec.repo, spec.tag, spec.package)


def _release_folder(directory: Path, spec: ReleaseSpec) -> Path:
    return mirror_layout.release_folder(directory, repo=spec.repo, tag=spec.tag, package=spec.package)


def _signature(
    signer: Signer, existing: ReleaseFile | None, content: bytes, comment: str, scratch: Path
) -> ReleaseFile:
    """The existing signature if it is valid for `content`, else a new one."""
    if existing is not None and signer.has_signed(existing.path.read_bytes(), content):
        return existing
    return write_file(SIGNATURE, signer.sign(content, comment), scratch)


def _files_to_add(
    spec: ReleaseSpec, existing: Sequence[ReleaseFile], files: Sequence[ReleaseFile]
) -> tuple[ReleaseFile, ...]:
    """The files that the mirror lacks; with `clobber` also those that differ. Raises PublicationRefused for files
    that differ, without `clobber`.
    """
    digests = {file.name: file.sha256 for file in existing}
    records = {file.name for file in files if file.record and file.name in digests and not spec.clobber}
    candidates = [file for file in files if file.name.removesuffix(CHECKSUM_SUFFIX) not in records]
    differ = [file for file in candidates if digests.get(file.name, file.sha256) != file.sha256]
    if differ and not spec.clobber:
        names = ", ".join(file.name for file in differ if not is_checksum_file(file.name)) or differ[0].name
        raise PublicationRefused(f"{spec.tag} is in the mirror already, with another {names}", _CLOBBER)
    return tuple(file for file in candidates if file.name not in digests or file in differ)

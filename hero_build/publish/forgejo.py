"""Releases of a Forgejo (or Gitea) server: draft ─► upload and verify each file ─► SHA256SUMS ─► publish ─► check."""

import tempfile
from collections.abc import Collection
from pathlib import Path

from hero_build.errors import AssetNotFound, ReleaseNotFound
from hero_build.events import Emit
from hero_build.forge.forgejo import Forgejo
from hero_build.forge.limits import DEFAULT, Limits
from hero_build.model.installed import PartId
from hero_build.model.names import check_repo, check_tag
from hero_build.publish.api import Api
from hero_build.publish.api_documents import RemoteRelease
from hero_build.publish.assets import validate_files, with_checksums
from hero_build.publish.drafts import open_draft, writable_repository
from hero_build.publish.finalize import DraftFinalizer
from hero_build.publish.release import ReleaseRun
from hero_build.publish.signing import Signer
from hero_build.publish.types import ExistingRelease, PublishResult, ReleaseFile, ReleaseSpec
from hero_build.publish.upload import Uploader
from hero_build.publish.workers import WorkerPool
from hero_build.settings import Secret


class ForgejoPublisher:
    """A Publisher of releases."""

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
        self._api = Api(url, token=token, limits=limits, plain_http=plain_http, emit=emit)
        self._emit = emit
        self._limits = limits
        self._jobs = jobs
        self._signer = signer

    @property
    def url(self) -> str:
        return self._forge.url

    def close(self) -> None:
        self._forge.close()
        self._api.close()

    def preflight(self, spec: ReleaseSpec) -> None:
        check_repo(spec.repo)
        self._api.preflight()

    def existing(self, spec: ReleaseSpec) -> ExistingRelease:
        check_repo(spec.repo)
        remote = self._api.release_by_tag(spec.repo, check_tag(spec.tag))
        if remote is None or remote.draft:
            repo = writable_repository(self._api, spec).name
            remote = next(iter(self._api.drafts(repo, spec.tag)), None)
        if remote is None:
            return ExistingRelease("absent")
        return ExistingRelease("draft" if remote.draft else "published", remote.names())

    def publish(self, spec: ReleaseSpec) -> PublishResult:
        check_repo(spec.repo)
        own = validate_files(spec.files)
        remote = self._api.release_by_tag(spec.repo, check_tag(spec.tag))
        with tempfile.TemporaryDirectory(prefix="hero-publish-") as name:
            scratch = Path(name)
            files = with_checksums(own, scratch)
            if remote is not None and not remote.draft:
                result = self._update(spec, remote=remote, own=own, files=files, scratch=scratch)
                if result is not None:
                    return result
            repo = writable_repository(self._api, spec).name
            draft = open_draft(self._api, repo, spec)
            return self._run(spec, repo=repo, remote=draft, scratch=scratch).fill(draft, files)

    def _update(
        self,
        spec: ReleaseSpec,
        remote: RemoteRelease,
        own: tuple[ReleaseFile, ...],
        files: tuple[ReleaseFile, ...],
        scratch: Path,
    ) -> PublishResult | None:
        """Bring a published release up to date; None: it differs, and is a draft again (`clobber`)."""
        run = self._run(spec, repo=spec.repo, remote=remote, scratch=scratch)
        missing = run.missing(remote, own, files)
        if not missing:
            return run.result(remote, kept=[file.name for file in files])
        repo = writable_repository(self._api, spec).name
        if not spec.clobber:
            return self._run(spec, repo=repo, remote=remote, scratch=scratch).add(remote, missing, files)
        run.revert_to_draft(repo, remote)
        return None

    def finish(self, spec: ReleaseSpec, expected: Collection[str]) -> PublishResult:
        check_repo(spec.repo)
        remote = self._api.release_by_tag(spec.repo, check_tag(spec.tag))
        if remote is not None and not remote.draft:
            return self._already_published(spec, remote, expected)
        repo = writable_repository(self._api, spec).name
        if not self._api.drafts(repo, spec.tag):
            raise ReleaseNotFound(f"{repo} has no draft of {spec.tag}", "Did the jobs that upload run?")
        draft = open_draft(self._api, repo, spec)
        with tempfile.TemporaryDirectory(prefix="hero-publish-") as scratch:
            return self._run(spec, repo=repo, remote=draft, scratch=Path(scratch)).finish(draft, (), expected)

    def _already_published(self, spec: ReleaseSpec, remote: RemoteRelease, expected: Collection[str]) -> PublishResult:
        if missing := sorted(set(expected) - set(remote.names())):
            sentence = f"release {remote.tag} is published already, without {', '.join(missing)}"
            raise AssetNotFound(sentence, "Publish those to it, or run it with another tag.")
        return PublishResult(
            self.url, repo=spec.repo, tag=remote.tag, state="published", url=remote.url, kept=remote.names()
        )

    def _run(self, spec: ReleaseSpec, repo: str, remote: RemoteRelease, scratch: Path) -> ReleaseRun:
        uploader = Uploader(
            self._api,
            forge=self._forge,
            workers=WorkerPool(self._jobs),
            repo=repo,
            number=remote.number,
            part=PartId(spec.app),
            limits=self._limits,
            emit=self._emit,
        )
        return ReleaseRun(spec, uploader, DraftFinalizer(uploader, scratch, self._signer))

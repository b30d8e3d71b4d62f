"""Releases of a Forgejo server (or Gitea): draft ─► upload ─► list ─► prove ─► sums ─► publish ─► read back."""

import tempfile
from collections.abc import Collection
from pathlib import Path

from hero_build.errors import AssetNotFound, ReleaseNotFound
from hero_build.events import Emit
from hero_build.forge.forgejo import Forgejo
from hero_build.forge.limits import DEFAULT, Limits
from hero_build.names import check_repo, check_tag
from hero_build.publish.api import Api, Listing
from hero_build.publish.crew import Crew
from hero_build.publish.drafts import open_draft, writable
from hero_build.publish.finishing import Finisher
from hero_build.publish.loading import Loader
from hero_build.publish.parcels import checked, with_checksums
from hero_build.publish.publication import Publication, Published
from hero_build.publish.run import Run
from hero_build.publish.signing import Signer
from hero_build.record import PartId
from hero_build.settings import Secret


class ForgejoPublisher:
    """A Publisher."""

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
        self._api = Api(url, token, limits, plain_http, emit)
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

    def ready(self, publication: Publication) -> None:
        check_repo(publication.repo)
        self._api.ready()

    def publish(self, publication: Publication) -> Published:
        check_repo(publication.repo)
        own = checked(publication.parcels)
        found = self._api.tagged(publication.repo, check_tag(publication.tag))
        with tempfile.TemporaryDirectory(prefix="hero-publish-") as name:
            scratch = Path(name)
            parcels = with_checksums(own, scratch)
            if found is not None and not found.draft:
                run = self._run(publication, publication.repo, found, scratch)
                lacking = run.lacking(found, own, parcels)
                if not lacking:
                    return run.result(found, kept=[item.name for item in parcels])
                repo = writable(self._api, publication).name
                if not publication.clobber:
                    return self._run(publication, repo, found, scratch).add(found, lacking, parcels)
                run.take_back(repo, found)
            repo = writable(self._api, publication).name
            draft = open_draft(self._api, repo, publication)
            return self._run(publication, repo, draft, scratch).fill(draft, parcels)

    def finish(self, publication: Publication, expected: Collection[str]) -> Published:
        check_repo(publication.repo)
        found = self._api.tagged(publication.repo, check_tag(publication.tag))
        if found is not None and not found.draft:
            return self._finished(publication, found, expected)
        repo = writable(self._api, publication).name
        if not self._api.drafts(repo, publication.tag):
            raise ReleaseNotFound(f"{repo} has no draft of {publication.tag}", "Did the jobs that upload run?")
        draft = open_draft(self._api, repo, publication)
        with tempfile.TemporaryDirectory(prefix="hero-publish-") as scratch:
            return self._run(publication, repo, draft, Path(scratch)).finish(draft, (), expected)

    def _finished(self, publication: Publication, found: Listing, expected: Collection[str]) -> Published:
        """What an earlier run has published."""
        if missing := sorted(set(expected) - set(found.names())):
            sentence = f"release {found.tag} is published already, without {', '.join(missing)}"
            raise AssetNotFound(sentence, "Publish those to it, or run it with another tag.")
        return Published(self.url, publication.repo, found.tag, "published", found.url, found.names())

    def _run(self, publication: Publication, repo: str, listing: Listing, scratch: Path) -> Run:
        loader = Loader(
            self._api,
            self._forge,
            Crew(self._jobs),
            repo,
            listing.number,
            PartId(publication.app),
            self._limits,
            self._emit,
        )
        return Run(publication, loader, Finisher(loader, scratch, self._signer))

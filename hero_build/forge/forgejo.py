"""Releases of a Forgejo server (or Gitea: they share this API), by its API of version 1."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, urlencode

from msgspec import Struct, to_builtins

from hero_build.errors import AssetNotFound, AuthError, BadForgeResponse, NotFound, ReleaseNotFound, RepoNotFound
from hero_build.events import Emit, WarningRaised
from hero_build.forge import url_policy
from hero_build.forge.api_documents import (
    PackageFile,
    PackageVersion,
    ReleaseDocument,
    ReleaseTag,
    ServerAsset,
    check_response_tag,
    package_release,
    to_release,
    unsafe_names,
)
from hero_build.forge.asset_address import reachable_address
from hero_build.forge.client import ForgeClient, ServerFacts
from hero_build.forge.http_body import identity, response_body, whole_size
from hero_build.forge.http_types import HttpNotFound
from hero_build.forge.limits import DEFAULT, Limits
from hero_build.forge.protocol import Body, Ref, no_release
from hero_build.forge.retry import with_retries
from hero_build.model.artifacts import GenericPackage
from hero_build.model.names import check_name, check_repo, check_tag, safe_name
from hero_build.model.steps import Asset, Release
from hero_build.settings import Secret

if TYPE_CHECKING:
    from hero_build.forge.pages import Page

T = TypeVar("T")
_LISTED = 200  # items of a list that is read for a hint


class AskedRelease(Struct, frozen=True):
    """The target of a request for a release, and the digest of what the answer decides (release_digest.py)."""

    target: str
    digest: str


class Forgejo:
    """A forge at `url`. Safe to use from many threads; `close` ends its idle connections."""

    def __init__(
        self, url: str, token: Secret | None, emit: Emit, limits: Limits = DEFAULT, plain_http: tuple[str, ...] = ()
    ) -> None:
        self._url = url.rstrip("/")
        self._emit = emit
        self._limits = limits
        self._client = ForgeClient(self._url, token=token, limits=limits, plain_http=plain_http)
        self._newest: dict[str, tuple[str, ReleaseDocument[ServerAsset]]] = {}

    @property
    def url(self) -> str:
        return self._url

    def find(self, ref: Ref) -> Release:
        """The release with its assets: a few requests, each retried after a transient error."""
        if ref.package is not None:
            return self._package(ref, ref.package)
        return self._latest(ref.repo) if ref.tag is None else self._tagged(ref.repo, ref.tag)

    @property
    def server(self) -> ServerFacts:
        return self._client.server

    def asked(self, release: Release) -> AskedRelease | None:
        """How the server was asked for a newest release, where the same answer means the same files.

        An upload has an id, and its bytes never change; a link to another server has no known size (asset_address.py).
        """
        fixed = all(asset.id and asset.size is not None for asset in release.assets)
        if not fixed or release.repo not in self._newest:
            return None
        from hero_build.forge.release_digest import release_digest  # for a receipt

        path, document = self._newest[release.repo]
        return AskedRelease(self._client.target(path), release_digest(to_builtins(document)))

    def open(self, asset: Asset, start: int = 0) -> AbstractContextManager[Body]:
        return self._open(asset, start)

    def close(self) -> None:
        self._client.close()

    def _latest(self, repo: str) -> Release:
        try:
            path = f"{_repo_path(repo)}/releases/latest"
            document = self._get_release(path, f"the newest release of {repo}")
        except HttpNotFound as error:
            self._must_exist(repo)
            hint = "Drafts and prereleases do not count as newest; select one with --version."
            raise ReleaseNotFound(f"{repo} has no release", hint) from error
        self._newest[repo] = path, document
        return self._release(document, repo)

    def _tagged(self, repo: str, tag: str) -> Release:
        path = f"{_repo_path(repo)}/releases/tags/{quote(check_tag(tag), safe='')}"
        try:
            document = self._get_release(path, f"release {tag} of {repo}")
        except HttpNotFound as error:
            self._must_exist(repo)
            raise no_release(repo, tag, list(self._tags(repo))) from error
        release = self._release(document, repo)
        if release.tag != tag:
            raise no_release(repo, tag, [release.tag])  # the server ignores case: V1 and v1 are the same to it
        return release

    def _package(self, ref: Ref, package: GenericPackage) -> Release:
        path = _package_path(package)

        def address(name: str) -> str:
            return f"{self._url}/api/packages/{path}/{quote(name, safe='')}"

        try:
            what = f"the package {package.name} {package.version}"
            files = self._get(f"/api/v1/packages/{path}/files", kind=tuple[PackageFile, ...], what=what)
            return package_release(files, forge=self._url, repo=ref.repo, package=package, url=address)
        except AuthError as error:
            if not ref.names:
                raise
            assets = tuple(asset for name in ref.names if safe_name(name) for asset in self._probe(name, address(name)))
            if not assets:
                what = (
                    f"the package {package.owner}/{package.name} {package.version} has none of {', '.join(ref.names)}"
                )
                raise ReleaseNotFound(what, f"{_UNLISTED} {error.hint}") from None
            return Release(self._url, repo=ref.repo, tag=package.version, assets=assets)
        except HttpNotFound as error:
            versions = self._versions(package)
            raise no_release(f"the package {package.owner}/{package.name}", package.version, versions) from error

    def _probe(self, name: str, url: str) -> Iterator[Asset]:
        """The file of a package whose files the server does not list, if it exists; asks for its first byte."""

        def attempt() -> Asset:
            with self._client.response(url, {"Range": "bytes=0-0"}, self._limits.answer) as response:
                size = whole_size(response)
                return Asset(name, url=url, size=size, id=identity(response.headers, size))

        try:
            yield self._retry(attempt, name)
        except HttpNotFound as error:
            if error.elsewhere:  # the forge has it, and its storage does not
                raise AssetNotFound(f"{name} is not where the forge says: {error.message}", error.hint) from error

    def _release(self, document: ReleaseDocument[ServerAsset], repo: str) -> Release:
        release = to_release(document, forge=self._url, repo=repo, url=self._address)
        check_response_tag(release.tag, f"a release of {repo}")
        for name in unsafe_names(document):
            self._emit(
                WarningRaised(f"{repo} {release.tag} has an asset {name!r}, which is ignored: the name is not safe")
            )
        if self._url.startswith("https:"):
            for asset in release.assets:
                if url_policy.parse_url(asset.url, repo).scheme != "https":
                    raise BadForgeResponse(f"{self._url} offers {asset.name} over plain http", _ROOT_URL)
        return release

    def _address(self, asset: ServerAsset) -> str:
        return reachable_address(asset.browser_download_url, forge=self._url, kind=asset.type)

    def _must_exist(self, repo: str) -> None:
        try:
            self._get(_repo_path(repo), kind=object, what=f"the repository {repo}")
        except HttpNotFound as error:
            raise RepoNotFound(f"{self._url} shows no repository {repo}", error.hint) from error

    def _tags(self, repo: str) -> Iterator[str]:
        path, what = f"{_repo_path(repo)}/releases?", f"the list of releases of {repo}"
        return (release.tag_name for release in self._list(path, kind=tuple[ReleaseTag, ...], what=what))

    def _versions(self, package: GenericPackage) -> list[str]:
        owner = quote(check_name(package.owner, "owner"), safe="")
        path = f"/api/v1/packages/{owner}?{urlencode({'type': 'generic', 'q': package.name})}&"
        packages = self._list(path, kind=tuple[PackageVersion, ...], what=f"the packages of {package.owner}")
        try:
            return [item.version for item in packages if item.name == package.name]
        except (NotFound, AuthError):
            return []

    def _list(self, path: str, kind: type[tuple[T, ...]], what: str) -> Iterator[T]:
        """The items of a list; `path` ends where the number of a page may follow."""
        from hero_build.forge.pages import PAGE_SIZE, all_items  # for lists, which few commands ask for

        def page(number: int) -> "Page[T]":
            query = urlencode({"limit": PAGE_SIZE, "page": number})
            return self._retry(lambda: self._client.get_page(path + query, kind=kind, what=what), what)

        return all_items(page, _LISTED)

    def _get_release(self, path: str, what: str) -> ReleaseDocument[ServerAsset]:
        return self._get(path, kind=ReleaseDocument[ServerAsset], what=what)

    def _get(self, path: str, kind: type[T], what: str) -> T:
        return self._retry(lambda: self._client.get(path, kind=kind, what=what), what)

    def _retry(self, call: Callable[[], T], what: str) -> T:
        return with_retries(call, what=what, limits=self._limits, emit=self._emit)

    @contextmanager
    def _open(self, asset: Asset, start: int) -> Iterator[Body]:
        headers = {"Range": f"bytes={start}-"} if start else {}
        try:
            with self._client.response(asset.url, headers, self._limits.transfer) as response:
                body = response_body(response, start)
                if body is not None:
                    yield body
                    return
        except HttpNotFound as error:
            raise AssetNotFound(f"{asset.name} is not where the release says: {error.message}", error.hint) from error
        with self._open(asset, 0) as whole:  # the server did not resume, or not at the requested byte
            yield whole


def _repo_path(repo: str) -> str:
    owner, name = check_repo(repo)
    return f"/api/v1/repos/{quote(owner, safe='')}/{quote(name, safe='')}"


def _package_path(package: GenericPackage) -> str:
    names = (check_name(name, "package") for name in (package.owner, package.name, package.version))
    owner, name, version = (quote(part, safe="") for part in names)
    return f"{owner}/generic/{name}/{version}"


_ROOT_URL = "Ask the operator of that forge to check its public address (ROOT_URL) and its proxy."
_UNLISTED = "A server lists the files of a package only to who may read it."

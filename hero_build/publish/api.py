"""The part of Forgejo's API (version 1; Gitea's is the same) that a publication needs, call by call."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeVar
from urllib.parse import quote, urlencode

from msgspec import Struct

from hero_build.errors import BadForgeResponse, RepoNotFound
from hero_build.events import Emit
from hero_build.forge.client import ForgeClient
from hero_build.forge.http_errors import HttpNotFound
from hero_build.forge.limits import Limits
from hero_build.forge.partial_file import Progress
from hero_build.forge.retry import with_retries
from hero_build.model.names import check_repo, check_tag
from hero_build.model.steps import Asset
from hero_build.publish.http import WriteClient
from hero_build.publish.types import ReleaseFile, ReleaseSpec
from hero_build.settings import Secret

T = TypeVar("T")
_PAGE = 50  # the most that the server gives
_PAGES = 20
_HINT = "Is that a Forgejo server, and of a version that this hero-build knows?"
_NO_REPO = "Make it on the forge first; and is FORGEJO_TOKEN set, and may it write there?"


class RemoteRepository(Struct, frozen=True):
    """`name` is the one that requests which change something must use: a renamed repository only redirects."""

    name: str
    empty: bool
    archived: bool
    branch: str


class RemoteAsset(Struct, frozen=True):
    """An asset on the server; `number` is what it is deleted by, and the lower of two came first."""

    number: int
    asset: Asset

    @property
    def name(self) -> str:
        return self.asset.name


class RemoteRelease(Struct, frozen=True):
    """A release as the server tells it now; `since` is when its draft was made or it was published."""

    number: int
    tag: str
    draft: bool
    prerelease: bool
    since: str
    url: str
    assets: tuple[RemoteAsset, ...]

    def assets_named(self, name: str) -> tuple[RemoteAsset, ...]:
        return tuple(sorted((held for held in self.assets if held.name == name), key=lambda held: held.number))

    def names(self) -> tuple[str, ...]:
        return tuple(sorted({held.name for held in self.assets}))


class Api:
    """Safe to use from many threads. What only asks is tried again while the failure may pass, and so is what does no
    harm when it is done twice; `create` and `upload` are one attempt each.
    """

    def __init__(self, url: str, token: Secret | None, limits: Limits, plain_http: tuple[str, ...], emit: Emit) -> None:
        self._client = ForgeClient(url, token=token, limits=limits, plain_http=plain_http)
        self._writer = WriteClient(url, token=token, limits=limits, plain_http=plain_http)
        self._limits = limits
        self._emit = emit

    def close(self) -> None:
        self._client.close()

    def preflight(self) -> None:
        """Raises AuthError where nothing could be changed for want of a token."""
        self._writer.preflight()

    def repository(self, repo: str) -> RemoteRepository:
        """Raises RepoNotFound."""
        try:
            found = self._get(_repo_path(repo), f"the repository {repo}")
        except HttpNotFound as error:
            raise RepoNotFound(f"there is no repository {repo}, or not for this token", _NO_REPO) from error
        return RemoteRepository(
            _text(found, "full_name"),
            empty=_flag(found, "empty"),
            archived=_flag(found, "archived"),
            branch=_text(found, "default_branch"),
        )

    def release_by_tag(self, repo: str, tag: str) -> RemoteRelease | None:
        """The release of a tag; whoever may write sees its draft, too, on servers that tell of drafts by their tag."""
        path = f"{_repo_path(repo)}/releases/tags/{quote(check_tag(tag), safe='')}"
        try:
            found = _release(self._get(path, f"release {tag} of {repo}"))
        except HttpNotFound:
            return None
        return found if found.tag == tag else None

    def drafts(self, repo: str, tag: str) -> tuple[RemoteRelease, ...]:
        """The drafts of a tag, the oldest first."""
        found = (item for item in self._pages(f"{_repo_path(repo)}/releases", {"draft": "true"}) if item.draft)
        return tuple(sorted((item for item in found if item.tag == tag), key=lambda item: item.number))

    def release_by_id(self, repo: str, number: int) -> RemoteRelease:
        """Raises Absent when it is gone."""
        return _release(self._get(f"{_repo_path(repo)}/releases/{number}", f"a release of {repo}"))

    def commit(self, repo: str, ref: str) -> str | None:
        """The commit that a branch, tag or (long or short) commit means; None: the repository has no such ref."""
        query = "stat=false&verification=false&files=false"
        with suppress(HttpNotFound):
            found = self._get(f"{_repo_path(repo)}/git/commits/{quote(ref, safe='')}?{query}", f"the commit {ref}")
            return _text(found, "sha")
        with suppress(HttpNotFound):
            found = self._get(f"{_repo_path(repo)}/branches/{quote(ref)}", f"the branch {ref}")
            return _text(_object(found, "commit"), "id")
        return None

    def tag_commit(self, repo: str, tag: str) -> str | None:
        """The commit that a git tag of the repository points at."""
        with suppress(HttpNotFound):
            found = self._get(f"{_repo_path(repo)}/tags/{quote(tag, safe='')}", f"the tag {tag}")
            return _text(_object(found, "commit"), "sha")
        return None

    def latest_tag(self, repo: str) -> str | None:
        """The tag of the newest release."""
        with suppress(HttpNotFound):
            return _text(self._get(f"{_repo_path(repo)}/releases/latest", f"the newest release of {repo}"), "tag_name")
        return None

    def create(self, repo: str, spec: ReleaseSpec) -> RemoteRelease:
        """A draft. Raises Taken when the tag has a release of whatever kind."""
        told = {**_release_fields(spec), "tag_name": spec.tag, "draft": True}
        return _release(self._writer.tell("POST", f"{_repo_path(repo)}/releases", told))

    def edit(self, repo: str, number: int, spec: ReleaseSpec, *, draft: bool) -> RemoteRelease:
        told = {**_release_fields(spec), "tag_name": spec.tag, "draft": draft}
        path = f"{_repo_path(repo)}/releases/{number}"
        return _release(self._retry(lambda: self._writer.tell("PATCH", path, told), f"release {spec.tag}"))

    def unpublish(self, repo: str, number: int, tag: str) -> None:
        """Make a draft of what is published."""
        path, told = f"{_repo_path(repo)}/releases/{number}", {"tag_name": tag, "draft": True}
        self._retry(lambda: self._writer.tell("PATCH", path, told), f"release {tag}")

    def delete_draft(self, repo: str, number: int) -> None:
        """Delete a draft; one that is gone already is as good."""
        with suppress(HttpNotFound):
            self._retry(lambda: self._writer.tell("DELETE", f"{_repo_path(repo)}/releases/{number}"), "an empty draft")

    def upload(self, repo: str, number: int, file: ReleaseFile, progress: Progress) -> RemoteAsset:
        path = f"{_repo_path(repo)}/releases/{number}/assets?{urlencode({'name': file.name})}"
        return _remote_asset(self._writer.upload("POST", path, file, progress))

    def delete(self, repo: str, number: int, asset: RemoteAsset) -> None:
        """Delete an asset; one that is gone already is as good."""
        path = f"{_repo_path(repo)}/releases/{number}/assets/{asset.number}"
        with suppress(HttpNotFound):
            self._retry(lambda: self._writer.tell("DELETE", path), asset.name)

    def _pages(self, path: str, query: dict[str, str]) -> Iterator[RemoteRelease]:
        for page in range(1, _PAGES + 1):
            told = urlencode({**query, "limit": str(_PAGE), "page": str(page)})
            found = self._get(f"{path}?{told}", "the list of drafts")
            if not isinstance(found, list):
                raise BadForgeResponse("the list of drafts is told in a shape that is not the API's", _HINT)
            yield from (_release(item) for item in found)
            if len(found) < _PAGE:
                return

    def _get(self, path: str, what: str) -> object:
        return self._retry(lambda: self._client.document(path), what)

    def _retry(self, call: Callable[[], T], what: str) -> T:
        return with_retries(call, what=what, limits=self._limits, emit=self._emit)


def _release_fields(spec: ReleaseSpec) -> dict[str, object]:
    """What a publication says of itself; what it leaves open keeps what a person has written into the draft."""
    told: dict[str, object] = {"prerelease": spec.prerelease}
    told |= {"name": spec.title} if spec.title else {}
    told |= {"body": spec.notes} if spec.notes else {}
    return told | ({"target_commitish": spec.target} if spec.target else {})


def _repo_path(repo: str) -> str:
    owner, name = check_repo(repo)
    return f"/api/v1/repos/{quote(owner, safe='')}/{quote(name, safe='')}"


def _release(found: object) -> RemoteRelease:
    items = _field(found, "assets", list) if _has(found, "assets") else []
    return RemoteRelease(
        _field(found, "id", int),
        tag=_text(found, "tag_name"),
        draft=_flag(found, "draft"),
        prerelease=_flag(found, "prerelease"),
        since=_text(found, "published_at") if _has(found, "published_at") else "",
        url=_text(found, "html_url") if _has(found, "html_url") else "",
        assets=tuple(_remote_asset(item) for item in items),
    )


def _remote_asset(item: object) -> RemoteAsset:
    name, url = _text(item, "name"), _text(item, "browser_download_url")
    return RemoteAsset(
        _field(item, "id", int), Asset(name, url=url, size=_field(item, "size", int), id=_text(item, "uuid"))
    )


def _has(found: object, key: str) -> bool:
    return isinstance(found, dict) and found.get(key) is not None


def _object(found: object, key: str) -> object:
    return found.get(key) if isinstance(found, dict) else None


def _text(found: object, key: str) -> str:
    return _field(found, key, str)


def _flag(found: object, key: str) -> bool:
    return _field(found, key, bool)


def _field(found: object, key: str, kind: type[T]) -> T:
    value = _object(found, key)
    if not isinstance(value, kind):
        raise BadForgeResponse(f"a release is told in a shape that is not the API's: {key} = {repr(value)[:80]}", _HINT)
    return value

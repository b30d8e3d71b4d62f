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
from hero_build.publish.http import Writer
from hero_build.publish.types import ReleaseFile, ReleaseSpec
from hero_build.settings import Secret

T = TypeVar("T")
_PAGE = 50  # the most that the server gives
_PAGES = 20
_HINT = "Is that a Forgejo server, and of a version that this hero-build knows?"
_NO_REPO = "Make it on the forge first; and is FORGEJO_TOKEN set, and may it write there?"


class Repository(Struct, frozen=True):
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

    def named(self, name: str) -> tuple[RemoteAsset, ...]:
        return tuple(sorted((held for held in self.assets if held.name == name), key=lambda held: held.number))

    def names(self) -> tuple[str, ...]:
        return tuple(sorted({held.name for held in self.assets}))


class Api:
    """Safe to use from many threads. What only asks is tried again while the failure may pass, and so is what does no
    harm when it is done twice; `create` and `upload` are one attempt each.
    """

    def __init__(self, url: str, token: Secret | None, limits: Limits, plain_http: tuple[str, ...], emit: Emit) -> None:
        self._client = ForgeClient(url, token=token, limits=limits, plain_http=plain_http)
        self._writer = Writer(url, token=token, limits=limits, plain_http=plain_http)
        self._limits = limits
        self._emit = emit

    def close(self) -> None:
        self._client.close()

    def ready(self) -> None:
        """Raises AuthError where nothing could be changed for want of a token."""
        self._writer.ready()

    def repository(self, repo: str) -> Repository:
        """Raises RepoNotFound."""
        try:
            found = self._ask(_repo(repo), f"the repository {repo}")
        except HttpNotFound as error:
            raise RepoNotFound(f"there is no repository {repo}, or not for this token", _NO_REPO) from error
        return Repository(
            _text(found, "full_name"),
            empty=_flag(found, "empty"),
            archived=_flag(found, "archived"),
            branch=_text(found, "default_branch"),
        )

    def tagged(self, repo: str, tag: str) -> RemoteRelease | None:
        """The release of a tag; whoever may write sees its draft, too, on servers that tell of drafts by their tag."""
        path = f"{_repo(repo)}/releases/tags/{quote(check_tag(tag), safe='')}"
        try:
            found = _listing(self._ask(path, f"release {tag} of {repo}"))
        except HttpNotFound:
            return None
        return found if found.tag == tag else None

    def drafts(self, repo: str, tag: str) -> tuple[RemoteRelease, ...]:
        """The drafts of a tag, the oldest first."""
        found = (item for item in self._pages(f"{_repo(repo)}/releases", {"draft": "true"}) if item.draft)
        return tuple(sorted((item for item in found if item.tag == tag), key=lambda item: item.number))

    def listing(self, repo: str, number: int) -> RemoteRelease:
        """Raises Absent when it is gone."""
        return _listing(self._ask(f"{_repo(repo)}/releases/{number}", f"a release of {repo}"))

    def commit(self, repo: str, ref: str) -> str | None:
        """The commit that a branch, tag or (long or short) commit means; None: the repository has no such ref."""
        query = "stat=false&verification=false&files=false"
        with suppress(HttpNotFound):
            found = self._ask(f"{_repo(repo)}/git/commits/{quote(ref, safe='')}?{query}", f"the commit {ref}")
            return _text(found, "sha")
        with suppress(HttpNotFound):
            found = self._ask(f"{_repo(repo)}/branches/{quote(ref)}", f"the branch {ref}")
            return _text(_object(found, "commit"), "id")
        return None

    def tag_commit(self, repo: str, tag: str) -> str | None:
        """The commit that a git tag of the repository points at."""
        with suppress(HttpNotFound):
            found = self._ask(f"{_repo(repo)}/tags/{quote(tag, safe='')}", f"the tag {tag}")
            return _text(_object(found, "commit"), "sha")
        return None

    def newest(self, repo: str) -> str | None:
        """The tag of the newest release."""
        with suppress(HttpNotFound):
            return _text(self._ask(f"{_repo(repo)}/releases/latest", f"the newest release of {repo}"), "tag_name")
        return None

    def create(self, repo: str, publication: ReleaseSpec) -> RemoteRelease:
        """A draft. Raises Taken when the tag has a release of whatever kind."""
        told = {**_told(publication), "tag_name": publication.tag, "draft": True}
        return _listing(self._writer.tell("POST", f"{_repo(repo)}/releases", told))

    def edit(self, repo: str, number: int, publication: ReleaseSpec, *, draft: bool) -> RemoteRelease:
        told = {**_told(publication), "tag_name": publication.tag, "draft": draft}
        path = f"{_repo(repo)}/releases/{number}"
        return _listing(self._persist(lambda: self._writer.tell("PATCH", path, told), f"release {publication.tag}"))

    def hide(self, repo: str, number: int, tag: str) -> None:
        """Make a draft of what is published."""
        path, told = f"{_repo(repo)}/releases/{number}", {"tag_name": tag, "draft": True}
        self._persist(lambda: self._writer.tell("PATCH", path, told), f"release {tag}")

    def discard(self, repo: str, number: int) -> None:
        """Delete a draft; one that is gone already is as good."""
        with suppress(HttpNotFound):
            self._persist(lambda: self._writer.tell("DELETE", f"{_repo(repo)}/releases/{number}"), "an empty draft")

    def upload(self, repo: str, number: int, file: ReleaseFile, progress: Progress) -> RemoteAsset:
        path = f"{_repo(repo)}/releases/{number}/assets?{urlencode({'name': file.name})}"
        return _held(self._writer.upload("POST", path, file, progress))

    def delete(self, repo: str, number: int, asset: RemoteAsset) -> None:
        """Delete an asset; one that is gone already is as good."""
        path = f"{_repo(repo)}/releases/{number}/assets/{asset.number}"
        with suppress(HttpNotFound):
            self._persist(lambda: self._writer.tell("DELETE", path), asset.name)

    def _pages(self, path: str, query: dict[str, str]) -> Iterator[RemoteRelease]:
        for page in range(1, _PAGES + 1):
            told = urlencode({**query, "limit": str(_PAGE), "page": str(page)})
            found = self._ask(f"{path}?{told}", "the list of drafts")
            if not isinstance(found, list):
                raise BadForgeResponse("the list of drafts is told in a shape that is not the API's", _HINT)
            yield from (_listing(item) for item in found)
            if len(found) < _PAGE:
                return

    def _ask(self, path: str, what: str) -> object:
        return self._persist(lambda: self._client.document(path), what)

    def _persist(self, call: Callable[[], T], what: str) -> T:
        return with_retries(call, what=what, limits=self._limits, emit=self._emit)


def _told(publication: ReleaseSpec) -> dict[str, object]:
    """What a publication says of itself; what it leaves open keeps what a person has written into the draft."""
    told: dict[str, object] = {"prerelease": publication.prerelease}
    told |= {"name": publication.title} if publication.title else {}
    told |= {"body": publication.notes} if publication.notes else {}
    return told | ({"target_commitish": publication.target} if publication.target else {})


def _repo(repo: str) -> str:
    owner, name = check_repo(repo)
    return f"/api/v1/repos/{quote(owner, safe='')}/{quote(name, safe='')}"


def _listing(found: object) -> RemoteRelease:
    items = _field(found, "assets", list) if _has(found, "assets") else []
    return RemoteRelease(
        _field(found, "id", int),
        tag=_text(found, "tag_name"),
        draft=_flag(found, "draft"),
        prerelease=_flag(found, "prerelease"),
        since=_text(found, "published_at") if _has(found, "published_at") else "",
        url=_text(found, "html_url") if _has(found, "html_url") else "",
        assets=tuple(_held(item) for item in items),
    )


def _held(item: object) -> RemoteAsset:
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

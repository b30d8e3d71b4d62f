"""The part of Forgejo's API (version 1, the same as Gitea's) that publishing needs, one method for each call."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeVar
from urllib.parse import quote, urlencode

from hero_build.errors import AuthError, BadForgeResponse, NotFound, RepoNotFound
from hero_build.events import Emit
from hero_build.forge.client import ForgeClient
from hero_build.forge.http_types import HttpNotFound
from hero_build.forge.json_decode import decode_json
from hero_build.forge.limits import Limits
from hero_build.forge.pages import PAGE_SIZE, Page, all_items
from hero_build.forge.partial_file import Progress
from hero_build.forge.retry import with_retries
from hero_build.model.names import check_repo, check_tag
from hero_build.publish.api_documents import (
    AttachmentSettings,
    BranchResponse,
    CommitResponse,
    ReleaseEdit,
    ReleaseResponse,
    RemoteAsset,
    RemoteRelease,
    RemoteRepository,
    RepositoryResponse,
    TagNameResponse,
    TagProtection,
    TagResponse,
    UploadResponse,
    UserResponse,
    well_formed,
)
from hero_build.publish.http import WriteClient
from hero_build.publish.types import ReleaseFile, ReleaseSpec
from hero_build.settings import Secret

T = TypeVar("T")
_LISTED = 1000  # drafts of a repository
_UNANSWERED = (NotFound, AuthError, BadForgeResponse)
"""A server of another version, or a token of narrow scope: the question stays open."""
_HINT = "Is that a Forgejo server, of a version that this hero-build supports?"
_NO_REPO = "Create it on the forge first; the token in FORGEJO_TOKEN needs write access there."


class Api:
    """Safe to use from many threads. Reads and repeatable writes are retried while the failure may be temporary;
    `create` and `upload` are one attempt each. Raises BadForgeResponse for a response of another shape than the API's.
    """

    def __init__(self, url: str, token: Secret | None, limits: Limits, plain_http: tuple[str, ...], emit: Emit) -> None:
        self._url = url.rstrip("/")
        self._client = ForgeClient(url, token=token, limits=limits, plain_http=plain_http)
        self._writer = WriteClient(url, token=token, limits=limits, plain_http=plain_http)
        self._limits = limits
        self._emit = emit

    def close(self) -> None:
        self._client.close()

    def preflight(self) -> None:
        """Raises AuthError if no request could write, for want of a token."""
        self._writer.preflight()

    def repository(self, repo: str) -> RemoteRepository:
        """Raises RepoNotFound."""
        try:
            response = self._get(_repo_path(repo), f"the repository {repo}", RepositoryResponse)
        except HttpNotFound as error:
            raise RepoNotFound(f"repository {repo} does not exist, or this token may not see it", _NO_REPO) from error
        return response.repository()

    def accepts_attachments(self) -> bool:
        """Whether files can be attached to releases; True where the server does not say."""
        with suppress(*_UNANSWERED):
            return self._get("/api/v1/settings/attachment", "its settings", AttachmentSettings).enabled
        return True

    def tag_protections(self, repo: str) -> tuple[TagProtection, ...]:
        """The protected tags; none where the server does not show them."""
        with suppress(*_UNANSWERED):
            path = f"{_repo_path(repo)}/tag_protections"
            return self._get(path, f"the protected tags of {repo}", tuple[TagProtection, ...])
        return ()

    def user(self) -> str | None:
        """The login of the token's user; None for a token that may not read it."""
        with suppress(*_UNANSWERED):
            return self._get("/api/v1/user", "the user of the token", UserResponse).login
        return None

    def release_by_tag(self, repo: str, tag: str) -> RemoteRelease | None:
        """The release of a tag; with write access also its draft, on servers that find drafts by their tag."""
        path = f"{_repo_path(repo)}/releases/tags/{quote(check_tag(tag), safe='')}"
        try:
            release = self._get(path, f"release {tag} of {repo}", ReleaseResponse).release(self._url)
        except HttpNotFound:
            return None
        return release if release.tag == tag else None

    def drafts(self, repo: str, tag: str) -> tuple[RemoteRelease, ...]:
        """The drafts of a tag, the oldest first."""
        drafts = (item for item in self._releases(repo, draft="true") if item.draft and item.tag == tag)
        return tuple(sorted(drafts, key=lambda draft: draft.number))

    def release_by_id(self, repo: str, number: int) -> RemoteRelease:
        """Raises HttpNotFound when it was deleted."""
        return self._get(f"{_repo_path(repo)}/releases/{number}", f"a release of {repo}", ReleaseResponse).release(
            self._url
        )

    def commit(self, repo: str, ref: str) -> str | None:
        """The commit of a branch, a tag or a (long or short) commit id; None if the repository has no such ref."""
        query = "stat=false&verification=false&files=false"
        with suppress(HttpNotFound):
            path = f"{_repo_path(repo)}/git/commits/{quote(ref, safe='')}?{query}"
            return self._get(path, f"the commit {ref}", CommitResponse).sha
        with suppress(HttpNotFound):
            path = f"{_repo_path(repo)}/branches/{quote(ref)}"
            return self._get(path, f"the branch {ref}", BranchResponse).commit.id
        return None

    def tag_commit(self, repo: str, tag: str) -> str | None:
        """The commit of a git tag; None if the repository has no such tag."""
        with suppress(HttpNotFound):
            path = f"{_repo_path(repo)}/tags/{quote(tag, safe='')}"
            return self._get(path, f"the tag {tag}", TagResponse).commit.sha
        return None

    def latest_tag(self, repo: str) -> str | None:
        """The tag of the newest release."""
        with suppress(HttpNotFound):
            path = f"{_repo_path(repo)}/releases/latest"
            return self._get(path, f"the newest release of {repo}", TagNameResponse).tag_name
        return None

    def create(self, repo: str, spec: ReleaseSpec) -> RemoteRelease:
        """Create a draft. Raises NameConflict when the tag has a release or draft already."""
        body = self._writer.send("POST", f"{_repo_path(repo)}/releases", _edit(spec, draft=True))
        return _decode(body, ReleaseResponse, f"the draft of {spec.tag}").release(self._url)

    def edit(self, repo: str, number: int, spec: ReleaseSpec, *, draft: bool) -> RemoteRelease:
        body = self._patch(repo, number, _edit(spec, draft=draft))
        return _decode(body, ReleaseResponse, f"release {spec.tag}").release(self._url)

    def unpublish(self, repo: str, number: int, tag: str) -> None:
        """Make a draft of a published release."""
        self._patch(repo, number, ReleaseEdit(tag, draft=True))

    def delete_draft(self, repo: str, number: int) -> None:
        """Delete a draft; no error if it is gone already."""
        path = f"{_repo_path(repo)}/releases/{number}"
        with suppress(HttpNotFound):
            self._retry(lambda: self._writer.send("DELETE", path), "an empty draft")

    def upload(self, repo: str, number: int, file: ReleaseFile, progress: Progress) -> RemoteAsset:
        path = f"{_repo_path(repo)}/releases/{number}/assets?{urlencode({'name': file.name})}"
        return _decode(
            self._writer.upload("POST", path, file=file, progress=progress), UploadResponse, file.name
        ).asset(self._url)

    def delete(self, repo: str, number: int, asset: RemoteAsset) -> None:
        """Delete an asset; no error if it is gone already."""
        path = f"{_repo_path(repo)}/releases/{number}/assets/{asset.number}"
        with suppress(HttpNotFound):
            self._retry(lambda: self._writer.send("DELETE", path), asset.name)

    def _releases(self, repo: str, **query: str) -> Iterator[RemoteRelease]:
        what = "the list of drafts"

        def page(number: int) -> Page[ReleaseResponse]:
            words = urlencode({**query, "limit": str(PAGE_SIZE), "page": str(number)})
            path = f"{_repo_path(repo)}/releases?{words}"
            return self._retry(lambda: self._client.get_page(path, tuple[ReleaseResponse, ...], what), what)

        return (item.release(self._url) for item in all_items(page, _LISTED))

    def _patch(self, repo: str, number: int, edit: ReleaseEdit) -> bytes:
        path = f"{_repo_path(repo)}/releases/{number}"
        return self._retry(lambda: self._writer.send("PATCH", path, edit), f"release {edit.tag_name}")

    def _get(self, path: str, what: str, kind: type[T]) -> T:
        return self._retry(lambda: self._client.get(path, kind, what), what)

    def _retry(self, call: Callable[[], T], what: str) -> T:
        return with_retries(call, what=what, limits=self._limits, emit=self._emit)


def _edit(spec: ReleaseSpec, *, draft: bool) -> ReleaseEdit:
    """What the spec leaves empty is not sent: it keeps what a person wrote into the draft."""
    return ReleaseEdit(
        spec.tag,
        draft=draft,
        prerelease=spec.prerelease,
        name=well_formed(spec.title),
        body=well_formed(spec.notes),
        target_commitish=spec.target,
    )


def _repo_path(repo: str) -> str:
    owner, name = check_repo(repo)
    return f"/api/v1/repos/{quote(owner, safe='')}/{quote(name, safe='')}"


def _decode(body: bytes, kind: type[T], what: str) -> T:
    return decode_json(body, kind=kind, what=f"the response for {what}", hint=_HINT)

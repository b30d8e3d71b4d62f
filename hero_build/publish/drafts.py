"""One draft for one tag, however many jobs open it at the same time."""

from hero_build.errors import PublicationRefused, RefNotFound, UsageError
from hero_build.forge.retry import TransientError
from hero_build.publish.api import Api
from hero_build.publish.api_documents import RemoteRelease, RemoteRepository
from hero_build.publish.http import NameConflict
from hero_build.publish.server_rules import check_attachments, protected_tag_error
from hero_build.publish.types import ReleaseSpec
from hero_build.system.thread_pool import ThreadPool

_ATTEMPTS = 4
_SEVERAL_DRAFTS = "Delete all but one of them on the forge, then run it again."
_PUBLISHED_MEANWHILE = (
    "Another run may have published it meanwhile, or it differs only in case (V1 and v1 are one tag to the server): "
    "run it again."
)


def writable_repository(api: Api, spec: ReleaseSpec) -> RemoteRepository:
    """The repository, if it can have a release of this tag. Raises RepoNotFound, RefNotFound, UsageError for an
    archived repository, PublicationRefused where the tag exists and points at another commit than the target,
    AuthError where the server forbids it for good.
    """
    repository = api.repository(spec.repo)
    if repository.empty:
        raise RefNotFound(f"{repository.name} has no commits, so it can have no release", "Push to it first.")
    if repository.archived:
        raise UsageError(f"{repository.name} is archived", "Unarchive it on the forge, then run it again.")
    _check_answers(api, repository, spec)
    return repository


def _check_answers(api: Api, repository: RemoteRepository, spec: ReleaseSpec) -> None:
    """Ask at the same time what does not depend on another answer; the first error in this order is raised."""
    repo = repository.name
    with ThreadPool(4, thread_name_prefix="query") as pool:
        tagged = pool.submit(api.tag_commit, repo, spec.tag)
        target = pool.submit(api.commit, repo, spec.target) if spec.target else None
        attachments = pool.submit(check_attachments, api)
        protected = pool.submit(protected_tag_error, api, repository, spec.tag)
        if target is not None:
            _check_target(spec, repo, target=target.result(), tagged=tagged.result())
        attachments.result()
        if tagged.result() is None and (error := protected.result()) is not None:
            raise error


def open_draft(api: Api, repo: str, spec: ReleaseSpec) -> RemoteRelease:
    """The draft of the tag, created if there is none. When two jobs have each created one, both use the older.

    Raises PublicationRefused when the tag was published meanwhile, or has two drafts with assets.
    """
    for _ in range(_ATTEMPTS):
        if (draft := _oldest_draft(api, repo, spec.tag)) is not None:
            return draft
        try:
            created = api.create(repo, spec)
        except (NameConflict, TransientError) as error:  # another job created it first, or the response was lost
            failure = error
            continue
        draft = _oldest_draft(api, repo, spec.tag) or created
        if draft.number != created.number and not created.assets:
            api.delete_draft(repo, created.number)
        return draft
    if isinstance(failure, NameConflict):
        raise PublicationRefused(f"{spec.tag} of {repo} is taken: {failure.message}", _PUBLISHED_MEANWHILE) from failure
    raise failure


def _oldest_draft(api: Api, repo: str, tag: str) -> RemoteRelease | None:
    drafts = api.drafts(repo, tag)
    filled = [draft for draft in drafts if draft.assets]
    if len(filled) > 1:
        raise PublicationRefused(f"{repo} has {len(filled)} drafts of {tag} with assets", _SEVERAL_DRAFTS)
    return drafts[0] if drafts else None


def _check_target(spec: ReleaseSpec, repo: str, target: str | None, tagged: str | None) -> None:
    """The target exists (as this commit), and an existing tag points at it."""
    if target is None:
        hint = "Push it first, or name another with --target."
        raise RefNotFound(f"{repo} has no branch or commit {spec.target!r}", hint)
    if tagged not in (None, target):
        sentence = f"the tag {spec.tag} of {repo} is the commit {tagged}, and the target {spec.target} is {target}"
        raise PublicationRefused(sentence, "Build that tag (--ref), or use another one: tags do not move.")

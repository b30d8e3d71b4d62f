"""One draft for one tag, however many jobs open it at the same time."""

from hero_build.errors import PublicationRefused, RefNotFound, UsageError
from hero_build.forge.retry import TransientError
from hero_build.publish.api import Api, RemoteRelease, RemoteRepository
from hero_build.publish.http import NameConflict
from hero_build.publish.types import ReleaseSpec

_ATTEMPTS = 4


def writable_repository(api: Api, spec: ReleaseSpec) -> RemoteRepository:
    """The repository, if a release of this tag can be made there. Raises RepoNotFound, RefNotFound, UsageError;
    PublicationRefused where the tag is there and means another commit.
    """
    found = api.repository(spec.repo)
    if found.empty:
        raise RefNotFound(f"{found.name} has no commits, so it can have no release", "Push to it first.")
    if found.archived:
        raise UsageError(f"{found.name} is archived", "Take it out of the archive on the forge, then run it again.")
    if spec.target:
        _check_target(api, found.name, spec)
    return found


def open_draft(api: Api, repo: str, spec: ReleaseSpec) -> RemoteRelease:
    """The draft of the tag, made if there is none. Where two jobs have each made one, both take the older.

    Raises PublicationRefused when the tag has been published meanwhile, or has two drafts with assets.
    """
    for _ in range(_ATTEMPTS):
        if (found := _oldest_draft(api, repo, spec.tag)) is not None:
            return found
        try:
            made = api.create(repo, spec)
        except (NameConflict, TransientError) as error:  # another job was faster, or the answer was lost
            failure = error
            continue
        found = _oldest_draft(api, repo, spec.tag) or made
        if found.number != made.number and not made.assets:
            api.delete_draft(repo, made.number)
        return found
    if isinstance(failure, NameConflict):
        raise PublicationRefused(f"{spec.tag} of {repo} is taken: {failure.message}", _PUBLISHED_MEANWHILE) from failure
    raise failure


def _oldest_draft(api: Api, repo: str, tag: str) -> RemoteRelease | None:
    drafts = api.drafts(repo, tag)
    filled = [draft for draft in drafts if draft.assets]
    if len(filled) > 1:
        raise PublicationRefused(f"{repo} has {len(filled)} drafts of {tag} with assets", _SEVERAL_DRAFTS)
    return drafts[0] if drafts else None


def _check_target(api: Api, repo: str, spec: ReleaseSpec) -> None:
    """The target is there, and a tag that is there already is it."""
    wanted = api.commit(repo, spec.target)
    if wanted is None:
        hint = "Push it first, or name another with --target."
        raise RefNotFound(f"{repo} has no branch or commit {spec.target!r}", hint)
    tagged = api.tag_commit(repo, spec.tag)
    if tagged not in (None, wanted):
        what = f"the tag {spec.tag} of {repo} is the commit {tagged}, and the target {spec.target} is"
        raise PublicationRefused(f"{what} {wanted}", "Build that tag (--ref), or take another one: tags do not move.")


_SEVERAL_DRAFTS = "Delete all but one of them on the forge, then run it again."
_PUBLISHED_MEANWHILE = (
    "Someone may have published it meanwhile (the server does not tell V1 from v1, either): run it again."
)

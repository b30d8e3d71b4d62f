"""One draft for one tag, however many jobs open it at the same time."""

from hero_build.errors import PublicationRefused, RefNotFound, UsageError
from hero_build.forge.retry import TransientError
from hero_build.publish.api import Api, RemoteRelease, Repository
from hero_build.publish.http import Taken
from hero_build.publish.types import ReleaseSpec

_ATTEMPTS = 4


def writable(api: Api, publication: ReleaseSpec) -> Repository:
    """The repository, if a release of this tag can be made there. Raises RepoNotFound, RefNotFound, UsageError;
    PublicationRefused where the tag is there and means another commit.
    """
    found = api.repository(publication.repo)
    if found.empty:
        raise RefNotFound(f"{found.name} has no commits, so it can have no release", "Push to it first.")
    if found.archived:
        raise UsageError(f"{found.name} is archived", "Take it out of the archive on the forge, then run it again.")
    if publication.target:
        _agree(api, found.name, publication)
    return found


def open_draft(api: Api, repo: str, publication: ReleaseSpec) -> RemoteRelease:
    """The draft of the tag, made if there is none. Where two jobs have each made one, both take the older.

    Raises PublicationRefused when the tag has been published meanwhile, or has two drafts with assets.
    """
    for _ in range(_ATTEMPTS):
        if (found := _oldest(api, repo, publication.tag)) is not None:
            return found
        try:
            made = api.create(repo, publication)
        except (Taken, TransientError) as error:  # another job was faster, or the answer was lost
            failure = error
            continue
        found = _oldest(api, repo, publication.tag) or made
        if found.number != made.number and not made.assets:
            api.discard(repo, made.number)
        return found
    if isinstance(failure, Taken):
        raise PublicationRefused(f"{publication.tag} of {repo} is taken: {failure.message}", _MEANWHILE) from failure
    raise failure


def _oldest(api: Api, repo: str, tag: str) -> RemoteRelease | None:
    drafts = api.drafts(repo, tag)
    filled = [draft for draft in drafts if draft.assets]
    if len(filled) > 1:
        raise PublicationRefused(f"{repo} has {len(filled)} drafts of {tag} with assets", _TWO)
    return drafts[0] if drafts else None


def _agree(api: Api, repo: str, publication: ReleaseSpec) -> None:
    """The target is there, and a tag that is there already is it."""
    wanted = api.commit(repo, publication.target)
    if wanted is None:
        hint = "Push it first, or name another with --target."
        raise RefNotFound(f"{repo} has no branch or commit {publication.target!r}", hint)
    tagged = api.tag_commit(repo, publication.tag)
    if tagged not in (None, wanted):
        what = f"the tag {publication.tag} of {repo} is the commit {tagged}, and the target {publication.target} is"
        raise PublicationRefused(f"{what} {wanted}", "Build that tag (--ref), or take another one: tags do not move.")


_TWO = "Delete all but one of them on the forge, then run it again."
_MEANWHILE = "Someone may have published it meanwhile (the server does not tell V1 from v1, either): run it again."

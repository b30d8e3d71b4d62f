"""Whether a clone or a switch that is not carried out could be: asks the server and reads the checkout, no more.

It raises what the clone or the switch would, so that a plan and its execution end alike.
"""

from collections.abc import Collection
from pathlib import Path

from msgspec.structs import replace

from hero_build.source.git.clone import no_commit
from hero_build.source.git.git import Git
from hero_build.source.git.status import commit_of, operation_in_progress, remote_of, status
from hero_build.source.git.switch import SHORT_OR_FULL_HASH, find_ref, refuse_switch, unknown_ref

_HEADS, _TAGS = "refs/heads/", "refs/tags/"


def check_clone(git: Git, ref: str) -> None:
    """Raises RefNotFound, RepoNotFound, AuthError, NetworkError."""
    refs = _remote_refs(replace(git, folder=Path("/")), git.checkout.url)  # no configuration of a repository
    if not refs:
        raise no_commit(git.checkout.repo)
    _check_ref(git, ref, refs)


def check_switch(git: Git, ref: str) -> None:
    """Raises RefNotFound and CheckoutRefused, and what asking the server raises."""
    current = status(git.checkout.path)
    remote = remote_of(git.checkout.path, git.checkout.repo, current.branch)
    target = find_ref(git, ref, remote)
    if target is None:
        _check_ref(git, ref, _remote_refs(git, remote) if remote else ())
    refuse_switch(git, status=current, target=target, ref=ref)


def would_move(git: Git) -> bool:
    """Whether an update would fast-forward the branch of the checkout. Raises what asking the server raises."""
    path = git.checkout.path
    current = status(path)
    remote = remote_of(path, git.checkout.repo, current.branch)
    if not remote or not current.branch:
        return False
    configured = git.local("for-each-ref", "--format=%(upstream:remoteref)", f"{_HEADS}{current.branch}")
    commit = _remote_refs(git, remote).get("".join(configured) or f"{_HEADS}{current.branch}", "")
    if not commit or commit == current.commit or current.changes or operation_in_progress(path):
        return False
    if not commit_of(path, commit):  # it is not fetched yet
        return not current.ahead
    return bool(current.commit) and git.local("merge-base", "--all", commit, "HEAD") == [current.commit]


def _remote_refs(git: Git, remote: str) -> dict[str, str]:
    """The commit or tag object of each ref that the server lists, by its full name."""
    lines = (line.split("\t") for line in git.remote("ls-remote", "--", remote))
    return {name: commit for commit, name in lines if not name.endswith("^{}")}


def _check_ref(git: Git, ref: str, refs: Collection[str]) -> None:
    """A hash may be there: a server lists branches and tags alone."""
    names = (ref,) if ref.startswith((_HEADS, _TAGS)) else (f"{_HEADS}{ref}", f"{_TAGS}{ref}")
    if not refs or not (SHORT_OR_FULL_HASH.fullmatch(ref) or any(name in refs for name in names)):
        raise unknown_ref(git.checkout.repo, ref, refs)

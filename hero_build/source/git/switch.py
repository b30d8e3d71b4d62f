"""Resolves a ref and checks it out without losing uncommitted work.

git runs with --no-overwrite-ignore, so that it does not overwrite ignored files either.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from hero_build.errors import CheckoutRefused, RefNotFound
from hero_build.events import WarningRaised
from hero_build.model.names import nearest
from hero_build.source.git.git import Git
from hero_build.source.git.lfs import pointers_stay
from hero_build.source.git.status import GitStatus, operation_in_progress
from hero_build.source.own_locks import own_locks

FULL_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""The full hash of a commit, SHA-1 or SHA-256."""
SHORT_OR_FULL_HASH = re.compile(r"[0-9a-f]{4,64}")
_PREFIX = re.compile(r"refs/(heads|tags|remotes/[^/]+)/")
_TAGS = "refs/tags/"
_OTHER_CODEROOT = "CODEROOT=DIR hero-build …"


class RefTarget(Struct, frozen=True):
    """What a ref names: a branch (`track`: the remote branch, where no local one exists yet), or one commit."""

    commit: str
    branch: str = ""
    track: str = ""


def find_ref(git: Git, ref: str, remote: str) -> RefTarget | None:
    """The branch, remote branch, tag or commit, in this order, that `ref` names in the checkout; None: none."""
    refs = list_refs(git)
    name = ref.removeprefix("refs/heads/")
    if commit := refs.get(f"refs/heads/{name}"):
        return RefTarget(commit, name)
    if commit := refs.get(f"refs/remotes/{remote}/{name}"):
        return RefTarget(commit, name, f"{remote}/{name}")
    if commit := refs.get(f"{_TAGS}{ref.removeprefix(_TAGS)}"):
        return RefTarget(commit)
    return _find_commit(git, ref) if SHORT_OR_FULL_HASH.fullmatch(ref) else None


def list_refs(git: Git) -> dict[str, str]:
    """Every branch and tag, by its full name, with its commit."""
    form = "--format=%(refname) %(objectname) %(*objectname)"
    lines = git.local("for-each-ref", form, "refs/heads", "refs/remotes", "refs/tags")
    return {words[0]: words[-1] for line in lines if len(words := line.split()) > 1}


def unknown_ref(repo: str, ref: str, refs: Collection[str]) -> RefNotFound:
    """`refs`: the full names of all branches and tags there are."""
    name, tag = ref.removeprefix(_TAGS), ref.startswith(_TAGS)
    near = ", ".join(nearest(name, {_PREFIX.sub("", full) for full in refs}))
    short = "Name a commit that is on no branch by its full hash." if SHORT_OR_FULL_HASH.fullmatch(ref) else ""
    hint = f"Nearest: {near}." if near else short or "Is it pushed? `git ls-remote` lists the refs of the server."
    return RefNotFound(f"{repo} has no {'tag' if tag else 'branch, tag or commit'} {name!r}", hint)


def switch(git: Git, status: GitStatus, target: RefTarget, ref: str) -> None:
    """Check out `target`, unless it is checked out already. Raises CheckoutRefused before anything changes.

    The checkout stays there: a warning says so, and how to return.
    """
    if _is_checked_out(status, target):
        return
    refuse_switch(git, status=status, target=target, ref=ref)
    check_out(git, target)
    if status.branch or not target.branch:  # from a commit to a branch is the way back
        warn_that_it_stays(git, ref, status.branch or (status.commit or "")[:12])


def refuse_switch(git: Git, status: GitStatus, target: RefTarget | None, ref: str) -> None:
    """Raises CheckoutRefused where switching would lose work. `target` None: what `ref` names is not fetched yet."""
    path = git.checkout.path
    if target is not None and _is_checked_out(status, target):
        return
    if status.changes:
        raise _uncommitted_changes(path, status.changes, ref)
    if state := operation_in_progress(path):
        hint = f"Finish or abort it (`git status` there says how), or use another checkout: {_OTHER_CODEROOT}"
        raise CheckoutRefused(f"{path} has a git operation in progress ({state}), so it is not switched to {ref}", hint)
    if not status.branch and status.commit and not _is_reachable(git, status.commit):
        hint = f"Keep them with `git -C {path} branch NAME`, or use another checkout: {_OTHER_CODEROOT}"
        raise CheckoutRefused(f"{path} has commits that are on no branch; switching to {ref} would lose them", hint)


def _is_checked_out(status: GitStatus, target: RefTarget) -> bool:
    return (status.branch == target.branch) if target.branch else (status.commit == target.commit)


def warn_that_it_stays(git: Git, ref: str, before: str) -> None:
    """`before`: the branch or commit that was checked out, or would have been without `ref`."""
    path, name = git.checkout.path, ref.removeprefix(_TAGS)
    if before and before != name:
        sentence = f"{path} is on {name} now and stays there: a build without --ref builds that"
        git.emit(WarningRaised(sentence, f"Return with `git -C {path} checkout {before}`."))


def check_out(git: Git, target: RefTarget) -> None:
    """Check `target` out, with pointers in place of files of Git LFS; git refuses to overwrite files."""
    words: tuple[str, ...] = (target.branch,) if target.branch else ("--detach", target.commit)
    if target.track:
        words = ("-b", target.branch, target.track)  # with the remote branch as its upstream, if the clone fetches that
    with own_locks_aside(git, target.commit):
        git.local(*pointers_stay(), "checkout", "--quiet", "--no-overwrite-ignore", *words, "--")


@contextmanager
def own_locks_aside(git: Git, commit: str) -> Iterator[None]:
    """While git writes the files of `commit`: our own lock files are not in its way. They come back after an error."""
    own = {path: path.read_bytes() for path in own_locks(git.folder)}
    names = [f":(top,literal){path.relative_to(git.folder)}" for path in own]
    listed = git.local("ls-tree", "--name-only", "-r", commit, "--", *names) if names else []
    taken = {path: text for path, text in own.items() if str(path.relative_to(git.folder)) in listed}
    try:
        for path in taken:
            path.unlink()
        yield
    except BaseException:
        for path, text in taken.items():
            path.write_bytes(text)
        raise


def _find_commit(git: Git, ref: str) -> RefTarget | None:
    """A local commit by its full or abbreviated hash."""
    objects = git.local("rev-parse", f"--disambiguate={ref}")
    commits = [name for name in objects if git.local("cat-file", "-t", name) == ["commit"]]
    return RefTarget(commits[0]) if len(commits) == 1 else None


def _is_reachable(git: Git, commit: str) -> bool:
    """Whether a ref contains the commit, so that it is kept when HEAD moves."""
    return bool(git.local("for-each-ref", "--count=1", f"--contains={commit}"))


def _uncommitted_changes(path: Path, changes: Sequence[str], ref: str) -> CheckoutRefused:
    sentence = f"{path} has uncommitted changes ({', '.join(changes)}), so it is not switched to {ref}"
    return CheckoutRefused(sentence, f"Commit them or `git stash -u`, or use another checkout: {_OTHER_CODEROOT}")

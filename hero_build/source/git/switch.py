"""From one commit to another, without losing a line: which ref is meant, and how the checkout gets there.

git's own care is on: --no-overwrite-ignore, so that an ignored file is not replaced either.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from hero_build.errors import CheckoutRefused, RefNotFound
from hero_build.model.names import nearest
from hero_build.source.git.git import Git
from hero_build.source.git.status import GitStatus, operation_in_progress

FULL_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""A commit's name in full, sha1 or sha256."""
_HASH = re.compile(r"[0-9a-f]{4,64}")
_PREFIX = re.compile(r"refs/(heads|tags|remotes/[^/]+)/")
_TAGS = "refs/tags/"
_OTHER_CODEROOT = "CODEROOT=DIR hero-build …"


class RefTarget(Struct, frozen=True):
    """Where a ref leads: to a branch (`track`: the remote's, where there is none here yet), or to one commit."""

    commit: str
    branch: str = ""
    track: str = ""


def find_ref(git: Git, ref: str, remote: str) -> RefTarget | None:
    """What `ref` means here: a branch, the remote's branch, a tag, or a commit, in this order; None: nothing."""
    known = list_refs(git)
    name = ref.removeprefix("refs/heads/")
    if commit := known.get(f"refs/heads/{name}"):
        return RefTarget(commit, name)
    if commit := known.get(f"refs/remotes/{remote}/{name}"):
        return RefTarget(commit, name, f"{remote}/{name}")
    if commit := known.get(f"{_TAGS}{ref.removeprefix(_TAGS)}"):
        return RefTarget(commit)
    return _find_commit(git, ref) if _HASH.fullmatch(ref) else None


def list_refs(git: Git) -> dict[str, str]:
    """Every branch and tag, by its full name, with the commit it leads to."""
    form = "--format=%(refname) %(objectname) %(*objectname)"
    lines = git.local("for-each-ref", form, "refs/heads", "refs/remotes", "refs/tags")
    return {words[0]: words[-1] for line in lines if len(words := line.split()) > 1}


def unknown_ref(git: Git, ref: str) -> RefNotFound:
    name, tag = ref.removeprefix(_TAGS), ref.startswith(_TAGS)
    near = ", ".join(nearest(name, {_PREFIX.sub("", known) for known in list_refs(git)}))
    short = "A commit that no branch led to has to be named by its whole hash." if _HASH.fullmatch(ref) else ""
    hint = f"Nearest: {near}." if near else short or "Is it pushed? `git ls-remote` lists what there is."
    return RefNotFound(f"{git.checkout.repo} has no {'tag' if tag else 'branch, tag or commit'} {name!r}", hint)


def switch(git: Git, status: GitStatus, target: RefTarget, ref: str) -> None:
    """Check out `target`, unless the checkout is there already. Raises CheckoutRefused before anything changes."""
    if (status.branch == target.branch) if target.branch else (status.commit == target.commit):
        return
    path = git.checkout.path
    if status.changes:
        raise _uncommitted_changes(path, status.changes, ref)
    if state := operation_in_progress(path):
        hint = f"Finish it or give it up (`git status` there says how), or use another place: {_OTHER_CODEROOT}"
        raise CheckoutRefused(f"{path} is in the middle of something ({state}), so it stays where it is", hint)
    if not status.branch and status.commit and not _is_reachable(git, status.commit):
        hint = f"Keep them with `git -C {path} branch NAME`, or use another place: {_OTHER_CODEROOT}"
        raise CheckoutRefused(f"{path} has commits that are on no branch, and leaving them would lose them", hint)
    check_out(git, target)


def check_out(git: Git, target: RefTarget) -> None:
    """Check `target` out; git refuses where that would overwrite something."""
    where: tuple[str, ...] = (target.branch,) if target.branch else ("--detach", target.commit)
    if target.track:
        where = ("-b", target.branch, target.track)  # git follows it from then on, where the clone fetches it
    git.local("checkout", "--quiet", "--no-overwrite-ignore", *where, "--")


def _find_commit(git: Git, ref: str) -> RefTarget | None:
    """A commit by its hash, or by the beginning of it, if it is here."""
    objects = git.local("rev-parse", f"--disambiguate={ref}")
    commits = [name for name in objects if git.local("cat-file", "-t", name) == ["commit"]]
    return RefTarget(commits[0]) if len(commits) == 1 else None


def _is_reachable(git: Git, commit: str) -> bool:
    """Whether a ref leads to the commit, so that it stays when HEAD goes elsewhere."""
    return bool(git.local("for-each-ref", "--count=1", f"--contains={commit}"))


def _uncommitted_changes(path: Path, changes: Sequence[str], ref: str) -> CheckoutRefused:
    more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
    sentence = f"{path} has uncommitted changes ({', '.join(changes[:3])}{more}), so it is not switched to {ref}"
    return CheckoutRefused(sentence, f"Commit them or `git stash -u`, or use another place: {_OTHER_CODEROOT}")

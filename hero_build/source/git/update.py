"""Fetch and fast-forward, and nothing else: what cannot be fast-forwarded is left as it is, and said."""

import re

from hero_build.errors import RefNotFound
from hero_build.events import WarningRaised
from hero_build.source.git.git import Git
from hero_build.source.git.status import GitStatus, operation_in_progress
from hero_build.source.git.switch import FULL_HASH, RefTarget, find_ref, list_refs, unknown_ref

_KEPT_COMMITS = "refs/hero-build"
"""Notes commits that were asked for by their hash, so that git's clean-up does not drop them."""
_STATUS_HINT = "`git status` there says what is to be done; nothing of it was touched."


def fetch(git: Git, remote: str) -> None:
    """What the remote has now; a tag that is here already stays as it is."""
    git.remote("fetch", "--progress", "--no-recurse-submodules", remote)


def resolve_ref(git: Git, ref: str, remote: str) -> RefTarget:
    """What `ref` means, asking the remote if it means nothing here. Raises RefNotFound."""
    target = find_ref(git, ref, remote)
    if target is None and remote:
        fetch(git, remote)
        target = find_ref(git, ref, remote)
        if target is None and _fetch_ref(git, ref, remote):
            target = find_ref(git, ref, remote)
    if target is None:
        raise unknown_ref(git, ref)
    return target


def fast_forward(git: Git, status: GitStatus, remote: str) -> bool:
    """Fast-forward the branch to its upstream, after a fetch; True: it moved. A Warned tells what kept it back."""
    upstream = _upstream(git, status, remote)
    ahead, behind = _ahead_behind(git, upstream) if upstream else (0, 0)
    why = _blocking_reason(git, status=status, upstream=upstream, ahead=ahead, behind=behind)
    if why:
        git.emit(WarningRaised(f"{git.checkout.path} {why}: it is built as it is", _STATUS_HINT))
    elif behind:
        git.local("merge", "--quiet", "--ff-only", "--no-overwrite-ignore", upstream)
        return True
    return False


def _fetch_ref(git: Git, ref: str, remote: str) -> bool:
    """Fetch one ref that a plain fetch leaves out: a commit, or what a shallow or narrow clone did not ask for."""
    depth = (f"--depth={git.reach.depth}",) if git.reach.depth else ()
    specs = [f"{ref}:{_KEPT_COMMITS}/{ref}"] if FULL_HASH.fullmatch(ref) else _refspecs(git, ref, remote)
    if not specs:
        return False
    try:
        git.remote("fetch", "--progress", "--no-recurse-submodules", *depth, remote, *specs)
    except RefNotFound:
        return False
    return True


def _refspecs(git: Git, ref: str, remote: str) -> list[str]:
    name = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    specs = {f"refs/heads/{name}": f"+refs/heads/{name}:refs/remotes/{remote}/{name}"}
    specs |= {f"refs/tags/{name}": f"refs/tags/{name}:refs/tags/{name}"}
    wanted = [ref] if ref in specs else list(specs)
    told = {line.split("\t")[-1] for line in git.remote("ls-remote", remote, *wanted)}
    return [specs[theirs] for theirs in wanted if theirs in told]


def _upstream(git: Git, status: GitStatus, remote: str) -> str:
    """The full name of what the branch follows; empty: nothing that is here."""
    if not status.branch:
        return ""
    told = git.local("for-each-ref", "--format=%(upstream)", f"refs/heads/{status.branch}")
    if not any(told):
        _fetch_ref(git, f"refs/heads/{status.branch}", remote)  # a narrow clone does not fetch it by itself
    known = list_refs(git)
    return next((name for name in (*told, f"refs/remotes/{remote}/{status.branch}") if name in known), "")


def _ahead_behind(git: Git, upstream: str) -> tuple[int, int]:
    """How many commits are only here, and how many only there."""
    ahead, behind = git.local("rev-list", "--left-right", "--count", f"HEAD...{upstream}")[0].split()
    return int(ahead), int(behind)


def _blocking_reason(git: Git, status: GitStatus, upstream: str, ahead: int, behind: int) -> str:
    if not status.branch:
        return "is on no branch (HEAD is detached)"
    if not upstream:
        return f"has a branch {status.branch} that its remote does not have"
    if not behind:
        return ""
    if status.changes or operation_in_progress(git.checkout.path):
        return f"has uncommitted changes and is {behind} behind {upstream.removeprefix('refs/remotes/')}"
    if ahead:
        return f"has diverged from {upstream.removeprefix('refs/remotes/')} ({ahead} here, {behind} there)"
    return ""


_SUBMODULE_PATH = re.compile(r"^\s*path\s*=\s*(.+?)\s*$", re.MULTILINE)


def update_submodules(git: Git) -> None:
    """Bring every submodule to the commit that the checkout names; call it on a clean checkout only."""
    if not (git.folder / ".gitmodules").is_file():
        return
    depth = (f"--depth={git.reach.depth}",) if git.reach.depth else ()
    git.remote("submodule", "--quiet", "update", "--init", "--recursive", *depth)


def missing_submodules(git: Git) -> bool:
    """Whether a submodule was never brought; costs no process."""
    try:
        text = (git.folder / ".gitmodules").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return any(not (git.folder / found[1] / ".git").exists() for found in _SUBMODULE_PATH.finditer(text))

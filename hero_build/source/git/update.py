"""Fetches, fast-forwards branches, and updates submodules.

A branch that cannot be fast-forwarded stays as it is, with a warning. Submodules follow the commit that is checked out,
and only in a checkout without changes.
"""

import re
from pathlib import Path

from msgspec.structs import replace

from hero_build.errors import CheckoutRefused, RefNotFound
from hero_build.events import WarningRaised
from hero_build.os_errors import raise_for_machine
from hero_build.source.git.git import Git
from hero_build.source.git.lfs import fetch_lfs, may_use_lfs, pointers_stay
from hero_build.source.git.status import GitStatus, operation_in_progress
from hero_build.source.git.switch import FULL_HASH, RefTarget, find_ref, list_refs, own_locks_aside, unknown_ref

_KEPT_COMMITS = "refs/hero-build"
"""Refs for commits that were requested by their hash, so that `git gc` keeps them."""
_SUBMODULE_PATH = re.compile(r"^\s*path\s*=\s*(.+?)\s*$", re.MULTILINE)
_NO_ADDRESS = "No url found for submodule path"
_STATUS_HINT = "`git status` there says what to do; nothing in it was changed."


def fetch(git: Git, remote: str) -> None:
    """Fetch the remote's branches and tags; an existing tag is not moved."""
    git.remote("fetch", "--progress", "--no-recurse-submodules", remote)


def resolve_ref(git: Git, ref: str, remote: str) -> RefTarget:
    """What `ref` names in the checkout, else, after a fetch, on the remote. Raises RefNotFound."""
    target = find_ref(git, ref, remote)
    if target is None and remote:
        fetch(git, remote)
        target = find_ref(git, ref, remote)
        if target is None and _fetch_ref(git, ref, remote):
            target = find_ref(git, ref, remote)
    if target is None:
        raise unknown_ref(git.checkout.repo, ref, list_refs(git))
    return target


def fast_forward(git: Git, status: GitStatus, remote: str) -> bool:
    """Fast-forward the branch to its upstream, after a fetch; True: it moved. Emits a warning where it cannot."""
    upstream = _upstream(git, status, remote)
    ahead, behind = _ahead_behind(git, upstream) if upstream else (0, 0)
    reason = _blocking_reason(git, status=status, upstream=upstream, ahead=ahead, behind=behind)
    if reason:
        git.emit(WarningRaised(f"{git.checkout.path} {reason}; it is built as it is", _STATUS_HINT))
    elif behind:
        with own_locks_aside(git, upstream):
            git.local(*pointers_stay(), "merge", "--quiet", "--ff-only", "--no-overwrite-ignore", upstream)
        return True
    return False


def _fetch_ref(git: Git, ref: str, remote: str) -> bool:
    """Fetch one ref that a plain fetch omits: a commit, or a ref that a shallow or single-branch clone left out."""
    depth = (f"--depth={git.access.depth}",) if git.access.depth else ()
    specs = [f"{ref}:{_KEPT_COMMITS}/{ref}"] if FULL_HASH.fullmatch(ref) else _refspecs(git, ref, remote)
    if not specs:
        return False
    try:
        git.remote("fetch", "--progress", "--no-recurse-submodules", *depth, remote, *specs)
    except RefNotFound:
        return False
    return True


def _refspecs(git: Git, ref: str, remote: str) -> list[str]:
    """Refspecs for the branch and the tag of the name, as far as the remote has them."""
    name = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    specs = {f"refs/heads/{name}": f"+refs/heads/{name}:refs/remotes/{remote}/{name}"}
    specs |= {f"refs/tags/{name}": f"refs/tags/{name}:refs/tags/{name}"}
    candidates = [ref] if ref in specs else list(specs)
    advertised = {line.split("\t")[-1] for line in git.remote("ls-remote", remote, *candidates)}
    return [specs[name] for name in candidates if name in advertised]


def _upstream(git: Git, status: GitStatus, remote: str) -> str:
    """The full name of the branch's upstream; empty: it has none, or none that was fetched just now."""
    if not status.branch:
        return ""
    (words,) = git.local("for-each-ref", "--format=%(upstream) %(upstream:remoteref)", f"refs/heads/{status.branch}")
    configured, _, there = words.partition(" ")
    if configured.startswith(f"refs/remotes/{remote}/") and not _was_fetched(git, there):
        return ""
    if not configured:
        _fetch_ref(git, f"refs/heads/{status.branch}", remote)  # a single-branch clone does not fetch it by itself
    refs = list_refs(git)
    return next((name for name in (configured, f"refs/remotes/{remote}/{status.branch}") if name in refs), "")


def _was_fetched(git: Git, branch: str) -> bool:
    """Whether the remote had a branch at the last fetch, which leaves the names of those that are gone."""
    (place,) = git.local("rev-parse", "--git-path", "FETCH_HEAD")
    fetched = (git.folder / place).read_text(encoding="utf-8", errors="surrogateescape")
    return f"\tbranch '{branch.removeprefix('refs/heads/')}' of " in fetched


def _ahead_behind(git: Git, upstream: str) -> tuple[int, int]:
    """The number of commits that only HEAD has, and that only the upstream has."""
    ahead, behind = git.local("rev-list", "--left-right", "--count", f"HEAD...{upstream}")[0].split()
    return int(ahead), int(behind)


def _blocking_reason(git: Git, status: GitStatus, upstream: str, ahead: int, behind: int) -> str:
    """Why the branch cannot be fast-forwarded, as the rest of a sentence; empty: it can, or need not."""
    if not status.branch:
        return "is on no branch (HEAD is detached)"
    if not upstream:
        return f"has a branch {status.branch} that its remote does not have"
    if not behind:
        return ""
    if status.changes or operation_in_progress(git.checkout.path):
        return f"has uncommitted changes and is {behind} behind {upstream.removeprefix('refs/remotes/')}"
    if ahead:
        return f"has diverged from {upstream.removeprefix('refs/remotes/')} ({ahead} local, {behind} remote)"
    return ""


def update_submodules(git: Git) -> None:
    """Update every submodule to the commit that the checkout names; only for a checkout without changes.

    Their files in Git LFS are fetched like those of the checkout. A submodule that .gitmodules does not list has no
    address: it stays empty, with a warning.
    """
    listed = set(_listed_submodules(git.folder))
    present = _gitlinks(git)
    for path in present:
        if path not in listed:
            git.emit(WarningRaised(f"{git.checkout.repo} has a submodule {path} that its .gitmodules does not list"))
    paths = [path for path in present if path in listed]
    if not paths:
        return
    depth = (f"--depth={git.access.depth}",) if git.access.depth else ()
    try:
        git.remote(*pointers_stay(), "submodule", "--quiet", "update", "--init", "--recursive", *depth, "--", *paths)
    except CheckoutRefused as error:
        if _NO_ADDRESS not in error.message:
            raise
        git.emit(WarningRaised(f"a submodule of {git.checkout.repo} has one without an address: {error.message}"))
    fetch_submodule_lfs(git)


def fetch_submodule_lfs(git: Git, parent: str = "") -> None:
    """Fetch the files in Git LFS of all submodules that are checked out, of these in `parent` if it is named.

    Raises as `fetch_lfs`.
    """
    for path in _gitlinks(git):
        inside, name = replace(git, folder=git.folder / path), f"{parent}{path}"
        if (inside.folder / ".git").exists():
            fetch_lfs(inside, name)
            fetch_submodule_lfs(inside, f"{name}/")


def submodules_may_use_lfs(path: Path) -> bool:
    """Whether the attributes at the root of a submodule name Git LFS; starts no process."""
    folders = (path / name for name in _listed_submodules(path))
    return any(may_use_lfs(folder) or submodules_may_use_lfs(folder) for folder in folders)


def _gitlinks(git: Git) -> list[str]:
    """The paths of a checkout that are commits of other repositories."""
    entries = "\n".join(git.local("ls-files", "--stage", "-z")).split("\0")
    return [entry.partition("\t")[2] for entry in entries if entry.startswith("160000 ")]


def _listed_submodules(path: Path) -> list[str]:
    try:
        text = (path / ".gitmodules").read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise_for_machine(error, path)
        return []
    return [match[1] for match in _SUBMODULE_PATH.finditer(text)]


def missing_submodules(git: Git) -> bool:
    """Whether a submodule was never checked out; starts no process."""
    return any(not (git.folder / path / ".git").exists() for path in _listed_submodules(git.folder))

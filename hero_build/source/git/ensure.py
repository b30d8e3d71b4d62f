"""Brings a checkout to the state that a build needs: cloned, switched or updated, without losing uncommitted work."""

import os
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from hero_build.errors import CheckoutRefused
from hero_build.events import Emit, WarningRaised, silent
from hero_build.model.steps import Tree
from hero_build.source.git.credentials import GitAccess
from hero_build.source.git.git import Git
from hero_build.source.git.lfs import fetch_lfs, may_use_lfs
from hero_build.source.git.locks import Locks
from hero_build.source.git.paths import Checkout, check_ref
from hero_build.source.git.status import GitStatus, read_tree, remote_of, status, tree_of
from hero_build.source.git.update import (
    fetch_submodule_lfs,
    missing_submodules,
    submodules_may_use_lfs,
    update_submodules,
)


class CheckoutRequest(Struct, frozen=True):
    """The requested state of a checkout.

    ref: the branch, tag or commit to check out (`refs/tags/NAME`: a tag, even if a branch has its name); None: leave
    it. branch: what a fresh clone checks out if `ref` is None; None: `development`, else the server's default.
    update: fetch, and fast-forward the branch.
    """

    ref: str | None = None
    branch: str | None = None
    update: bool = False


def ensure(
    checkout: Checkout,
    request: CheckoutRequest,
    access: GitAccess,
    locks: Locks,
    emit: Emit = silent,
    cancelled: Callable[[], bool] | None = None,
) -> Tree:
    """The tree of a checkout in the requested state; with an empty request, an existing one as it is, without network.

    Raises UnsafeName for a hostile ref, RefNotFound, RepoNotFound, AuthError, NetworkError, LockHeld, and MachineError
    for a checkout that is broken, of another repo, or whose uncommitted work a switch would lose. An error leaves the
    checkout unchanged.
    """
    for ref in (request.ref, request.branch):
        if ref is not None:
            check_ref(ref)
    git = Git(checkout, folder=checkout.path, access=access, emit=emit, cancelled=cancelled)
    with locks.hold(checkout.path, cancelled):
        if checkout_exists(checkout.path):
            return _update_existing(git, request)
        from hero_build.source.git.clone import clone  # imported only where a clone is made

        clone(git, request.ref, request.branch)
        return read_tree(checkout.path)


def checkout_exists(path: Path) -> bool:
    """Whether a checkout's path holds anything; an empty folder does not. Raises CheckoutRefused for a file."""
    if not os.path.lexists(path):
        return False
    if not path.is_dir():
        raise CheckoutRefused(f"{path} is in the way of a checkout: it is not a folder", "Move it away.")
    return any(path.iterdir())


def _update_existing(git: Git, request: CheckoutRequest) -> Tree:
    path = git.checkout.path
    current = status(path)
    tree = tree_of(path, current)
    remote = remote_of(path, git.checkout.repo, current.branch)
    if request.ref is None and not request.update:
        if not current.changes and missing_submodules(git):
            update_submodules(git)
        if not current.changes and may_use_lfs(path):
            fetch_lfs(git)
        if not current.changes and submodules_may_use_lfs(path):
            fetch_submodule_lfs(git)
        return tree
    _switch_and_update(git, request=request, current=current, remote=remote)
    fetch_lfs(git)
    if not current.changes:  # the status from before: after a switch, outdated submodules look like changes
        update_submodules(git)
    return read_tree(path)


def _switch_and_update(git: Git, request: CheckoutRequest, current: GitStatus, remote: str) -> None:
    from hero_build.source.git.switch import switch
    from hero_build.source.git.update import fast_forward, fetch, resolve_ref

    path = git.checkout.path
    if request.update and remote:
        fetch(git, remote)
    on_branch = True
    if request.ref is not None:
        target = resolve_ref(git, request.ref, remote)
        switch(git, status=current, target=target, ref=request.ref)
        on_branch = bool(target.branch)
    if request.update and not remote:
        git.emit(WarningRaised(f"{path} has no remote to update from; it is built as it is"))
    elif request.update and on_branch:
        fast_forward(git, status(path), remote)

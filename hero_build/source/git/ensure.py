"""A checkout as a build wants it: cloned, switched or brought up to date if asked, and never at the cost of work."""

import os
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from hero_build.errors import CheckoutRefused
from hero_build.events import Emit, WarningRaised, silent
from hero_build.model.steps import Tree
from hero_build.source.git.credentials import GitAccess
from hero_build.source.git.git import Git
from hero_build.source.git.locks import Locks
from hero_build.source.git.paths import Checkout, check_ref
from hero_build.source.git.status import GitStatus, read_tree, remote_of, status, tree_of
from hero_build.source.git.update import missing_submodules, update_submodules


class CheckoutRequest(Struct, frozen=True):
    """What is asked of a checkout.

    ref: a branch, a tag or a commit to be on (`refs/tags/NAME`: a tag, whatever branches are called); None: as it is.
    branch: where a fresh clone begins if `ref` is None; None: `development`, else the server's default.
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
    """The tree at the checkout's place. Without a wish, what is there is taken as it is and no network is used.

    Raises UnsafeName for a hostile ref, RefNotFound, RepoNotFound, AuthError, NetworkError, LockHeld, and MachineError:
    a checkout that is broken, that is of another repo, or whose work a switch would lose. None of them changes it.
    """
    for ref in (request.ref, request.branch):
        if ref is not None:
            check_ref(ref)
    git = Git(checkout, folder=checkout.path, reach=access, emit=emit, cancelled=cancelled)
    with locks.turn(checkout.path, cancelled):
        if checkout_exists(checkout.path):
            return _update_existing(git, request)
        from hero_build.source.git.clone import clone  # what follows is not for checkouts that are taken as they are

        clone(git, request.ref or request.branch)
        return read_tree(checkout.path)


def checkout_exists(path: Path) -> bool:
    """Whether anything is at the place; an empty folder is nothing. Raises CheckoutRefused where it is no folder."""
    if not os.path.lexists(path):
        return False
    if not path.is_dir():
        raise CheckoutRefused(f"{path} is in the way of a checkout: it is no folder", "Move it away.")
    return any(path.iterdir())


def _update_existing(git: Git, request: CheckoutRequest) -> Tree:
    path = git.checkout.path
    found = status(path)
    tree = tree_of(path, found)
    remote = remote_of(path, git.checkout.repo, found.branch)
    if request.ref is None and not request.update:
        if not found.changes and missing_submodules(git):
            update_submodules(git)
        return tree
    _switch_and_update(git, request=request, found=found, remote=remote)
    if not found.changes:  # judged before the move, which makes every submodule that lags behind look like a change
        update_submodules(git)
    return read_tree(path)


def _switch_and_update(git: Git, request: CheckoutRequest, found: GitStatus, remote: str) -> None:
    from hero_build.source.git.switch import switch
    from hero_build.source.git.update import fast_forward, fetch, resolve_ref

    path = git.checkout.path
    if request.update and remote:
        fetch(git, remote)
    on_branch = True
    if request.ref is not None:
        target = resolve_ref(git, request.ref, remote)
        switch(git, status=found, target=target, ref=request.ref)
        on_branch = bool(target.branch)
    if request.update and not remote:
        git.emit(WarningRaised(f"{path} has no remote to be updated from: it is built as it is"))
    elif request.update and on_branch:
        fast_forward(git, status(path), remote)

"""A checkout as a build wants it: cloned, switched or brought up to date if asked, and never at the cost of work."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hero_build.errors import CheckoutRefused
from hero_build.events import Emit, Warned, silent
from hero_build.model import Tree
from hero_build.source.checkout import Git
from hero_build.source.locks import Locks
from hero_build.source.place import Checkout, check_ref
from hero_build.source.reach import Reach
from hero_build.source.status import Status, look, remote_of, status, tree_of
from hero_build.source.submodules import fill, lacking


@dataclass(frozen=True, slots=True)
class Want:
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
    want: Want,
    reach: Reach,
    locks: Locks,
    emit: Emit = silent,
    cancelled: Callable[[], bool] | None = None,
) -> Tree:
    """The tree at the checkout's place. Without a wish, what is there is taken as it is and no network is used.

    Raises UnsafeName for a hostile ref, RefNotFound, RepoNotFound, AuthError, NetworkError, LockHeld, and MachineError:
    a checkout that is broken, that is of another repo, or whose work a switch would lose. None of them changes it.
    """
    for ref in (want.ref, want.branch):
        if ref is not None:
            check_ref(ref)
    git = Git(checkout, checkout.path, reach, emit, cancelled)
    with locks.turn(checkout.path, cancelled):
        if there(checkout.path):
            return _existing(git, want)
        from hero_build.source.clone import clone  # what follows is not for checkouts that are taken as they are

        clone(git, want.ref or want.branch)
        return look(checkout.path)


def there(path: Path) -> bool:
    """Whether anything is at the place; an empty folder is nothing. Raises CheckoutRefused where it is no folder."""
    if not os.path.lexists(path):
        return False
    if not path.is_dir():
        raise CheckoutRefused(f"{path} is in the way of a checkout: it is no folder", "Move it away.")
    return any(path.iterdir())


def _existing(git: Git, want: Want) -> Tree:
    path = git.checkout.path
    found = status(path)
    tree = tree_of(path, found)
    remote = remote_of(path, git.checkout.repo, found.branch)
    if want.ref is None and not want.update:
        if not found.changes and lacking(git):
            fill(git)
        return tree
    _move(git, want, found, remote)
    if not found.changes:  # judged before the move, which makes every submodule that lags behind look like a change
        fill(git)
    return look(path)


def _move(git: Git, want: Want, found: Status, remote: str) -> None:
    from hero_build.source.switch import switch
    from hero_build.source.update import fetch, forward, seek

    path = git.checkout.path
    if want.update and remote:
        fetch(git, remote)
    on_branch = True
    if want.ref is not None:
        target = seek(git, want.ref, remote)
        switch(git, found, target, want.ref)
        on_branch = bool(target.branch)
    if want.update and not remote:
        git.emit(Warned(f"{path} has no remote to be updated from: it is built as it is"))
    elif want.update and on_branch:
        forward(git, status(path), remote)

"""A fresh clone: made beside its path and renamed when complete, so that no command ever sees half of one."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from hero_build.errors import CheckoutRefused, RefNotFound
from hero_build.os_errors import machine_errors
from hero_build.source.git.git import Git
from hero_build.source.git.lfs import fetch_lfs
from hero_build.source.git.paths import STATE_FOLDER
from hero_build.source.git.switch import check_out, list_refs, warn_that_it_stays
from hero_build.source.git.update import resolve_ref, update_submodules

_ORIGIN = "origin"
_DEFAULT_BRANCH = "development"


def clone(git: Git, ref: str | None, branch: str | None = None) -> None:
    """Clone to the checkout's path, at `ref`, else at `branch`, else at `development` if it exists, else at the
    server's default branch.

    Call it while the checkout is locked: it first deletes the leftovers of killed clones. Raises RefNotFound, and the
    errors of git/errors.py.
    """
    path = git.checkout.path
    home = path.parent / STATE_FOLDER
    with machine_errors(path.parent):
        home.mkdir(parents=True, exist_ok=True)
        for left in home.glob(f"{path.name}.clone-*"):
            shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{path.name}.clone-", dir=home))
        try:
            _run_clone(replace(git, folder=folder), path.name)
            _check_out_first(replace(git, folder=folder / path.name), ref, branch)
            _rename_into_place(folder / path.name, path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _run_clone(git: Git, name: str) -> None:
    depth = (f"--depth={git.access.depth}", "--no-single-branch") if git.access.depth else ()
    git.remote("clone", "--progress", "--no-checkout", f"--origin={_ORIGIN}", *depth, "--", git.checkout.url, name)


def _check_out_first(git: Git, ref: str | None, branch: str | None) -> None:
    refs = list_refs(git)
    if not refs:
        raise no_commit(git.checkout.repo)
    check_out(git, resolve_ref(git, ref or branch or _first_branch(git, refs), _ORIGIN))
    if ref is not None:
        with suppress(RefNotFound):
            warn_that_it_stays(git, ref, branch or _first_branch(git, refs))
    fetch_lfs(git)
    update_submodules(git)


def _first_branch(git: Git, refs: Mapping[str, str]) -> str:
    """The branch to check out where none is named. Raises RefNotFound."""
    remote = [name for name in refs if name.startswith(f"refs/remotes/{_ORIGIN}/") and not name.endswith("/HEAD")]
    branches = [name.split("/", 3)[3] for name in remote]
    if _DEFAULT_BRANCH in branches:
        return _DEFAULT_BRANCH
    default = [name.split("/", 2)[2] for name in refs if name.startswith("refs/heads/")]
    if default or len(branches) == 1:
        return (default or branches)[0]
    available = ", ".join(branches) or "only tags"
    raise RefNotFound(f"{git.checkout.repo} has no default branch", f"Name one with --ref; it has {available}.")


def no_commit(repo: str) -> RefNotFound:
    return RefNotFound(f"{repo} has no commit yet", "Push a first commit, then run the command again.")


def _rename_into_place(clone: Path, path: Path) -> None:
    try:
        os.rename(clone, path)  # also onto an empty folder
    except OSError as error:
        if not os.path.lexists(path):
            raise
        hint = "Another program created it during the clone: look at it, then run the command again."
        raise CheckoutRefused(f"{path} already exists", hint) from error

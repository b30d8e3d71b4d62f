"""A fresh clone: made beside its place and renamed into it when whole, so that an interrupted one is never met."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from hero_build.errors import CheckoutRefused, RefNotFound, machine_errors
from hero_build.source.git.git import Git
from hero_build.source.git.paths import STATE_FOLDER
from hero_build.source.git.switch import check_out, list_refs
from hero_build.source.git.update import resolve_ref, update_submodules

_ORIGIN = "origin"
_DEFAULT_BRANCH = "development"


def clone(git: Git, ref: str | None) -> None:
    """Clone to the checkout's place, at `ref`, else at `development` if there is one, else as the server says.

    Call it while the checkout is locked: what killed clones of it left behind goes first. Raises RefNotFound, and
    what refusals.py makes of a git that fails.
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
            _check_out_first(replace(git, folder=folder / path.name), ref)
            _rename_into_place(folder / path.name, path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _run_clone(git: Git, name: str) -> None:
    depth = (f"--depth={git.reach.depth}", "--no-single-branch") if git.reach.depth else ()
    git.remote("clone", "--progress", "--no-checkout", f"--origin={_ORIGIN}", *depth, "--", git.checkout.url, name)


def _check_out_first(git: Git, ref: str | None) -> None:
    known = list_refs(git)
    if not known:
        raise RefNotFound(f"{git.checkout.repo} has no commit yet", "There is nothing to build before the first one.")
    check_out(git, resolve_ref(git, ref or _first_branch(git, known), _ORIGIN))
    update_submodules(git)


def _first_branch(git: Git, known: Mapping[str, str]) -> str:
    """The branch to begin with where none is named. Raises RefNotFound."""
    theirs = [name for name in known if name.startswith(f"refs/remotes/{_ORIGIN}/") and not name.endswith("/HEAD")]
    branches = [name.split("/", 3)[3] for name in theirs]
    if _DEFAULT_BRANCH in branches:
        return _DEFAULT_BRANCH
    default = [name.split("/", 2)[2] for name in known if name.startswith("refs/heads/")]
    if default or len(branches) == 1:
        return (default or branches)[0]
    has = ", ".join(branches) or "only tags"
    raise RefNotFound(f"{git.checkout.repo} has no default branch", f"Name one with --ref; it has {has}.")


def _rename_into_place(made: Path, path: Path) -> None:
    try:
        os.rename(made, path)  # onto an empty folder, too
    except OSError as error:
        if not os.path.lexists(path):
            raise
        hint = "Something put it there while the clone was made: look at it, then run it again."
        raise CheckoutRefused(f"{path} is there already", hint) from error

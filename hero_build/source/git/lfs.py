"""Files of a checkout that are kept in Git LFS: git itself checks out small pointers, and git-lfs replaces them.

The files are fetched by `git lfs pull` with the forge's token, after a checkout that leaves every pointer as it is; so
a missing git-lfs is noticed, whatever the user's configuration of filters is.
"""

import shutil
from pathlib import Path

from hero_build.errors import CheckoutRefused, MissingTool
from hero_build.os_errors import raise_for_machine
from hero_build.source.git.git import Git
from hero_build.source.git.status import tracked_files

_SKIP = ("clean=git-lfs clean -- %f", "smudge=git-lfs smudge --skip -- %f", "process=git-lfs filter-process --skip")
_OFF = ("smudge=", "process=", "required=false")
_POINTER = b"version https://git-lfs.github.com/spec/"
_LARGEST = 1024  # bytes, of a pointer (git-lfs, docs/spec.md)
_ATTRIBUTE = "filter=lfs"


def pointers_stay() -> tuple[str, ...]:
    """Options of a git that checks out: it writes pointers, also where git-lfs is missing."""
    settings = _SKIP if shutil.which("git-lfs") else _OFF
    return tuple(word for setting in settings for word in ("-c", f"filter.lfs.{setting}"))


def fetch_lfs(git: Git, submodule: str = "") -> None:
    """Replace the pointers of a checkout, or of the `submodule` of it that `git` runs in, by their files.

    Raises MissingTool without git-lfs, CheckoutRefused where pointers stay, and the errors of git/errors.py.
    """
    pointers = lfs_pointers(git.folder)
    if not pointers:
        return
    owner = f"the submodule {submodule} of {git.checkout.repo}" if submodule else git.checkout.repo
    if shutil.which("git-lfs") is None:
        more = f" and {len(pointers) - 1} more" if len(pointers) > 1 else ""
        sentence = f"{owner} needs git-lfs: {pointers[0]}{more} of it is in Git LFS"
        raise MissingTool(sentence, "Install it (Debian, Ubuntu: `apt install git-lfs`), then run the command again.")
    git.local("lfs", "install", "--local", "--skip-repo")  # without its filters, the files look changed
    git.remote("lfs", "pull")
    if left := lfs_pointers(git.folder):
        sentence = f"git-lfs did not fetch {left[0]} of {owner}"
        raise CheckoutRefused(sentence, "Does the forge have it? `git lfs fsck` in a clone lists what is missing.")


def lfs_pointers(path: Path) -> tuple[str, ...]:
    """The files of a checkout that should be in Git LFS by their attributes, and are still pointers."""
    return tuple(name for name in tracked_files(path, f":(attr:{_ATTRIBUTE})") if _is_pointer(path / name))


def may_use_lfs(path: Path) -> bool:
    """Whether the attributes at the root of a checkout name Git LFS; starts no process."""
    try:
        return _ATTRIBUTE in (path / ".gitattributes").read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise_for_machine(error, path)
        return False


def _is_pointer(path: Path) -> bool:
    try:
        if path.is_symlink() or path.stat().st_size > _LARGEST:
            return False
        with path.open("rb") as file:
            return file.read(len(_POINTER)) == _POINTER
    except OSError as error:
        raise_for_machine(error, path)
        return False

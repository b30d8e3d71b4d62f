"""The store: content by digest and mode. `settle` and `stage` are the only way in, and only for what is Verified."""

import os
import shutil
from pathlib import Path

from hero_build.errors import RecipeError, machine_errors
from hero_build.install.layout import Root, owned_path
from hero_build.install.root_lock import LockedRoot
from hero_build.model.artifacts import Library
from hero_build.model.installed import FileEntry
from hero_build.model.steps import File, Put, Staged, Verified, VerifiedPart
from hero_build.system.fsync import fsync


def settle(verified: Verified) -> None:
    """Give the files the mode and mtime that their inodes keep for good, and fsync them. The worker that wrote them
    calls this, so that many go on at once: it is cheaper than one syncfs, which also flushes what others wrote."""
    for file in verified.files:
        with machine_errors(file.path.parent):
            os.chmod(file.path, file.mode)
            os.utime(file.path)
            fsync(file.path)


def stage(locked_root: LockedRoot, ready: VerifiedPart) -> Put:
    """Move a part's files into the store. Raises RecipeError when a path belongs to another part."""
    _no_clash(locked_root, ready)
    with machine_errors(locked_root.root.path):
        locked_root.root.store.mkdir(exist_ok=True)
        return Put(ready.part, ready.origin, tuple(_enter(locked_root.root, verified) for verified in ready.artifacts))


def content(root: Root, file: File | FileEntry) -> Path:
    """Where content of this digest and mode lies in the store."""
    return root.store / f"{file.sha256}-{file.mode:04o}"


def _enter(root: Root, verified: Verified) -> Staged:
    for file in verified.files:
        file.path.rename(content(root, file))  # over an older equal entry: older generations keep theirs
    if verified.fetched.form == "tree":
        shutil.rmtree(verified.fetched.path, ignore_errors=True)  # nothing but empty folders
    else:
        verified.fetched.path.unlink(missing_ok=True)  # the archive a file came out of, if it was one
    return Staged(verified)


def _no_clash(locked_root: LockedRoot, ready: VerifiedPart) -> None:
    """Of programs and bundles. Libraries may be shared: the commit, which knows what all parts will hold, looks."""
    own = (item for item in ready.artifacts if not isinstance(item.artifact, Library))
    incoming = {owned_path(str(file.dest)) for item in own for file in item.files}
    for part, record in locked_root.generation.records.items():
        taken = {owned_path(file.path) for entry in record.entries for file in entry.files}
        if part != ready.part.id and (both := incoming & taken):
            raise RecipeError(
                f"{ready.part.id} and {part} both install {min(both)}",
                f"Rename it in one of the two recipes, or `hero-build uninstall {part.app}` first.",
            )

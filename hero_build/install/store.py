"""The store: content by digest and mode. Only Verified artifacts enter it, through `make_durable` and `stage`."""

import os
from pathlib import Path

from hero_build.errors import RecipeError
from hero_build.install.layout import Root, owned_path
from hero_build.install.root_lock import LockedRoot
from hero_build.model.artifacts import Library
from hero_build.model.installed import FileEntry
from hero_build.model.installed_parts import paths_of, stored_parts
from hero_build.model.steps import File, Put, Staged, Verified, VerifiedPart
from hero_build.os_errors import machine_errors
from hero_build.system.fsync import fsync


def make_durable(verified: Verified) -> None:
    """Set the files' final mode and mtime, and fsync them.

    The worker that wrote them calls this, so that several run at once: one syncfs would also flush others' writes.
    """
    for file in verified.files:
        with machine_errors(file.path.parent):
            os.chmod(file.path, file.mode)
            os.utime(file.path)
            fsync(file.path)


def stage(locked_root: LockedRoot, ready: VerifiedPart) -> Put:
    """Move a part's files into the store. Raises RecipeError when a path belongs to another part."""
    _check_paths(locked_root, ready)
    with machine_errors(locked_root.root.path):
        locked_root.root.store.mkdir(exist_ok=True)
        return Put(
            ready.part, ready.origin, tuple(_move_to_store(locked_root.root, verified) for verified in ready.artifacts)
        )


def content_path(root: Root, file: File | FileEntry) -> Path:
    """The path in the store of content with this digest and mode."""
    return root.store / f"{file.sha256}-{file.mode:04o}"


def _move_to_store(root: Root, verified: Verified) -> Staged:
    for file in verified.files:
        # Replaces an equal entry: older generations keep their own link. A link to that very entry stays where it is.
        file.path.rename(content_path(root, file))
    if verified.fetched.form == "tree":
        import shutil  # not at the top: it loads four compressors

        shutil.rmtree(verified.fetched.path, ignore_errors=True)  # empty folders are left, and links
    else:
        verified.fetched.path.unlink(missing_ok=True)  # the archive, where the file was in one
    return Staged(verified)


def _check_paths(locked_root: LockedRoot, ready: VerifiedPart) -> None:
    """Check programs and bundles. Libraries may be shared: the commit, which has all parts, checks those."""
    own = (item for item in ready.artifacts if not isinstance(item.artifact, Library))
    incoming = {owned_path(str(file.dest)) for item in own for file in item.files}
    for part, record in stored_parts(locked_root.generation.records).items():
        both = [path for name in paths_of(record) if (path := owned_path(name)) in incoming]
        if both and part != ready.part.id:
            raise RecipeError(
                f"{ready.part.id} and {part} both install {min(both)}",
                f"Rename it in one of the two recipes, or `hero-build uninstall {part.app}` first.",
            )

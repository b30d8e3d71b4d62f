"""Restore a root to the state that its `current` names. Runs under the lock, before every change."""

import errno
import os

from hero_build import manifest
from hero_build.errors import RootDamaged
from hero_build.install import adopt, links
from hero_build.install.layout import Root
from hero_build.model.installed import Generation
from hero_build.system.fsync import fsync

_HINT = "`hero-build rollback {}` makes the newest one current again."


def recover(root: Root) -> Generation:
    """Remove all traces of interrupted work; the root's generation. With nothing to do, it costs a few listings.

    Raises RootDamaged: without a manifest the right links are not known, and only `rollback` works.
    """
    empty_staging(root)
    _remove_uncommitted(root)
    generation = manifest.load(root.path)
    owned = links.owned(generation.records)
    adopt.restore_adopted(root, owned)
    links.remove(root, links.unowned(root, owned))
    links.create(root, owned)
    return generation


def needs_recovery(root: Root) -> bool:
    """Whether recovery would find work, by two directory listings."""
    newest = max(generation_numbers(root), default=0)
    return newest > current_number(root) or (root.staging.is_dir() and any(root.staging.iterdir()))


def empty_staging(root: Root) -> None:
    """Remove unfinished builds and half-deleted generations."""
    root.staging.mkdir(exist_ok=True)
    for name in os.listdir(root.staging):
        delete_staged(root, name)


def delete_staged(root: Root, name: str) -> None:
    path = root.staging / name
    if path.is_dir() and not path.is_symlink():
        import shutil  # not at the top: it loads four compressors

        shutil.rmtree(path)
    else:
        path.unlink()


def generation_numbers(root: Root) -> tuple[int, ...]:
    """The generations that have a folder, in order."""
    try:
        names = os.listdir(root.generations)
    except FileNotFoundError:
        return ()
    return tuple(sorted(int(name) for name in names if name.isascii() and name.isdecimal()))


def current_number(root: Root) -> int:
    folder = manifest.current(root.path)
    return int(folder.name) if folder is not None and folder.name.isdecimal() else 0


def _remove_uncommitted(root: Root) -> None:
    current = current_number(root)
    existing = generation_numbers(root)
    if existing and manifest.current(root.path) is None:
        raise RootDamaged(f"{root.current} is missing, although generations exist", _HINT.format(existing[-1]))
    for number in existing:
        if number > current:
            delete_generation(root, number)


def delete_generation(root: Root, number: int) -> None:
    """Delete a generation: one rename makes it invisible, then its files go.

    A folder in the lower layer of an overlay cannot be renamed (EXDEV): it is deleted in place, the manifest first, so
    that no half of it can be restored.
    """
    folder, name = root.generation(number), f"retired-{number}"
    try:
        folder.rename(root.staging / name)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        (folder / "manifest.json").unlink(missing_ok=True)
        fsync(folder)
        import shutil  # not at the top: it loads four compressors

        shutil.rmtree(folder)
    else:
        delete_staged(root, name)

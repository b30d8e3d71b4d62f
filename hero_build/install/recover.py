"""Bring a root back to what its `current` says, whatever was interrupted. Runs under the lock, before every change."""

import os
import shutil

from hero_build import manifest
from hero_build.errors import RootDamaged
from hero_build.install import adopt, links
from hero_build.install.layout import Root
from hero_build.model.installed import Generation

_RETURN = "`hero-build rollback {}` makes the newest one current again."


def recover(root: Root) -> Generation:
    """Leave no trace of interrupted work; what the root holds now. Finding nothing to do costs a few listings.

    Raises RootDamaged: without a manifest no one knows which links are right, and only `rollback` goes on.
    """
    empty_staging(root)
    _drop_unborn(root)
    generation = manifest.load(root.path)
    owned = links.owned(generation.records)
    adopt.restore_adopted(root, owned)
    links.remove(root, links.ours(root) - owned)
    links.create(root, owned)
    return generation


def interrupted(root: Root) -> bool:
    """Is there anything that only recovery would tidy up, seen from two directory listings?"""
    newest = max(numbers(root), default=0)
    return newest > current_number(root) or (root.staging.is_dir() and any(root.staging.iterdir()))


def empty_staging(root: Root) -> None:
    """Remove what was being built, and generations that were on their way out."""
    root.staging.mkdir(exist_ok=True)
    for name in os.listdir(root.staging):
        discard(root, name)


def discard(root: Root, name: str) -> None:
    path = root.staging / name
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def numbers(root: Root) -> tuple[int, ...]:
    """The generations that have a folder, in order."""
    try:
        found = os.listdir(root.generations)
    except FileNotFoundError:
        return ()
    return tuple(sorted(int(name) for name in found if name.isascii() and name.isdecimal()))


def current_number(root: Root) -> int:
    folder = manifest.current(root.path)
    return int(folder.name) if folder is not None and folder.name.isdecimal() else 0


def _drop_unborn(root: Root) -> None:
    current = current_number(root)
    found = numbers(root)
    if found and manifest.current(root.path) is None:
        raise RootDamaged(f"{root.current} is missing, although generations are there", _RETURN.format(found[-1]))
    for number in found:
        if number > current:
            retire(root, number)


def retire(root: Root, number: int) -> None:
    """Take a generation away: out of sight in one rename, then deleted."""
    name = f"retired-{number}"
    root.generation(number).rename(root.staging / name)
    discard(root, name)

"""Foreign files at our links' places: kept in `adopted/` of the generation, given back when no part owns the place.

What is in `adopted/` of the current generation is what is still kept; a given-back file is no longer there. A folder
cannot be hard-linked: its tree is, and the folder itself is exchanged with our link in one step, so that at no moment
it is in a place that recovery may empty.
"""

import errno
import itertools
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from hero_build import manifest
from hero_build.errors import NotWritable
from hero_build.install.fsutil import exchange
from hero_build.install.layout import FOLDERS, Root, is_ours, link_target
from hero_build.model.installed import Adopted
from hero_build.system.fsync import fsync

ADOPTED = "adopted"
_NOT_LINKED = (errno.EACCES, errno.EPERM, errno.EXDEV, errno.EMLINK)  # what a hard link cannot be made of


def kept(root: Root) -> tuple[Adopted, ...]:
    """What the current generation keeps, by what really lies in its `adopted/`."""
    folder = manifest.current(root.path)
    return () if folder is None else tuple(_kept(folder / ADOPTED))


def form(root: Root, name: str) -> Literal["file", "link", "folder"]:
    """What kind of foreign thing stands at a name."""
    place = root.place(name)
    return "link" if place.is_symlink() else "folder" if place.is_dir() else "file"


def hardlink_tree(source: Path, target: Path, name: str, renamed: str = "") -> None:
    """Hard-link a file, link or folder tree at `source/name` to `target/name` (or to `target/renamed`)."""
    destination = target / (renamed or name)
    destination.parent.mkdir(parents=True, exist_ok=True)
    try:
        _link(source / name, destination)
    except OSError as error:
        if error.errno not in _NOT_LINKED:
            raise
        raise NotWritable(
            f"{source / name} cannot be kept: {error.strerror}", "Move it away, then run it again."
        ) from error


def backup_name(adopted: Path, name: str) -> str:
    """Where an older adopted thing goes when another is adopted at its name: `bin/x.~1~`, as GNU tools number."""
    return next(found for n in itertools.count(1) if not os.path.lexists(adopted / (found := f"{name}.~{n}~")))


def placeholder(adopted: Path, name: str) -> None:
    """Put our link where a folder will land when it is exchanged with it."""
    (adopted / name).parent.mkdir(parents=True, exist_ok=True)
    (adopted / name).symlink_to(link_target(name))


def replace_with_links(root: Root, items: Iterable[Adopted]) -> None:
    """Put our links over the adopted things; the current generation already shows the same content behind them."""
    folder = root.current.resolve() / ADOPTED
    for item in items:
        place = root.place(item.path)
        if item.form == "folder":
            exchange(place, folder / item.path)
        else:
            link = root.staging / "link"
            link.symlink_to(link_target(item.path))
            link.rename(place)
        fsync(place.parent)


def restore_adopted(root: Root, owned: frozenset[str]) -> None:
    """Return what no part shadows any more. A foreign thing that came to stand there since is not overwritten."""
    folder = manifest.current(root.path)
    if folder is None:
        return
    for item in kept(root):
        source = folder / ADOPTED / item.path
        if _never_left(root, source, item):
            source.unlink()
        elif item.path not in owned:
            _give_back(root, source, item)


def _never_left(root: Root, source: Path, item: Adopted) -> bool:
    """Was the adoption interrupted before our link took the place? Then what is kept is but a second link to it."""
    place = root.place(item.path)
    return item.form != "folder" and os.path.lexists(place) and os.path.samestat(place.lstat(), source.lstat())


def _give_back(root: Root, source: Path, item: Adopted) -> None:
    place = root.place(item.path)
    shadowed = is_ours(root, item.path)
    if not shadowed and os.path.lexists(place):
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    if shadowed and item.form == "folder":
        exchange(source, place)
        source.unlink()  # what landed there is our link
    else:
        source.rename(place)
    fsync(place.parent)


def _kept(folder: Path) -> Iterator[Adopted]:
    for base in FOLDERS:
        for entry in sorted(_entries(folder / base), key=lambda entry: entry.name):
            name = f"{base}/{entry.name}"
            if entry.is_symlink():
                if os.readlink(entry.path) != link_target(name):
                    yield Adopted(name, "link")
            else:
                yield Adopted(name, "folder" if entry.is_dir() else "file")


def _entries(folder: Path) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []


def _link(source: Path, target: Path) -> None:
    if not source.is_dir() or source.is_symlink():
        os.link(source, target, follow_symlinks=False)
        return
    target.mkdir()
    for name in sorted(os.listdir(source)):
        _link(source / name, target / name)
    shutil.copystat(source, target)

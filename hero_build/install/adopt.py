"""Foreign files at the names of our links: kept in `adopted/` of the generation, restored when no part owns the name.

`adopted/` of the current generation holds what is still kept; what was restored has left it. A folder cannot be
hard-linked: its tree is, and the folder itself is exchanged with our link in one step, so that it is never in a place
that recovery may empty.
"""

import errno
import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from hero_build import manifest
from hero_build.errors import NotWritable
from hero_build.install.fsutil import exchange
from hero_build.install.layout import FOLDERS, Root, is_ours, link_target
from hero_build.model.installed import Adopted
from hero_build.os_errors import lexists
from hero_build.system.fsync import fsync

ADOPTED = "adopted"
_LINK_REFUSED = (errno.EACCES, errno.EPERM, errno.EXDEV, errno.EMLINK)  # why link(2) fails for a foreign file


def list_adopted(root: Root) -> tuple[Adopted, ...]:
    """What the current generation keeps, read from its `adopted/` folder."""
    folder = manifest.current(root.path)
    return () if folder is None else tuple(_scan(folder / ADOPTED))


def form_of(root: Root, name: str) -> Literal["file", "link", "folder"]:
    """Whether the foreign thing at a name is a file, a link or a folder."""
    place = root.place(name)
    return "link" if place.is_symlink() else "folder" if place.is_dir() else "file"


def hardlink_tree(source: Path, target: Path, name: str, renamed: str = "") -> None:
    """Hard-link a file, link or folder tree at `source/name` to `target/name` (or to `target/renamed`)."""
    destination = target / (renamed or name)
    destination.parent.mkdir(parents=True, exist_ok=True)
    try:
        _link(source / name, destination)
    except OSError as error:
        if error.errno not in _LINK_REFUSED:
            raise
        raise NotWritable(
            f"{source / name} cannot be kept: {error.strerror}", "Move it away, then run it again."
        ) from error


def backup_name(adopted: Path, name: str) -> str:
    """The name of an older adopted thing when another is adopted there: `bin/x.~1~`, as GNU tools number backups."""
    return next(free for n in itertools.count(1) if not lexists(adopted / (free := f"{name}.~{n}~")))


def placeholder(adopted: Path, name: str) -> None:
    """Create our link in `adopted/`, to be exchanged with the foreign folder at `name`."""
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
    """Restore what no part shadows any more. A foreign thing that was put there since is not overwritten."""
    folder = manifest.current(root.path)
    if folder is None:
        return
    for item in list_adopted(root):
        source = folder / ADOPTED / item.path
        if _still_in_place(root, source, item):
            source.unlink()
        elif item.path not in owned:
            _restore(root, source, item)


def _still_in_place(root: Root, source: Path, item: Adopted) -> bool:
    """Whether the adoption was interrupted before our link was in place: what is kept is then a second link to it."""
    place = root.place(item.path)
    return item.form != "folder" and lexists(place) and os.path.samestat(place.lstat(), source.lstat())


def _restore(root: Root, source: Path, item: Adopted) -> None:
    place = root.place(item.path)
    shadowed = is_ours(root, item.path)
    if not shadowed and lexists(place):
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    if shadowed and item.form == "folder":
        exchange(source, place)
        source.unlink()  # after the exchange, our link is there
    else:
        source.rename(place)
    fsync(place.parent)


def _scan(folder: Path) -> Iterator[Adopted]:
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
    import shutil  # not at the top: it loads four compressors

    shutil.copystat(source, target)

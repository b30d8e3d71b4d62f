"""The links people and shells use, `bin/<binary>` and the like. One that dangles means "not installed"."""

import os
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path

from hero_build.errors import NotWritable
from hero_build.install.layout import FOLDERS, Root, is_ours, link_name, link_target
from hero_build.model.installed import InstalledPart, PartId
from hero_build.model.installed_parts import StoredPart, paths_of, stored_parts
from hero_build.os_errors import lexists
from hero_build.system.fsync import fsync, make_folder


def link_names(records: Iterable[StoredPart]) -> frozenset[str]:
    """Every name that must be linked for these parts."""
    return frozenset(map(link_name, chain.from_iterable(map(paths_of, records))))


def owned(records: Mapping[PartId, InstalledPart]) -> frozenset[str]:
    return link_names(stored_parts(records).values())


def unowned(root: Root, owned: frozenset[str]) -> frozenset[str]:
    """Every name at which one of our links is, and that no part owns."""
    return frozenset(name for name in _existing(root) - owned if is_ours(root, name))


def foreign_names(root: Root, names: Iterable[str]) -> tuple[str, ...]:
    """Those of the names at which something is that is not our link."""
    return tuple(name for name in sorted(names) if lexists(root.text(name)) and not is_ours(root, name))


def check(root: Root, names: Iterable[str]) -> None:
    """Raises NotWritable where a folder of links is a link itself: relative links in it would be broken."""
    for folder in map(root.place, {name.rpartition("/")[0] for name in names}):
        real = root.path.resolve() / folder.relative_to(root.path)
        if folder.exists() and folder.resolve() != real:
            sentence = f"{folder} is a link to {folder.resolve()}, where relative links to programs do not work"
            raise NotWritable(sentence, "Make it a folder of the root, and put that folder into your PATH instead.")


def create(root: Root, names: frozenset[str]) -> None:
    """Create the missing links and fsync their folders; existing files are left alone."""
    touched = set()
    for name in sorted(names - _existing(root)):
        place = root.place(name)
        _create_folder(place.parent)
        place.symlink_to(link_target(name))
        touched.add(place.parent)
    for folder in sorted(touched):
        fsync(folder)


def remove(root: Root, unwanted: Iterable[str]) -> None:
    """Unlink our links at these names and fsync their folders; foreign files there are left alone."""
    touched = set()
    for name in sorted(unwanted):
        if is_ours(root, name):
            root.place(name).unlink()
            touched.add(root.place(name).parent)
    for folder in sorted(touched):
        fsync(folder)


def _existing(root: Root) -> frozenset[str]:
    """Every name in the folders of links, whatever is there."""
    names: set[str] = set()
    for folder in FOLDERS:
        names.update([f"{folder}/{name}" for name in _listing(root.place(folder))])
    return frozenset(names)


def _listing(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _create_folder(folder: Path) -> None:
    try:
        make_folder(folder)
    except FileExistsError as error:
        raise NotWritable(f"{folder} is not a folder", "Move it away: hero-build puts its links there.") from error

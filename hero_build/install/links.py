"""The links people and shells use, `bin/<binary>` and the like. One that dangles means "not installed"."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from hero_build.errors import NotWritable
from hero_build.install.layout import FOLDERS, Root, is_ours, link_name, link_target
from hero_build.model.installed import InstalledPart, PartId
from hero_build.system.fsync import fsync


def names(records: Iterable[InstalledPart]) -> frozenset[str]:
    """Every name that must be linked for these parts."""
    return frozenset(link_name(file.path) for record in records for entry in record.entries for file in entry.files)


def owned(records: Mapping[PartId, InstalledPart]) -> frozenset[str]:
    return names(records.values())


def ours(root: Root) -> frozenset[str]:
    """Every name at which one of our links stands."""
    found = (f"{folder}/{name}" for folder in FOLDERS for name in _listing(root.place(folder)))
    return frozenset(name for name in found if is_ours(root, name))


def foreign(root: Root, wanted: Iterable[str]) -> tuple[str, ...]:
    """The wanted names at which something stands that is not ours."""
    return tuple(name for name in sorted(wanted) if os.path.lexists(root.place(name)) and not is_ours(root, name))


def check(root: Root, wanted: Iterable[str]) -> None:
    """Raises NotWritable where a folder of links is a link itself: our relative ones would lead nowhere from there."""
    for folder in {root.place(name).parent for name in wanted}:
        real = root.path.resolve() / folder.relative_to(root.path)
        if folder.exists() and folder.resolve() != real:
            sentence = f"{folder} leads to {folder.resolve()}, and links to programs would not work there"
            raise NotWritable(sentence, "Make it a folder of the root; put that folder into your PATH instead.")


def create(root: Root, wanted: Iterable[str]) -> None:
    """Create the links that are missing and fsync their folders; what is there stays as it is."""
    touched = set()
    for name in sorted(wanted):
        place = root.place(name)
        if not os.path.lexists(place):
            _folder(place.parent)
            place.symlink_to(link_target(name))
            touched.add(place.parent)
    for folder in sorted(touched):
        fsync(folder)


def remove(root: Root, unwanted: Iterable[str]) -> None:
    """Unlink our links at these names and fsync their folders; a foreign thing there stays."""
    touched = set()
    for name in sorted(unwanted):
        if is_ours(root, name):
            root.place(name).unlink()
            touched.add(root.place(name).parent)
    for folder in sorted(touched):
        fsync(folder)


def _listing(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotWritable(f"{folder} is not a folder", "Move it away: links are put there.") from error

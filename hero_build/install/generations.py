"""Building a generation beside the current one, and the flip that makes it current."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from hero_build import manifest
from hero_build.install import adopt, islands_index, seal
from hero_build.install.fsutil import link_or_copy, write
from hero_build.install.layout import Root
from hero_build.install.recover import current_number, generation_numbers
from hero_build.install.store import content_path
from hero_build.model.installed import Adopted, FileEntry, Generation, InstalledPart, PartId
from hero_build.os_errors import lexists, raise_unless_absent
from hero_build.system.fsync import fsync


class Slot(Struct, frozen=True):
    """A part of a new generation: its record, and the generation folder that has its content (None: the store)."""

    record: InstalledPart
    folder: Path | None


Slots = Mapping[PartId, Slot]


def next_number(root: Root) -> int:
    return max((current_number(root), *generation_numbers(root))) + 1


def slots_of(root: Root, generation: Generation) -> dict[PartId, Slot]:
    """The parts of a generation that is on disk."""
    folder = root.generation(generation.number)
    return {part: Slot(record, folder) for part, record in generation.records.items()}


def build(root: Root, generation: Generation, slots: Slots, kept: Iterable[Adopted], shown: Iterable[Adopted]) -> None:
    """Build the generation in staging/, fsync it, and rename it to its place; `current` is still the old one.

    `kept` is carried over from the current generation's adopted/. `shown` are foreign things that are adopted now: this
    generation shows them at their names too, so that putting our link over them changes nothing that a user sees.
    """
    folder = root.staging / str(generation.number)
    folder.mkdir()
    linked = _link_files(root, folder, slots)
    if (islands := islands_index.render(generation.records)) is not None:
        write(folder / islands_index.PATH, islands, 0o644)
        linked[islands_index.PATH] = ""
    _link_adopted(root, folder=folder, kept=kept, shown=shown)
    write(folder / seal.NAME, seal.measure(folder, linked, {path: source for path, source in linked.items() if source}))
    write(folder / "manifest.json", manifest.dump(generation))
    _sync_tree(folder)
    if root.store.is_dir():
        fsync(root.store)
    root.generations.mkdir(exist_ok=True)
    if not lexists(root.current):  # from here on, generations without a `current` are damage
        root.current.symlink_to("generations/0")
    folder.rename(root.generation(generation.number))
    fsync(root.generations)


def flip(root: Root, number: int) -> None:
    """Make a generation the current one. This one rename switches the content of the whole root."""
    link = root.staging / "current"
    link.symlink_to(f"generations/{number}")
    link.rename(root.current)
    fsync(root.state)


def _files(record: InstalledPart) -> Iterable[FileEntry]:
    return (file for entry in record.entries for file in entry.files)


def _link_files(root: Root, folder: Path, slots: Slots) -> dict[str, str]:
    """Hard-link the files of all parts into a generation's folder; their paths, each with the folder of the generation
    whose file it links to, or an empty text.
    """
    linked: dict[str, str] = {}
    new, old, before = str(folder), "", None  # formatting a Path for each file costs as much as linking it
    folders: set[str] = set()
    for slot in sorted(slots.values(), key=lambda slot: slot.folder is not None):  # a shared file: the new copy first
        if slot.folder is not before:
            old, before = str(slot.folder), slot.folder
        for file in _files(slot.record):
            if file.path in linked:
                continue
            parent = file.path.rpartition("/")[0]
            if parent not in folders:
                (folder / parent).mkdir(parents=True, exist_ok=True)
                folders.add(parent)
            source = str(content_path(root, file)) if slot.folder is None else f"{old}/{file.path}"
            linked[file.path] = old if link_or_copy(source, f"{new}/{file.path}") else ""
    return linked


def _link_adopted(root: Root, folder: Path, kept: Iterable[Adopted], shown: Iterable[Adopted]) -> None:
    current, adopted = root.generation(current_number(root)) / adopt.ADOPTED, folder / adopt.ADOPTED
    replaced = {item.path for item in shown}
    for item in kept:
        adopt.hardlink_tree(
            current,
            target=adopted,
            name=item.path,
            renamed=adopt.backup_name(current, item.path) if item.path in replaced else "",
        )
        if not lexists(folder / item.path):  # no part owns it any more: it is visible again after the flip
            adopt.hardlink_tree(current, folder, item.path)
    for item in shown:
        if not lexists(folder / item.path):  # a name that a part owns keeps showing that part's content
            adopt.hardlink_tree(root.path, folder, item.path)
        if item.form == "folder":
            adopt.placeholder(adopted, item.path)
        else:
            adopt.hardlink_tree(root.path, adopted, item.path)


def _sync_tree(folder: Path) -> None:
    for parent, _, _ in os.walk(folder, onerror=raise_unless_absent):
        fsync(Path(parent))

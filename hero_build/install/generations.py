"""Building a generation beside the current one, and the flip that makes it current."""

import os
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hero_build import manifest
from hero_build.errors import LockHeld
from hero_build.install import adopt, islands, seal
from hero_build.install.fsutil import link_or_copy, share_files, write
from hero_build.install.layout import Root
from hero_build.install.recover import current_number, generation_numbers
from hero_build.install.root_lock import LockedRoot
from hero_build.install.store import content_path
from hero_build.model.installed import Adopted, Generation, InstalledPart, PartId
from hero_build.model.installed_parts import StoredPart, paths_of, stored_parts
from hero_build.model.steps import Restore
from hero_build.os_errors import lexists, raise_unless_absent
from hero_build.system.fsync import fsync


class Slot(Struct, frozen=True):
    """A part of a new generation: its record, and the generation folder that has its content (None: the store)."""

    record: StoredPart
    folder: Path | None


Slots = Mapping[PartId, Slot]


def next_number(root: Root) -> int:
    return max((current_number(root), *generation_numbers(root))) + 1


def slots_of(root: Root, generation: Generation) -> dict[PartId, Slot]:
    """The parts of a generation that is on disk."""
    folder = root.generation(generation.number)
    return {part: Slot(record, folder) for part, record in stored_parts(generation.records).items()}


def still_installed(locked_root: LockedRoot, part: Restore) -> Restore:
    """A part that stays as it was when a command began, in the generation that has it now. Raises LockHeld."""
    record, held = part.record, locked_root.generation
    current = held.records.get(record.id)
    if current is not None and current.entries == record.entries:
        return replace(part, number=held.number)
    if seal.first_damage(locked_root.root.generation(part.number), record) is None:
        return part  # another command installed something else meanwhile, and what it replaced is still there
    raise LockHeld(f"another command replaced {record.id} while it was built", "Run the command again.")


def build(root: Root, generation: Generation, slots: Slots, kept: Iterable[Adopted], shown: Iterable[Adopted]) -> None:
    """Build the generation in staging/, fsync it, and rename it to its place; `current` is still the old one.

    `kept` is carried over from the current generation's adopted/. `shown` are foreign things that are adopted now: this
    generation shows them at their names too, so that putting our link over them changes nothing that a user sees.
    """
    folder = root.staging / str(generation.number)
    folder.mkdir()
    linked = _link_files(root, folder, slots)
    if (index := _islands_index(generation)) is not None:
        write(folder / islands.INDEX, index, 0o644)
        linked[islands.INDEX] = ""
    _link_adopted(root, folder=folder, kept=kept, shown=shown)
    write(folder / "manifest.json", manifest.encoded(generation))
    shared = {path: source for path, source in linked.items() if source}
    write(folder / seal.NAME, seal.measure(folder, (*linked, "manifest.json"), shared))
    _sync_tree(folder)
    if root.store.is_dir():
        fsync(root.store)
    root.generations.mkdir(exist_ok=True)
    if not lexists(root.current):  # from here on, generations without a `current` are damage
        root.current.symlink_to("generations/0")
    folder.rename(root.generation(generation.number))
    fsync(root.generations)


def _islands_index(generation: Generation) -> str | None:
    parts = stored_parts(generation.records)
    if not islands.islands_by_name(parts.values()):
        return None
    from hero_build.install.islands_index import render  # a document that few generations have

    return render(parts)


def flip(root: Root, number: int) -> None:
    """Make a generation the current one. This one rename switches the content of the whole root."""
    link = root.staging / "current"
    link.symlink_to(f"generations/{number}")
    link.rename(root.current)
    fsync(root.state)


def _link_files(root: Root, folder: Path, slots: Slots) -> dict[str, str]:
    """Hard-link the files of all parts into a generation's folder; their paths, each with the folder of the generation
    whose file it links to, or an empty text.
    """
    new, shared = _files(slots, root)
    for parent in dict.fromkeys(path.rpartition("/")[0] for path in chain(new, *shared.values())):
        (folder / parent).mkdir(parents=True, exist_ok=True)
    linked = dict.fromkeys(new, "")
    for path, content in new.items():
        link_or_copy(content, folder / path)
    for source, paths in shared.items():
        linked.update(share_files(source, folder, paths))
    return linked


def _files(slots: Slots, root: Root) -> tuple[dict[str, Path], dict[Path, list[str]]]:
    """The content in the store of each new file, and the paths of those that a generation has; a file of several parts
    once, the new copy first.
    """
    records = [slot.record for slot in slots.values() if slot.folder is None]
    stored = [
        file for item in records if isinstance(item, InstalledPart) for entry in item.entries for file in entry.files
    ]
    new = {file.path: content_path(root, file) for file in reversed(stored)}
    known: set[str] = set(new)
    shared: dict[Path, list[str]] = {}
    for source, path in ((slot.folder, path) for slot in slots.values() for path in paths_of(slot.record)):
        if source is not None and path not in known:
            known.add(path)
            shared.setdefault(source, []).append(path)
    return new, shared


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

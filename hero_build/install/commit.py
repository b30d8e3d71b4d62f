"""The commit protocol (docs/on-disk.md): the only way in which a root changes.

    adopt foreign files ─► new links (dangling) ─► build the generation ─► flip ─► remove old links, restore files

A kill between any two system calls leaves the root wholly old or wholly new; recovery removes what is left over.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from hero_build import __version__
from hero_build.errors import RecipeError
from hero_build.install import adopt, links, seal
from hero_build.install.generations import Slot, Slots, build, flip, next_number, slots_of
from hero_build.install.layout import Root, owned_path
from hero_build.install.recover import current_number
from hero_build.install.root_lock import LockedRoot
from hero_build.model.artifacts import Binary, Library
from hero_build.model.installed import Adopted, FileEntry, Generation, InstalledArtifact, InstalledPart, PartId
from hero_build.model.installed_parts import InstalledParts, StoredPart, UnreadPart
from hero_build.model.steps import Change, Drop, Put, Restore, Staged


def commit(
    locked_root: LockedRoot, changes: Sequence[Change], action: str, *, lock: str | None = None
) -> tuple[Generation, Generation]:
    """Apply the changes to what the root holds now, as one generation: (before, after), equal if nothing changed.

    `action` is the sentence `history` shows, `lock` the digest of the lock file that all of it comes from. Raises
    RecipeError, MachineError.
    """
    root, before = locked_root.root, locked_root.generation
    changes = [change for change in changes if not _is_committed(root, before, change)]
    same = not changes and lock in (None, before.lock)
    if same and before.number == current_number(root):  # an unreadable manifest counts as none and is replaced
        return before, before
    slots = _applied(slots_of(root, before), changes, root)
    _check_paths(slots)
    names = links.link_names(slot.record for slot in slots.values())
    links.check(root, names)
    _adopt(root, before, links.link_names(slots[part].record for part in map(_part_id, changes) if part in slots))
    links.create(root, names)
    return before, _build_and_flip(root, slots, action, before=before, owned=names, lock=lock)


def _build_and_flip(
    root: Root, slots: Slots, action: str, *, before: Generation, owned: frozenset[str], lock: str | None
) -> Generation:
    """Build, flip, and only then remove what no part owns any more."""
    records = _records(slots, before)
    kept = adopt.list_adopted(root)
    adopted = tuple(item for item in kept if item.path in owned)
    after = _generation(root, action=action, records=records, adopted=adopted, lock=lock)
    build(root, generation=after, slots=slots, kept=kept, shown=())
    flip(root, after.number)
    adopt.restore_adopted(root, owned)
    links.remove(root, links.unowned(root, owned))
    return after


def _records(slots: Slots, before: Generation) -> Mapping[PartId, InstalledPart]:
    """The parts of a generation after `before`: what nobody read of it stays unread."""
    records = {part: slot.record for part, slot in slots.items()}
    if isinstance(before.records, InstalledParts):
        return before.records.successor(records)
    return {part: item for part, item in records.items() if isinstance(item, InstalledPart)}


def _adopt(root: Root, before: Generation, names: frozenset[str]) -> None:
    """Commit a generation that shows the foreign things at our names, then put our links there."""
    foreign = tuple(Adopted(name, adopt.form_of(root, name)) for name in links.foreign_names(root, names))
    if not foreign:
        return
    listed = ", ".join(item.path for item in foreign)
    replaced = {item.path for item in foreign}
    kept = tuple(item for item in adopt.list_adopted(root) if item.path not in replaced)
    after = _generation(
        root, action=f"adopt {listed}", records=before.records, adopted=(*kept, *foreign), lock=before.lock
    )
    build(root, generation=after, slots=slots_of(root, before), kept=adopt.list_adopted(root), shown=foreign)
    flip(root, after.number)
    adopt.replace_with_links(root, foreign)


def _applied(current: Slots, changes: Sequence[Change], root: Root) -> dict[PartId, Slot]:
    slots = dict(current)
    for change in changes:
        match change:
            case Put(part):
                slots[part.id] = Slot(installed_part(change), None)
            case Restore(record, number):
                slots[record.id] = Slot(record, root.generation(number))
            case Drop(part_id):
                slots.pop(part_id, None)
    return slots


def _part_id(change: Change) -> PartId:
    match change:
        case Put(part):
            return part.id
        case Restore(record):
            return record.id
        case Drop(part_id):
            return part_id


def _is_committed(root: Root, before: Generation, change: Change) -> bool:
    """Whether the root holds this already, undamaged: another command may have done it during our download."""
    match change:
        case Put():
            record = installed_part(change)
        case Restore(record):
            pass
        case Drop(part):
            return part not in before.records
    current = before.records.get(record.id)
    if current is None or current.entries != record.entries or _without_request(current) != _without_request(record):
        return False
    # New content is not discarded in favour of content that only looks the same.
    checks = (seal.inspect, seal.rehash) if isinstance(change, Put) else (seal.inspect,)
    return not any(check(root, before, [record.id])[record.id].damage for check in checks)


def _without_request(record: InstalledPart) -> InstalledPart:
    """The record without what differs between two equal installs: the request."""
    return replace(record, entries=(), origin=replace(record.origin, requested="auto", why=""))


def _generation(
    root: Root, action: str, records: Mapping[PartId, InstalledPart], adopted: tuple[Adopted, ...], lock: str | None
) -> Generation:
    created = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Generation(
        next_number(root),
        created=created,
        tool=f"hero-build {__version__}",
        action=action,
        records=records,
        adopted=adopted,
        lock=lock,
    )


def _check_paths(slots: Slots) -> None:
    """A path belongs to one part; a library to several, if all have the same file. Raises RecipeError."""
    owners: dict[str, tuple[PartId, InstalledArtifact | None]] = {}
    for part, slot in slots.items():
        for path, entry in _entries(slot.record):
            other, owner = owners.setdefault(owned_path(path), (part, entry))
            if other == part:
                continue
            if not (owner and entry and owner.artifact == entry.artifact == "library"):
                raise _conflict(part, other, owned_path(path), libraries=False)
            if owner.files != entry.files:
                raise _conflict(part, other, owned_path(path), libraries=True)


def _entries(part: StoredPart) -> list[tuple[str, InstalledArtifact | None]]:
    """The paths of a part, each with its artifact; without it those of an unread part, which are programs."""
    if isinstance(part, UnreadPart):
        return [(path, None) for path in part.paths]
    return [(file.path, entry) for entry in part.entries for file in entry.files]


def _conflict(part: PartId, other: PartId, path: str, *, libraries: bool) -> RecipeError:
    if libraries:
        hint = f"`hero-build install {other.app} {part.app}` installs the one that their recipes name now."
        return RecipeError(f"{other} and {part} need different versions of {path}", hint)
    hint = f"Rename it in one of the two recipes, or `hero-build uninstall {other.app}` first."
    return RecipeError(f"{other} and {part} both install {path}", hint)


def installed_part(put: Put) -> InstalledPart:
    """What the manifest will record of a part that is put."""
    return InstalledPart(put.part.id, put.origin, tuple(_installed_artifact(staged) for staged in put.artifacts))


def _installed_artifact(staged: Staged) -> InstalledArtifact:
    verified = staged.verified
    artifact, selected = verified.artifact, verified.fetched.selected
    return InstalledArtifact(
        name=artifact.name,
        artifact="binary" if isinstance(artifact, Binary) else "library" if isinstance(artifact, Library) else "bundle",
        files=tuple(
            FileEntry(str(file.dest), sha256=file.sha256, size=file.size, mode=file.mode) for file in verified.files
        ),
        kind=artifact.kind if isinstance(artifact, Binary) else None,
        asset=selected.asset.name if selected else None,
        asset_id=selected.asset.id if selected else "",
        asset_sha256=verified.fetched.sha256 if selected else None,
        legacy_name=bool(selected and selected.legacy),
        verified=verified.checks,
        elf=verified.elf,
        install_only=isinstance(artifact, Binary) and artifact.install_only,
    )

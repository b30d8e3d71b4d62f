"""The commit protocol (DESIGN section 9): the one way in which a root changes.

    adopt what is foreign ─► new links (dangling) ─► build the generation ─► flip ─► old links go, adopted things return

A kill between any two system calls leaves the root wholly old or wholly new; recovery tidies up the rest.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from hero_build import __version__
from hero_build.errors import RecipeError
from hero_build.install import adopt, links, seal
from hero_build.install.generations import Slot, Slots, build, flip, next_number, slots
from hero_build.install.layout import Root, owned_path
from hero_build.install.recover import current_number
from hero_build.install.root_lock import LockedRoot
from hero_build.model.artifacts import Binary, Library
from hero_build.model.installed import Adopted, FileEntry, Generation, InstalledArtifact, InstalledPart, PartId
from hero_build.model.steps import Change, Drop, Put, Restore, Staged


def commit(locked_root: LockedRoot, changes: Sequence[Change], action: str) -> tuple[Generation, Generation]:
    """Apply the changes to what the root holds now, as one generation: (before, after), equal if nothing changed.

    `action` is the sentence `history` shows. Raises RecipeError, MachineError.
    """
    root, before = locked_root.root, locked_root.generation
    changes = [change for change in changes if not _is_so(root, before, change)]
    if not changes and before.number == current_number(root):  # an unreadable manifest counts as none, and must go
        return before, before
    wanted = _applied(slots(root, before), changes, root)
    _no_clash(wanted)
    links.check(root, links.names(slot.record for slot in wanted.values()))
    _adopt(root, before, links.names(wanted[part].record for part in map(_part, changes) if part in wanted))
    links.create(root, links.names(slot.record for slot in wanted.values()))
    return before, _switch(root, wanted, action)


def _switch(root: Root, wanted: Slots, action: str) -> Generation:
    """Build, flip, and only then take away what is no longer owned."""
    records = {part: slot.record for part, slot in wanted.items()}
    owned = links.owned(records)
    kept = adopt.kept(root)
    after = _generation(
        root, action=action, records=records, adopted=tuple(item for item in kept if item.path in owned)
    )
    build(root, generation=after, wanted=wanted, kept=kept, shown=())
    flip(root, after.number)
    adopt.restore_adopted(root, owned)
    links.remove(root, links.ours(root) - owned)
    return after


def _adopt(root: Root, before: Generation, wanted: frozenset[str]) -> None:
    """Commit a generation that shows what is foreign at our names, then put our links there."""
    found = tuple(Adopted(name, adopt.form(root, name)) for name in links.foreign(root, wanted))
    if not found:
        return
    names = ", ".join(item.path for item in found)
    taken = {item.path for item in found}
    kept = tuple(item for item in adopt.kept(root) if item.path not in taken)
    after = _generation(root, action=f"adopt {names}", records=before.records, adopted=(*kept, *found))
    build(root, generation=after, wanted=slots(root, before), kept=adopt.kept(root), shown=found)
    flip(root, after.number)
    adopt.replace_with_links(root, found)


def _applied(current: Slots, changes: Sequence[Change], root: Root) -> dict[PartId, Slot]:
    wanted = dict(current)
    for change in changes:
        match change:
            case Put(part):
                wanted[part.id] = Slot(installed_part(change), None)
            case Restore(record, number):
                wanted[record.id] = Slot(record, root.generation(number))
            case Drop(part_id):
                wanted.pop(part_id, None)
    return wanted


def _part(change: Change) -> PartId:
    match change:
        case Put(part):
            return part.id
        case Restore(record):
            return record.id
        case Drop(part_id):
            return part_id


def _is_so(root: Root, before: Generation, change: Change) -> bool:
    """Is this what the root holds already, undamaged? Someone else may have done it while we were fetching."""
    match change:
        case Put():
            record = installed_part(change)
        case Restore(record):
            pass
        case Drop(part):
            return part not in before.records
    held = before.records.get(record.id)
    if held is None or held.entries != record.entries or _plain(held) != _plain(record):
        return False
    # What came anew is not dropped for content that only looks the same.
    looks = (seal.inspect, seal.rehash) if isinstance(change, Put) else (seal.inspect,)
    return not any(look(root, before, [record.id])[record.id].damage for look in looks)


def _plain(record: InstalledPart) -> InstalledPart:
    """The record without what differs between two equal installs: how it was asked for."""
    return replace(record, entries=(), origin=replace(record.origin, requested="auto", why=""))


def _generation(
    root: Root, action: str, records: Mapping[PartId, InstalledPart], adopted: tuple[Adopted, ...]
) -> Generation:
    created = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Generation(
        next_number(root),
        created=created,
        tool=f"hero-build {__version__}",
        action=action,
        records=records,
        adopted=adopted,
    )


def _no_clash(wanted: Slots) -> None:
    """A path belongs to one part; a library also to several, if it is the same file for all. Raises RecipeError."""
    owners: dict[str, tuple[PartId, InstalledArtifact]] = {}
    for part, slot in wanted.items():
        for entry in slot.record.entries:
            for file in entry.files:
                other, theirs = owners.setdefault(owned_path(file.path), (part, entry))
                if other == part or (theirs.artifact == entry.artifact == "library" and theirs.files == entry.files):
                    continue
                raise _clash(part, other, owned_path(file.path), shared=theirs.artifact == entry.artifact == "library")


def _clash(part: PartId, other: PartId, path: str, *, shared: bool) -> RecipeError:
    if shared:
        hint = f"`hero-build install {other.app} {part.app}` brings both to the one that their recipes name."
        return RecipeError(f"{other} and {part} need different versions of {path}", hint)
    hint = f"Rename it in one of the two recipes, or `hero-build uninstall {other.app}` first."
    return RecipeError(f"{other} and {part} both install {path}", hint)


def installed_part(put: Put) -> InstalledPart:
    """What the manifest will say of a part that is put."""
    return InstalledPart(put.part.id, put.origin, tuple(_entry(staged) for staged in put.artifacts))


def _entry(staged: Staged) -> InstalledArtifact:
    verified = staged.verified
    artifact, offer = verified.artifact, verified.fetched.offer
    return InstalledArtifact(
        name=artifact.name,
        artifact="binary" if isinstance(artifact, Binary) else "library" if isinstance(artifact, Library) else "bundle",
        files=tuple(
            FileEntry(str(file.dest), sha256=file.sha256, size=file.size, mode=file.mode) for file in verified.files
        ),
        kind=artifact.kind if isinstance(artifact, Binary) else None,
        asset=offer.asset.name if offer else None,
        asset_id=offer.asset.id if offer else "",
        asset_sha256=verified.fetched.sha256 if offer else None,
        legacy_name=bool(offer and offer.legacy),
        verified=verified.checks,
        elf=verified.elf,
    )

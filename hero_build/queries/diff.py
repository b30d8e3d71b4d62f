"""`diff`: what changed between two generations, part by part and file by file."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from hero_build import manifest
from hero_build.errors import GenerationNotFound
from hero_build.install.layout import Root
from hero_build.install.recover import current_number
from hero_build.install.recover import generation_numbers as kept_numbers
from hero_build.model.installed import FileEntry, Generation, InstalledPart, Origin, PartId, Used
from hero_build.model.installed_parts import stored_parts

Change = Literal["added", "removed", "changed"]


class FileChange(Struct, frozen=True):
    """Digests and sizes before and after; None if the file did not exist."""

    path: str
    change: Change
    sha256_before: str | None
    sha256_after: str | None
    size_before: int | None
    size_after: int | None


class PartChange(Struct, frozen=True):
    part: str
    app: str
    change: Change
    version_before: str | None
    version_after: str | None
    used: Used | None
    why: str | None
    files: tuple[FileChange, ...]


class Diff(Struct, frozen=True):
    before: int
    after: int
    parts: tuple[PartChange, ...]


def pair(root: Root, numbers: Sequence[int]) -> tuple[Generation, Generation]:
    """Two generations: A and B, A and the current one, or the previous and the current one; 0 is the empty root.

    Raises GenerationNotFound, RootDamaged.
    """
    current = current_number(root)
    earlier = [number for number in kept_numbers(root) if number < current]
    first, second = (*numbers, *((max(earlier, default=0), current)[len(numbers) :]))
    return _read(root, first), _read(root, second)


def _read(root: Root, number: int) -> Generation:
    if number == 0:
        return Generation(0)
    if number not in kept_numbers(root):
        available = ", ".join(map(str, kept_numbers(root))) or "none"
        raise GenerationNotFound(f"{root.path} has no generation {number}", f"Available: {available}, and 0.")
    return manifest.read(root.generation(number))


def diff(before: Generation, after: Generation) -> Diff:
    return Diff(before.number, after.number, changes(before.records, after.records))


def changes(before: Mapping[PartId, InstalledPart], after: Mapping[PartId, InstalledPart]) -> tuple[PartChange, ...]:
    """Every part that differs, by name. A part that was merely requested differently does not differ."""
    known = stored_parts(after).get
    carried_over = {part for part, record in stored_parts(before).items() if record is known(part)}
    parts = sorted({*before, *after} - carried_over, key=lambda part: (part.app, part.bundle or ""))
    return tuple(change for part in parts if (change := _part(part, before.get(part), after.get(part))))


def _part(part: PartId, before: InstalledPart | None, after: InstalledPart | None) -> PartChange | None:
    old, new = _origin(before), _origin(after)
    files = tuple(_files(before, after))
    if not files and before and after and (old and new) and (old.version, old.used) == (new.version, new.used):
        return None
    change: Change = "changed" if before and after else "added" if after else "removed"
    return PartChange(
        str(part),
        app=part.app,
        change=change,
        version_before=old.version if old else None,
        version_after=new.version if new else None,
        used=new.used if new else None,
        why=new.why if new else None,
        files=files,
    )


def _origin(record: InstalledPart | None) -> Origin | None:
    return record.origin if record else None


def _files(before: InstalledPart | None, after: InstalledPart | None) -> Iterator[FileChange]:
    old, new = _by_path(before), _by_path(after)
    for path in sorted({*old, *new}):
        was, now = old.get(path), new.get(path)
        if was is None or now is None or (was.sha256, was.mode) != (now.sha256, now.mode):
            yield _file(path, was, now)


def _file(path: str, was: FileEntry | None, now: FileEntry | None) -> FileChange:
    change: Change = "changed" if was and now else "added" if now else "removed"
    digests = was.sha256 if was else None, now.sha256 if now else None
    return FileChange(path, change, *digests, was.size if was else None, now.size if now else None)


def _by_path(record: InstalledPart | None) -> Mapping[str, FileEntry]:
    return {file.path: file for entry in record.entries for file in entry.files} if record else {}

"""`history`: the generations of a root, oldest first, each with what it changed."""

from collections.abc import Iterable

from msgspec import Struct

from hero_build.install.history import Unreadable
from hero_build.model.installed import Generation
from hero_build.queries.diff import Change, changes


class VersionChange(Struct, frozen=True):
    """How one part changed."""

    part: str
    change: Change
    version_before: str | None
    version_after: str | None


class HistoryEntry(Struct, frozen=True):
    """`since`: the generation that `changes` compares with, 0 for the empty root; None if no earlier one is left.

    `trouble`: why this generation cannot be read, and so not be restored.
    """

    number: int
    current: bool
    created: str | None
    tool: str | None
    action: str | None
    apps: int | None
    changes: tuple[VersionChange, ...]
    since: int | None = None
    trouble: str | None = None


class History(Struct, frozen=True):
    root: str
    generations: tuple[HistoryEntry, ...]


def history(root: str, current: int, generations: Iterable[Generation | Unreadable]) -> History:
    """Each generation with its changes since the newest older one that can be read; number 1 since the empty root."""
    entries: list[HistoryEntry] = []
    before: Generation | None = None
    for generation in generations:
        if isinstance(generation, Unreadable):
            entries.append(_unreadable(generation, current))
        else:
            earlier = Generation(0) if generation.number == 1 else before
            entries.append(_entry(earlier, generation, current))
            before = generation
    return History(root, tuple(entries))


def _unreadable(generation: Unreadable, current: int) -> HistoryEntry:
    number, reason = generation.number, generation.error.message
    return HistoryEntry(
        number, current=number == current, created=None, tool=None, action=None, apps=None, changes=(), trouble=reason
    )


def _entry(before: Generation | None, generation: Generation, current: int) -> HistoryEntry:
    differing = changes(before.records, generation.records) if before else ()
    briefs = tuple(
        VersionChange(c.part, change=c.change, version_before=c.version_before, version_after=c.version_after)
        for c in differing
    )
    apps = len({part.app for part in generation.records})
    number, created, tool, action = generation.number, generation.created, generation.tool, generation.action
    return HistoryEntry(
        number,
        current=number == current,
        created=created,
        tool=tool,
        action=action,
        apps=apps,
        changes=briefs,
        since=before.number if before else None,
    )

"""Which installed programs run, and whether they are still what is installed (`runtime.fresh` says how it knows)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hero_build.install.layout import Root
from hero_build.record import Entry, Record
from hero_build.runtime import fresh


@dataclass(frozen=True, slots=True)
class Process:
    """`old`: started from content that is no longer what is installed under that name. `unknown`: another user's."""

    pid: int
    binary: str
    state: fresh.State


def processes(root: Root, installed: Mapping[str, tuple[Record, ...]]) -> Mapping[str, tuple[Process, ...]]:
    """The running programs of each app, by app. One walk through /proc, however many apps there are."""
    owners = {
        entry.name: app for app, records in installed.items() for record in records for entry in _binaries(record)
    }
    found: dict[str, list[Process]] = {}
    for program in fresh.programs(root):
        if program.binary in owners:
            process = Process(program.pid, program.binary, program.state)
            found.setdefault(owners[program.binary], []).append(process)
    return {app: tuple(sorted(items, key=lambda item: item.pid)) for app, items in found.items()}


def _binaries(record: Record) -> Iterator[Entry]:
    return (entry for entry in record.entries if entry.artifact == "binary")

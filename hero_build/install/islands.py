"""Which parts are islands. What renders their index (islands_index.py) is imported only for those who have some."""

from collections.abc import Iterable, Mapping

from hero_build.model.artifacts import ISLANDS
from hero_build.model.installed import FileEntry, InstalledPart, PartId
from hero_build.model.installed_parts import StoredPart

INDEX = f"{ISLANDS}/islands.json"


def islands_by_name(records: Iterable[StoredPart]) -> dict[str, tuple[FileEntry, ...]]:
    """The files of each island by its name, which is that of its folder."""
    read = (record for record in records if isinstance(record, InstalledPart))  # an unread one has none
    entries = (entry for record in read for entry in record.entries if entry.artifact == "bundle")
    return {
        item.name: item.files for item in entries if all(file.path.startswith(f"{ISLANDS}/") for file in item.files)
    }


def index_part(records: Mapping[PartId, InstalledPart]) -> PartId | None:
    """The part that damage of the index is reported for: the first with an island."""
    return min((part for part, record in records.items() if islands_by_name((record,))), key=str, default=None)

"""islands.json: what a page needs to load any installed island (schema: docs/islands.schema.json).

It belongs to no part: every generation with islands has one, made of nothing but the records, so that the same islands
give the same bytes. A release may carry one too; only the names of its islands are taken from there.
"""

import binascii
import json
from collections.abc import Iterable, Mapping
from typing import Any

from hero_build.model.artifacts import ISLANDS
from hero_build.model.installed import FileEntry, InstalledPart, PartId
from hero_build.verify.bundle_files import entry

PATH = f"{ISLANDS}/islands.json"
SCHEMA = 1


def render(records: Mapping[PartId, InstalledPart]) -> str | None:
    """The index of all islands among the parts, by name; None where there are none."""
    found = _islands(records)
    islands = [island for name in sorted(found) if (island := _island(name, found[name]))]
    return json.dumps({"schema": SCHEMA, "islands": islands}, indent=2) + "\n" if found else None


def keeper(records: Mapping[PartId, InstalledPart]) -> PartId | None:
    """The part that answers for the index where damage is told part by part: the first with an island."""
    return min((part for part, record in records.items() if _islands({part: record})), key=str, default=None)


def any_island(records: Iterable[InstalledPart]) -> bool:
    """Whether any of these parts is an island."""
    return any(_islands({record.id: record}) for record in records)


def _islands(records: Mapping[PartId, InstalledPart]) -> dict[str, tuple[FileEntry, ...]]:
    """The files of each island by its name, which is that of its folder."""
    entries = (entry for record in records.values() for entry in record.entries if entry.artifact == "bundle")
    return {
        item.name: item.files for item in entries if all(file.path.startswith(f"{ISLANDS}/") for file in item.files)
    }


def _island(name: str, files: Iterable[FileEntry]) -> dict[str, Any] | None:
    """Paths are relative to the folder of islands.json; None for what no page could load (and verify lets not in)."""
    by_path = {file.path.removeprefix(f"{ISLANDS}/"): file for file in files}
    pair = entry(name, [path.removeprefix(f"{name}/") for path in by_path])
    if pair is None:
        return None
    loads = f"{name}/{pair.glue}"
    return {
        "name": name,
        "entry": loads,
        "module": f"{name}/{pair.module}",
        "size": sum(file.size for file in by_path.values()),
        "sha256": by_path[loads].sha256,
        "integrity": integrity(by_path[loads].sha256),
        "files": {path: _file(by_path[path]) for path in sorted(by_path)},
    }


def _file(file: FileEntry) -> dict[str, Any]:
    return {"size": file.size, "sha256": file.sha256, "integrity": integrity(file.sha256)}


def integrity(sha256: str) -> str:
    """The digest as browsers take it (W3C Subresource Integrity)."""
    return f"sha256-{binascii.b2a_base64(bytes.fromhex(sha256), newline=False).decode()}"

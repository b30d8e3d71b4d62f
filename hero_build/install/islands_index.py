"""islands.json: what a page needs to load any installed island (schema: docs/islands.schema.json).

It belongs to no part: every generation with islands has one, rendered from the records alone, so that the same islands
give the same bytes. A release may have one too; only the names of its islands are read from it.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from hero_build.install.islands import islands_by_name
from hero_build.model.artifacts import ISLANDS
from hero_build.model.installed import FileEntry, PartId
from hero_build.model.installed_parts import StoredPart
from hero_build.model.manifest_document import ByteSize, Sha256
from hero_build.verify.bundle_files import entry_pair

_SPELLED_DIFFERENTLY = (b"\\", b"\x7f")
"""What json and msgspec escape in ways of their own, beside letters outside of ASCII."""
IndexedPath = Annotated[
    str,
    Meta(
        pattern="^[^/]+(/[^/]+)+$",
        description="relative to the folder of islands.json; the first segment is the island's name",
    ),
]
Integrity = Annotated[
    str, Meta(pattern="^sha256-[A-Za-z0-9+/]{43}=$", description="as browsers take it (W3C Subresource Integrity)")
]


class IndexedFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of an island."""

    size: ByteSize
    sha256: Sha256
    integrity: Integrity


class IndexedIsland(Struct, frozen=True, forbid_unknown_fields=True):
    """An island: the JavaScript that a page imports (`entry`), the WebAssembly that it loads, and all files."""

    name: Annotated[str, Meta(min_length=1, pattern="^[^/]+$")]
    entry: Annotated[IndexedPath, Meta(description="the JavaScript that a page imports")]
    module: Annotated[IndexedPath, Meta(description="the WebAssembly that the entry loads")]
    size: Annotated[ByteSize, Meta(description="bytes of all files together")]
    sha256: Annotated[Sha256, Meta(description="of the entry")]
    integrity: Annotated[Integrity, Meta(description="of the entry")]
    files: Annotated[dict[IndexedPath, IndexedFile], Meta(min_length=2)]


class IslandsDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """The islands are in the order of their names."""

    schema: Literal[1]
    islands: tuple[IndexedIsland, ...]


def render(records: Mapping[PartId, StoredPart]) -> str | None:
    """The index of all islands among the parts, by name; None where there are none."""
    by_name = islands_by_name(records.values())
    islands = tuple(island for name in sorted(by_name) if (island := _island(name, by_name[name])))
    return _indented(IslandsDocument(1, islands)) if by_name else None


def _indented(document: IslandsDocument) -> str:
    """As `json.dumps` with `indent=2` writes it, whose bytes `verify` compares; it has no fast way to indent."""
    raw = msgspec.json.encode(document)
    if raw.isascii() and not any(mark in raw for mark in _SPELLED_DIFFERENTLY):
        return msgspec.json.format(raw, indent=2).decode() + "\n"
    import json  # for unusual names alone

    return json.dumps(msgspec.to_builtins(document), indent=2) + "\n"


def _island(name: str, files: Iterable[FileEntry]) -> IndexedIsland | None:
    """Paths are relative to the folder of islands.json; None for what no page could load (verify refuses those)."""
    by_path = {file.path.removeprefix(f"{ISLANDS}/"): file for file in files}
    pair = entry_pair(name, [path.removeprefix(f"{name}/") for path in by_path])
    if pair is None:
        return None
    loaded = by_path[f"{name}/{pair.glue}"]
    return IndexedIsland(
        name,
        entry=f"{name}/{pair.glue}",
        module=f"{name}/{pair.module}",
        size=sum(file.size for file in by_path.values()),
        sha256=loaded.sha256,
        integrity=integrity(loaded.sha256),
        files={path: _file(by_path[path]) for path in sorted(by_path)},
    )


def _file(file: FileEntry) -> IndexedFile:
    return IndexedFile(size=file.size, sha256=file.sha256, integrity=integrity(file.sha256))


def integrity(sha256: str) -> str:
    """The digest as browsers take it (W3C Subresource Integrity)."""
    import binascii  # for islands alone

    return f"sha256-{binascii.b2a_base64(bytes.fromhex(sha256), newline=False).decode()}"

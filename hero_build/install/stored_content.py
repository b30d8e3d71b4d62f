"""What the store has of an asset already, so that it is not fetched again: for going back to another set of versions.

A program is in the store under the digest of its asset. What came in an archive is found by a generation whose manifest
says that it came from an archive with that digest.
"""

from collections.abc import Mapping
from pathlib import Path

from hero_build.install.fsutil import link_or_copy
from hero_build.install.history import Unreadable, list_generations
from hero_build.install.layout import Root
from hero_build.install.store import content_path
from hero_build.model.artifacts import Artifact, Binary, Library
from hero_build.model.installed import FileEntry
from hero_build.os_errors import raise_for_machine

_Unpacked = Mapping[tuple[str, str], tuple[FileEntry, ...]]
"""By the digest of an archive and the name of the artifact: the files that were in it."""


class StoredContents:
    """The contents of one root, for one command; only one thread may use it."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._unpacked: _Unpacked | None = None

    def files(self, artifact: Artifact, sha256: str) -> tuple[FileEntry, ...] | None:
        """The files of an artifact whose asset has this digest; None where the store lacks one. Reads no content."""
        entries = self._as_it_is(artifact, sha256) or self._from_archive(artifact, sha256)
        return entries if entries and all(content_path(self._root, item).is_file() for item in entries) else None

    def _as_it_is(self, artifact: Artifact, sha256: str) -> tuple[FileEntry, ...] | None:
        match artifact:
            case Binary(name):
                entry = FileEntry(f"bin/{name}", sha256=sha256, size=0, mode=0o755)
            case Library(name, pins) if not any(pin.member for pin in pins):
                entry = FileEntry(f"lib/{name}", sha256=sha256, size=0, mode=0o644)
            case _:
                return None
        try:
            size = content_path(self._root, entry).stat().st_size
        except OSError as error:
            raise_for_machine(error)
            return None
        return (FileEntry(entry.path, sha256=sha256, size=size, mode=entry.mode),)

    def _from_archive(self, artifact: Artifact, sha256: str) -> tuple[FileEntry, ...] | None:
        if isinstance(artifact, Binary):
            return None
        if self._unpacked is None:
            self._unpacked = _unpacked(self._root)
        return self._unpacked.get((sha256, artifact.name))


def link_content(root: Root, entry: FileEntry, folder: Path) -> Path:
    """A hard link to a file of the store, at its path below `folder`: `gc` does not delete what it holds.

    Raises OSError where the store no longer has it, NotWritable.
    """
    target = folder / entry.path
    target.parent.mkdir(parents=True, exist_ok=True)
    link_or_copy(content_path(root, entry), target)
    return target


def _unpacked(root: Root) -> _Unpacked:
    generations = (item for item in list_generations(root) if not isinstance(item, Unreadable))
    artifacts = (entry for item in generations for record in item.records.values() for entry in record.entries)
    return {(entry.asset_sha256, entry.name): entry.files for entry in artifacts if entry.asset_sha256}

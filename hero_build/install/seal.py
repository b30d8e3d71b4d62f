"""seal.json: inode, size and mtime of each file of a generation, to see without reading it whether a file changed.

`inspect` compares them (a stat and a readlink per file); `rehash` reads every byte.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from hero_build import manifest
from hero_build.install import islands_index
from hero_build.install.layout import Root, is_ours
from hero_build.install.links import link_names
from hero_build.model.installed import FileEntry, Generation, InstalledPart, PartId
from hero_build.model.steps import Installed

NAME = "seal.json"
Seal = Mapping[str, tuple[int, int, int]]
_SEAL: msgspec.json.Decoder[dict[str, tuple[int, int, int]]] = msgspec.json.Decoder(dict[str, tuple[int, int, int]])
Check = Callable[[Path, FileEntry], str | None]
_CHUNK = 1 << 20


def measure(folder: Path, paths: Iterable[str]) -> str:
    """The seal of a generation's folder as JSON text: `{path: [inode, size in bytes, mtime in ns]}`."""
    return msgspec.json.encode({path: _stamp(folder / path) for path in sorted(paths)}).decode() + "\n"


def inspect(root: Root, generation: Generation, parts: Iterable[PartId]) -> dict[PartId, Installed]:
    """These parts of the current generation, with the damage that its seal and its links show."""
    seal = _read(root)
    return _examine(root, generation=generation, parts=parts, check=lambda path, file: _seal_damage(path, file, seal))


def rehash(
    root: Root, generation: Generation, parts: Iterable[PartId], *, links: bool = True
) -> dict[PartId, Installed]:
    """These parts of the current generation, with the damage that their bytes (and links) show."""
    return _examine(root, generation=generation, parts=parts, check=_content_damage, links=links)


def first_damage(folder: Path, record: InstalledPart) -> str | None:
    """The first file of a part, in any generation's folder, that differs from what was committed, and how."""
    seal = _load(folder / NAME)
    for file in _files(record):
        if reason := _seal_damage(folder / file.path, file, seal):
            return f"{file.path} {reason}"
    return None


def _examine(
    root: Root, generation: Generation, parts: Iterable[PartId], check: Check, *, links: bool = True
) -> dict[PartId, Installed]:
    folder = manifest.current(root.path) or root.generation(generation.number)
    wanted = tuple(parts)
    islands = links and islands_index.any_island(generation.records[part] for part in wanted)
    index_part = islands_index.index_part(generation.records) if islands else None  # reads all records
    examined = {}
    for part in wanted:
        record = generation.records[part]
        inside = [f"{file.path} {why}" for file in _files(record) if (why := check(folder / file.path, file))]
        names = sorted(link_names([record])) if links else ()
        outside = [f"{name} {_link_damage(root, name)}" for name in names if not is_ours(root, name)]
        if links and part == index_part:
            outside.extend(_index_damage(folder, generation))
        examined[part] = Installed(record, (*inside, *outside))
    return examined


def _index_damage(folder: Path, generation: Generation) -> Iterator[str]:
    """The index follows from the records alone, so no seal is needed to check it."""
    try:
        text = (folder / islands_index.PATH).read_bytes()
    except OSError:
        yield f"{islands_index.PATH} is missing"
        return
    if text != (islands_index.render(generation.records) or "").encode():
        yield f"{islands_index.PATH} is not the index of what is installed"


def _files(record: InstalledPart) -> Iterable[FileEntry]:
    return (file for entry in record.entries for file in entry.files)


def _link_damage(root: Root, name: str) -> str:
    if not os.path.lexists(root.place(name)):
        return "is not linked"
    return "was replaced by something else"


def _seal_damage(path: Path, file: FileEntry, seal: Seal) -> str | None:
    try:
        stamp = _stamp(path)
    except OSError:
        return "is missing"
    if stamp[1] != file.size:
        return f"has {stamp[1]} bytes instead of {file.size}"
    return None if seal.get(file.path) == stamp else "was touched since it was installed"


def _content_damage(path: Path, file: FileEntry) -> str | None:
    try:
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
            status = os.fstat(content.fileno())
    except OSError:
        return "is missing"
    if digest != file.sha256:
        return f"has other content (sha256 {digest[:12]}… instead of {file.sha256[:12]}…)"
    if status.st_mode & 0o7777 != file.mode:
        return f"has mode {status.st_mode & 0o7777:04o} instead of {file.mode:04o}"
    return None


def _stamp(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _read(root: Root) -> Seal:
    folder = manifest.current(root.path)
    return {} if folder is None else _load(folder / NAME)


def _load(path: Path) -> Seal:
    """Without a seal that can be read, every file counts as touched."""
    try:
        return _SEAL.decode(path.read_bytes())
    except (OSError, ValueError):
        return {}

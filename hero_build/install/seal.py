"""seal.json: inode, size and mtime of each file of a generation, to see without reading it that a file is unchanged.

A stamp that differs says "read it", not "damaged": copying a root (`cp -a`, a backup, the layer of a container image)
changes inodes and sometimes mtimes. `inspect` reads the files whose stamp differs, `rehash` reads all of them; both
renew the seal where the content is right.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import msgspec
from msgspec import Struct

from hero_build.install.islands import INDEX, index_part, islands_by_name
from hero_build.install.layout import Root, is_ours
from hero_build.install.links import link_names
from hero_build.install.root_lock import locked_if_free
from hero_build.manifest import SEAL
from hero_build.model.installed import FileEntry, Generation, InstalledPart, PartId
from hero_build.model.steps import Installed
from hero_build.os_errors import lexists, raise_for_machine
from hero_build.system.atomic_file import replace_file
from hero_build.system.decoding import prepared
from hero_build.system.regular_file import read_regular

NAME = SEAL
_LARGEST_FILE = 64 << 20  # bytes
Stamp = tuple[int, int, int]
Seal = Mapping[str, Stamp]
_SEAL: msgspec.json.Decoder[dict[str, Stamp]] = msgspec.json.Decoder(prepared(dict[str, Stamp]))
_GONE = (FileNotFoundError, NotADirectoryError)


class Content(Struct, frozen=True):
    """What a look at files showed: the damage by path, and the stamps of what was read and is right."""

    damage: Mapping[str, str]
    fresh: Seal


def measure(folder: Path, paths: Iterable[str], linked: Mapping[str, str] = MappingProxyType({})) -> str:
    """The seal of a generation's folder as JSON text: `{path: [inode, size in bytes, mtime in ns]}`.

    `linked`: the folder of the generation whose file a path is a hard link to. The stamp in its seal is that of both,
    and where the file was changed since, the new seal still says so.
    """
    seals = {source: _load(Path(source, NAME)) for source in set(linked.values())}
    known = {path: stamp for path, source in linked.items() if (stamp := seals[source].get(path))}
    return _dump({path: known.get(path) or _stamp(os.stat(f"{folder}/{path}")) for path in paths})


def inspect(root: Root, generation: Generation, parts: Iterable[PartId]) -> dict[PartId, Installed]:
    """These parts of a generation, with the damage that files and links show; reads only what its seal does not vouch
    for.
    """
    return _examine(root, generation=generation, parts=tuple(parts), read_all=False, links=True)


def rehash(
    root: Root, generation: Generation, parts: Iterable[PartId], *, links: bool = True
) -> dict[PartId, Installed]:
    """These parts of a generation, with the damage that their bytes (and links) show."""
    return _examine(root, generation=generation, parts=tuple(parts), read_all=True, links=links)


def first_damage(folder: Path, record: InstalledPart) -> str | None:
    """The first file of a part, in any generation's folder, that differs from what was committed, and how."""
    damage = _content(folder, _files(record), read_all=False).damage
    return next((f"{path} {reason}" for path, reason in damage.items()), None)


def sealed_size(folder: Path, path: str) -> int | None:
    """The size of a file when its generation was committed; None without a seal that says it."""
    stamp = _load(folder / NAME).get(path)
    return stamp[1] if stamp else None


def sealed_alike(one: Path, other: Path) -> set[str]:
    """The paths at which the folders of two generations had the same file when they were committed, by their seals."""
    stamp_in = _load(one / NAME).get
    return {path for path, stamp in _load(other / NAME).items() if stamp_in(path) == stamp}


def _examine(
    root: Root, generation: Generation, parts: tuple[PartId, ...], *, read_all: bool, links: bool
) -> dict[PartId, Installed]:
    folder = root.generation(generation.number)
    content = _content(folder, (file for part in parts for file in _files(generation.records[part])), read_all=read_all)
    _renew(root, folder, content.fresh)
    islands = links and islands_by_name(generation.records[part] for part in parts)
    indexed = index_part(generation.records) if islands else None  # reads all records
    examined = {}
    for part in parts:
        record = generation.records[part]
        inside = [f"{file.path} {why}" for file in _files(record) if (why := content.damage.get(file.path))]
        names = sorted(link_names([record])) if links else ()
        outside = [f"{name} {_link_damage(root, name)}" for name in names if not is_ours(root, name)]
        if links and part == indexed:
            outside.extend(_index_damage(folder, generation))
        examined[part] = Installed(record, (*inside, *outside))
    return examined


def _index_damage(folder: Path, generation: Generation) -> Iterator[str]:
    """The index follows from the records alone, so no seal is needed to check it."""
    try:
        text = read_regular(folder / INDEX, _LARGEST_FILE)
    except OSError as error:
        yield f"{INDEX} {_unreadable(error)}"
        return
    from hero_build.install.islands_index import render  # for islands alone

    if text != (render(generation.records) or "").encode():
        yield f"{INDEX} is not the index of what is installed"


def _files(record: InstalledPart) -> Iterable[FileEntry]:
    return (file for entry in record.entries for file in entry.files)


def _link_damage(root: Root, name: str) -> str:
    if not lexists(root.place(name)):
        return "is not linked"
    return "was replaced by something else"


def _content(folder: Path, files: Iterable[FileEntry], *, read_all: bool) -> Content:
    """Compare files with what was recorded of them; several are read at once."""
    seal = _load(folder / NAME)
    entries = {file.path: file for file in files}  # a library may belong to several parts
    damage: dict[str, str] = {}
    doubtful = []
    for file in entries.values():
        if read_all:
            doubtful.append(file)
        elif reason := _size_damage(folder / file.path, file):
            damage[file.path] = reason
        elif _stamp_now(folder / file.path) != seal.get(file.path):
            doubtful.append(file)
    fresh = {}
    for file, answer in zip(doubtful, _each(lambda file: _read(folder / file.path, file), doubtful), strict=True):
        if isinstance(answer, str):
            damage[file.path] = answer
        elif answer != seal.get(file.path):
            fresh[file.path] = answer
    return Content({path: damage[path] for path in entries if path in damage}, fresh)


def _each(read: Callable[[FileEntry], str | Stamp], files: Sequence[FileEntry]) -> Iterable[str | Stamp]:
    """One thread per processor: hashing releases the interpreter lock."""
    if len(files) < 2:
        return [read(file) for file in files]
    from hero_build.system.thread_pool import ThreadPool  # not where the seal vouches for everything

    with ThreadPool(os.cpu_count() or 1, thread_name_prefix="hash") as pool:
        return list(pool.map(read, files))


def _size_damage(path: Path, file: FileEntry) -> str | None:
    try:
        size = path.stat().st_size
    except OSError as error:
        return _unreadable(error)
    return f"has {size} bytes instead of {file.size}" if size != file.size else None


def _read(path: Path, file: FileEntry) -> str | Stamp:
    """The stamp of a file whose content and mode are right, or how they differ."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return "is not a regular file"
        with path.open("rb") as content:
            stamp = _stamp(os.fstat(content.fileno()))
            import hashlib  # not where the seal vouches for everything

            digest = hashlib.file_digest(content, "sha256").hexdigest()
            status = os.fstat(content.fileno())
    except OSError as error:
        return _unreadable(error)
    if digest != file.sha256 or _stamp(status) != stamp:
        return f"has other content (sha256 {digest[:12]}… instead of {file.sha256[:12]}…)"
    if stat.S_IMODE(status.st_mode) != file.mode:
        return f"has mode {stat.S_IMODE(status.st_mode):04o} instead of {file.mode:04o}"
    return stamp


def _unreadable(error: OSError) -> str:
    """A block that the disk cannot read any more is damage, which a new file repairs; read(2) names no file."""
    if error.errno != errno.EIO or error.filename is not None:
        raise_for_machine(error)
    return "is missing" if isinstance(error, _GONE) else f"cannot be read: {error.strerror}"


def _renew(root: Root, folder: Path, fresh: Seal) -> None:
    """Seal again what was read and is right. Best effort: without it, the next command reads these files again.

    Only by the owner of the generation, who leaves no file that another user cannot remove, and only while no command
    changes the root.
    """
    if not fresh:
        return
    with suppress(OSError), locked_if_free(root) as free:
        if free and folder.stat().st_uid == os.geteuid():
            content = _dump({**_load(folder / NAME), **fresh}).encode()
            replace_file(folder / NAME, content, durable=True, scratch=root.staging)


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _stamp_now(path: Path) -> Stamp | None:
    try:
        return _stamp(path.stat())
    except OSError:
        return None


def _dump(seal: Seal) -> str:
    return msgspec.json.encode({path: seal[path] for path in sorted(seal)}).decode() + "\n"


def _load(path: Path) -> Seal:
    """Without a seal that can be read, every file is read."""
    try:
        return _SEAL.decode(read_regular(path, _LARGEST_FILE))
    except (OSError, ValueError):
        return {}

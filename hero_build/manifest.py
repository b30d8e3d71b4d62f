"""manifest.json: what a root holds, and where each part of it came from (schema: docs/manifest.schema.json).

    from hero_build import manifest
    manifest.load(Path("~/hero").expanduser()).records

A public module with few imports. A reader that needs a consistent set resolves `current` once (`current(root)`) and
reads content through that folder, never path by path through `<root>/bin` (docs/on-disk.md).
"""

import errno
import os
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from hero_build import STATE, __version__
from hero_build.errors import RootDamaged
from hero_build.model.installed import SCHEMA as SCHEMA
from hero_build.model.installed import Generation, PartId
from hero_build.model.installed_parts import InstalledParts, StoredPart
from hero_build.os_errors import ABSENT, raise_for_access
from hero_build.system.decoding import convert, decode_json
from hero_build.system.regular_file import read_regular

if TYPE_CHECKING:  # the document's types are loaded where there is a manifest to read or write
    from hero_build.model.manifest_document import ManifestApp, ManifestDocument

SEAL = "seal.json"
_LARGEST_FILE = 64 << 20  # bytes
_LARGE = 32 << 10  # bytes of a manifest from which an app is worth reading alone
_SETTLED = 50_000_000  # ns after its last change from which a file's stamp says that it is the same: some clock ticks
T = TypeVar("T")
_read: "dict[tuple[int, ...], Generation]" = {}
"""The manifest that was read last, by its stamp: a command reads the same one at each of its steps."""


def current(root: Path) -> Path | None:
    """The folder of the committed generation, resolved once; None before the first commit.

    Raises RootDamaged, and as all functions here MachineError, for what this machine lacks or may not read.
    """
    link = root / STATE / "current"
    try:
        return link.parent / os.readlink(link)
    except ABSENT:
        return None
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise_for_access(error, link)
            raise RootDamaged(f"{link} cannot be read: {error.strerror}", "Name another root with --root.") from error
        hint = f"Move it away (`mv {link} {link}.old`), then run `hero-build rollback N`."
        raise RootDamaged(f"{link} is not a link", hint) from error


def load(root: Path) -> Generation:
    """What is installed in `root`: generation 0 where nothing is. Raises RootDamaged."""
    folder = current(root)
    while folder is not None and folder.name != "0":
        try:
            return read(folder)
        except RootDamaged:
            if (newer := current(root)) == folder:
                raise
            folder = newer  # another command committed meanwhile, and deleted the folder
    if folder is None and (newest := _newest(root)) and current(root) is None:
        hint = f"`hero-build rollback {newest}` makes the newest one current again."
        raise RootDamaged(f"{root / STATE / 'current'} is missing, although generations exist", hint)
    return Generation(0)


def _newest(root: Path) -> int:
    """The highest number of a generation that has a folder; 0: none, as before the first commit."""
    try:
        names = os.listdir(root / STATE / "generations")
    except OSError:
        return 0
    return max((int(name) for name in names if name.isascii() and name.isdecimal()), default=0)


def read(folder: Path) -> Generation:
    """The manifest of one generation's folder. Raises RootDamaged."""
    path = folder / "manifest.json"
    try:
        before = _stamp(path)
        if (known := _read.get(before)) is None:
            content = read_regular(path, _LARGEST_FILE)
            known = _as_written(path, content, before) or _decoded(content)
            if before == _stamp(path) and time.time_ns() - before[-1] > _SETTLED:
                _read.clear()
                _read[before] = known
        return known
    except OSError as error:
        raise_for_access(error, path)
        raise _damaged(path, error.strerror or str(error)) from error
    except ValueError as error:
        raise _damaged(path, str(error)) from error


def dump(generation: Generation) -> str:
    """The document as it is written: stable order, two-space indent, newline at the end."""
    return encoded(generation).decode()


def encoded(generation: Generation) -> bytes:
    """The bytes of `dump`."""
    if isinstance(generation.records, InstalledParts):
        from hero_build.model import manifest_text  # not for a first install

        return manifest_text.encoded(generation)
    from hero_build.model.manifest_convert import to_document

    return msgspec.json.format(msgspec.json.encode(to_document(generation)), indent=2) + b"\n"


def encode(generation: Generation) -> dict[str, Any]:
    """The document as dictionaries and lists."""
    from hero_build.model.manifest_convert import to_document

    document: dict[str, Any] = msgspec.to_builtins(to_document(generation))
    return document


def decode(document: object, path: Path) -> Generation:
    """The value of a document read from `path`. Raises RootDamaged with the path of the field that does not fit."""
    from hero_build.model.manifest_convert import from_document
    from hero_build.model.manifest_document import ManifestDocument

    try:
        return from_document(convert(document, ManifestDocument))
    except ValueError as error:
        raise _damaged(path, _schema_problem(document) or str(error)) from error


def _stamp(path: Path) -> tuple[int, ...]:
    """Changes whenever the file does, unless it does twice within a tick of the file system's clock."""
    status = os.stat(path)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _as_written(path: Path, content: bytes, stamp: tuple[int, ...]) -> Generation | None:
    """The value of a manifest that is as this hero-build wrote it, whose apps are read when they are asked for.

    None where that is not known, or where reading all of them takes no time. Raises ValueError.
    """
    if len(content) < _LARGE or not _is_sealed(path, stamp):
        return None
    from hero_build.model import manifest_text
    from hero_build.model.manifest_convert import from_document

    if (pieces := manifest_text.cut(content)) is None:
        return None
    head, apps = pieces
    generation = from_document(_parse(head))
    if generation.tool != f"hero-build {__version__}":  # another version may have written an app in another way
        return None
    parts = InstalledParts(
        lambda: _checked(path, lambda: _outline(apps)),
        read=lambda part: _checked(path, lambda: manifest_text.read_part(part, _app(part.text))),
        read_all=lambda: _checked(path, lambda: _decoded(content).records),
    )
    return replace(generation, records=parts)


def _outline(apps: memoryview) -> "dict[PartId, StoredPart]":
    """Raises ValueError."""
    from hero_build.model import manifest_text

    outlines = decode_json(apps, kind=dict[str, manifest_text.AppOutline])
    return manifest_text.outline(decode_json(apps, kind=dict[str, Raw]), outlines, _app)


def _app(text: Raw) -> "ManifestApp":
    """Raises ValueError."""
    from hero_build.model.manifest_document import ManifestApp

    return decode_json(text, kind=ManifestApp)


def _is_sealed(path: Path, stamp: tuple[int, ...]) -> bool:
    """Whether the manifest has the stamp that its generation's seal has of it."""
    from hero_build.model.manifest_text import SealOfManifest

    try:
        seal = decode_json(read_regular(path.with_name(SEAL), _LARGEST_FILE), kind=SealOfManifest)
    except (OSError, ValueError):
        return False
    _, inode, size, mtime, _ = stamp
    return seal.stamp == (inode, size, mtime)


def _checked(path: Path, read: Callable[[], T]) -> T:
    """Raises RootDamaged, as `read`, for a part that cannot be read."""
    try:
        return read()
    except ValueError as error:
        raise _damaged(path, str(error)) from error


@lru_cache(maxsize=2)
def _decoded(content: bytes) -> Generation:
    """The value of these bytes. Raises ValueError."""
    from hero_build.model.manifest_convert import from_document

    return from_document(_parse(content))


def _parse(content: bytes) -> "ManifestDocument":
    """Raises ValueError."""
    from hero_build.model.manifest_document import ManifestDocument

    try:
        return decode_json(content, kind=ManifestDocument)
    except msgspec.ValidationError as error:
        if problem := _schema_problem(msgspec.json.decode(content)):
            raise ValueError(problem) from error
        raise


def _damaged(path: Path, why: str) -> RootDamaged:
    hint = "`hero-build history` lists the generations that can be read; `hero-build rollback N` restores one."
    return RootDamaged(f"{path} cannot be read as a manifest: {why}", hint)


def _schema_problem(document: object) -> str | None:
    """Why the document's schema number is not the one that this version reads; None: it is."""
    if not isinstance(document, dict) or "schema" not in document:
        return "it has no schema number"
    if (number := document["schema"]) == SCHEMA:
        return None
    newer = isinstance(number, int) and number > SCHEMA
    writer = "a newer hero-build wrote it" if newer else "no released hero-build wrote it"
    return f"schema {number!r} is not {SCHEMA}, {writer}"

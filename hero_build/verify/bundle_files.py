"""The files of a bundle before anything is known of them: names that stay in their folder, and no links."""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from hero_build.model.names import safe_name

FILES_MAX = 10_000
_DEEPEST, _LONGEST = 32, 1024  # folders, and characters of a whole name


class UnsafeMember(Exception):
    """What is wrong with a name or with what stands there, as the end of the sentence "<bundle> …"."""


class BundleFile(Struct, frozen=True):
    """A regular file: its name in the bundle (`snippets/x/inline0.js`), where it lies, and what it holds."""

    name: str
    path: Path
    sha256: str
    size: int


def check_member_name(name: str) -> str:
    """`name` without a leading `./`. Raises UnsafeMember if it leaves the bundle or has unprintable characters."""
    name = name.removeprefix("./").removesuffix("/")
    parts = name.split("/")
    if len(name) > _LONGEST or len(parts) > _DEEPEST:
        raise UnsafeMember(f"contains {name[:80] + '…'!r}, which is too long or too deep for a file's name")
    if not all(safe_name(part) and "\\" not in part for part in parts):
        raise UnsafeMember(f"contains {name!r}, which no file of a bundle may be called")
    return name


def read_folder(folder: Path) -> tuple[BundleFile, ...]:
    """Every file below a folder, in the order of their names, read once. Raises UnsafeMember, OSError."""
    found: list[BundleFile] = []
    for name, path in _walk(folder, ""):
        if len(found) == FILES_MAX:
            raise UnsafeMember(f"has more than {FILES_MAX} files")
        found.append(_read_file(name, path))
    return tuple(sorted(found, key=lambda item: item.name))


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = check_member_name(prefix + entry.name)
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), f"{name}/")
            else:
                yield name, Path(entry.path)


def _read_file(name: str, path: Path) -> BundleFile:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        kind = "a link" if stat.S_ISLNK(status.st_mode) else "not a regular file"
        raise UnsafeMember(f"contains {name!r}, which is {kind}")
    with path.open("rb") as content:
        return BundleFile(
            name,
            path=path,
            sha256=hashlib.file_digest(content, "sha256").hexdigest(),
            size=os.fstat(content.fileno()).st_size,
        )


_GLUE, _MODULE = ".js", "_bg.wasm"


class GluePair(Struct, frozen=True):
    """Names in the bundle."""

    glue: str
    module: str


def find_pairs(names: Iterable[str]) -> tuple[GluePair, ...]:
    """By name, those nearest to the top first."""
    known = set(names)
    stems = (name.removesuffix(_MODULE) for name in known if name.endswith(_MODULE))
    found = [GluePair(stem + _GLUE, stem + _MODULE) for stem in stems if stem + _GLUE in known]
    return tuple(sorted(found, key=lambda pair: (pair.glue.count("/"), pair.glue)))


def entry_pair(bundle: str, names: Iterable[str]) -> GluePair | None:
    """The pair that a page loads: the one called as the bundle, else the only one nearest to the top; None: no one
    can tell. A crate `my-island` makes files `my_island`."""
    found = find_pairs(names)
    called = {f"{bundle}{_GLUE}", f"{bundle.replace('-', '_')}{_GLUE}"}
    top = [pair for pair in found if pair.glue.count("/") == found[0].glue.count("/")]
    return next((pair for pair in found if pair.glue in called), top[0] if len(top) == 1 else None)

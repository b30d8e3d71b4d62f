"""The files of a bundle: reads a folder of safe names without links, and pairs each module with its glue."""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from hero_build.model.names import safe_name
from hero_build.system.regular_file import open_regular

FILES_MAX = 10_000
_DEEPEST, _LONGEST = 32, 1024  # folders, and characters of a whole name
_GLUE, _MODULE = ".js", "_bg.wasm"


class UnsafeMember(Exception):
    """Why a file of a bundle is refused, as the end of the sentence "<bundle> …"."""


class BundleFile(Struct, frozen=True):
    """A regular file: its name in the bundle (`snippets/x/inline0.js`), its path, and its digest and size."""

    name: str
    path: Path
    sha256: str
    size: int


def check_member_name(name: str) -> str:
    """`name` without a leading `./`. Raises UnsafeMember if it leaves the bundle or has unprintable characters."""
    name = name.removeprefix("./").removesuffix("/")
    parts = name.split("/")
    if len(name) > _LONGEST or len(parts) > _DEEPEST:
        raise UnsafeMember(f"contains {name[:80] + '…'!r}, which is too long or too deep")
    if not all(safe_name(part) and "\\" not in part for part in parts):
        raise UnsafeMember(f"contains {name!r}, which is not a valid file name in a bundle")
    return name


def is_apple_double(name: str) -> bool:
    """Whether a file holds the attributes of the one beside it, as macOS adds it to archives and foreign disks
    (AppleDouble, RFC 1740): `._name`, or anything in `__MACOSX`.
    """
    *folders, last = name.removeprefix("./").split("/")
    return last.startswith("._") or "__MACOSX" in folders


def read_folder(folder: Path) -> tuple[BundleFile, ...]:
    """Every file below a folder, except AppleDouble files, sorted by name. Raises UnsafeMember, OSError."""
    files: list[BundleFile] = []
    for name, path in _walk(folder, ""):
        if len(files) == FILES_MAX:
            raise UnsafeMember(f"has more than {FILES_MAX} files")
        files.append(_read_file(name, path))
    return tuple(sorted(files, key=lambda item: item.name))


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = check_member_name(prefix + entry.name)
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), f"{name}/")
            elif not (entry.is_file(follow_symlinks=False) and is_apple_double(name)):
                yield name, Path(entry.path)


def _read_file(name: str, path: Path) -> BundleFile:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        kind = "a link" if stat.S_ISLNK(status.st_mode) else "not a regular file"
        raise UnsafeMember(f"contains {name!r}, which is {kind}")
    with open_regular(path) as content:
        return BundleFile(
            name,
            path=path,
            sha256=hashlib.file_digest(content, "sha256").hexdigest(),
            size=os.fstat(content.fileno()).st_size,
        )


class GluePair(Struct, frozen=True):
    """A module and the JavaScript that loads it, by their names in the bundle."""

    glue: str
    module: str


def find_pairs(names: Iterable[str]) -> tuple[GluePair, ...]:
    """The pairs among `names`: those nearest to the top first, then by name."""
    present = set(names)
    stems = (name.removesuffix(_MODULE) for name in present if name.endswith(_MODULE))
    pairs = [GluePair(stem + _GLUE, stem + _MODULE) for stem in stems if stem + _GLUE in present]
    return tuple(sorted(pairs, key=lambda pair: (pair.glue.count("/"), pair.glue)))


def entry_pair(bundle: str, names: Iterable[str]) -> GluePair | None:
    """The pair that a page loads: the one with the name of the bundle, else the only one nearest to the top, else None.

    A crate `my-island` makes files `my_island`.
    """
    pairs = find_pairs(names)
    called = {f"{bundle}{_GLUE}", f"{bundle.replace('-', '_')}{_GLUE}"}
    top = [pair for pair in pairs if pair.glue.count("/") == pairs[0].glue.count("/")]
    return next((pair for pair in pairs if pair.glue in called), top[0] if len(top) == 1 else None)

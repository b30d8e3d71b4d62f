"""What hero-build takes on the disk: generations, checkouts, what builds leave, its cache, and logs."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from msgspec import Struct

from hero_build.install.layout import Root
from hero_build.source.cargo.target_folder import FOLDER

UseName = Literal["generations", "checkouts", "builds", "target", "cache", "logs"]
CACHED = (
    *("downloads", "publish", "checksums", "listings.json", "wheels", "interpreters", "inputs", "wasm/bundles"),
    *("metadata", "rustc.json", "workspaces.json", "wasm-tools.json", "bundles.json"),
)
"""What hero-build writes into its cache folder, beside logs and the features of islands; others may use the folder."""
LOGS = "logs"
_TAG = "CACHEDIR.TAG"
_BY_CARGO = b"created by cargo"
_BLOCK = 512  # bytes: the unit of st_blocks, stat(2)


class FreedFolder(Struct, frozen=True):
    """A file or folder that was deleted, or would be; `bytes`: the space that it took on the disk."""

    path: str
    bytes: int


class KeptFolder(Struct, frozen=True):
    """What was not deleted, and why."""

    path: str
    why: str


class DiskUse(Struct, frozen=True):
    """`bytes`: the space that its files take. `builds`: cargo's target folders in the checkouts below `path`;
    `target`: those that all checkouts share.
    """

    name: UseName
    path: str
    bytes: int


def disk_usage(root: Root, coderoot: Path, *, checkouts: Sequence[Path], cache: Path) -> tuple[DiskUse, ...]:
    """The space of each kind. It reads only folders; what cannot be read counts nothing."""
    targets = [folder for path in checkouts for folder in build_folders(path)]
    builds = space(targets)
    return (
        DiskUse("generations", str(root.state), space([root.state])),
        DiskUse("checkouts", str(coderoot), space(checkouts) - builds),
        DiskUse("builds", str(coderoot), builds),
        DiskUse("target", str(cache / FOLDER), space([cache / FOLDER])),
        DiskUse("cache", str(cache), space(cached(cache))),
        DiskUse("logs", str(cache / LOGS), space([cache / LOGS])),
    )


def build_folders(checkout: Path) -> Iterator[Path]:
    """The folders in a checkout that cargo marked as its output. Links are not followed."""
    for folder, names, files in os.walk(checkout):
        if _TAG in files and Path(folder) != checkout and _is_cargos(Path(folder, _TAG)):
            names.clear()
            yield Path(folder)
        elif ".git" in names:
            names.remove(".git")


def cached(cache: Path) -> list[Path]:
    """What hero-build has in its cache folder, without logs."""
    return [*(cache / name for name in CACHED), *(cache / "wasm").glob("features-*.json")]


def space(paths: Sequence[Path]) -> int:
    """The bytes on disk of files, and of those in folders, each once however many links it has."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for status in (item for path in paths for item in _statuses(path)):
        if (status.st_dev, status.st_ino) not in seen:
            seen.add((status.st_dev, status.st_ino))
            total += status.st_blocks * _BLOCK
    return total


def _statuses(path: Path) -> Iterator[os.stat_result]:
    """Of a file, or of all files in a folder. What cannot be read is left out: it is a report."""
    if not path.is_dir() or path.is_symlink():
        with suppress(OSError):
            yield path.lstat()
        return
    for folder, _, files in os.walk(path):
        for name in files:
            with suppress(OSError):
                yield os.lstat(os.path.join(folder, name))


def _is_cargos(tag: Path) -> bool:
    try:
        with tag.open("rb") as file:
            return _BY_CARGO in file.read(1 << 12)
    except OSError:
        return False

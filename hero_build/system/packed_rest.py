"""The rest of a pack's tool: libraries that an install does not need. They are unpacked when one is first imported.

    <tool>/rest.zip       lib/<package>/…, as it is in the pack; gone when it is unpacked
    <tool>/rest.names     the packages in it, separated by spaces

Each package appears with one rename, so that any number of processes may unpack at the same time. Where the folder
cannot be written to, they are imported from the archive.
"""

import os
import sys
from contextlib import suppress

from hero_build.system.fsync import syncfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

ARCHIVE, NAMES, LIBRARIES = "rest.zip", "rest.names", "lib/"


def install(folder: str, *, now: bool = False) -> None:
    """Let this process import what is in the rest of the tool in `folder`; `now` unpacks it at once."""
    sys.meta_path.append(_RestFinder(folder))
    if now:
        unpack(folder)


def unpack(folder: str) -> bool:
    """Unpack the rest of the tool in `folder`, unless that is done; False where the folder refuses it."""
    archive = os.path.join(folder, ARCHIVE)
    try:
        _unpack(archive, folder)
    except FileNotFoundError:  # another process was faster
        pass
    except OSError:
        return False
    return True


class _RestFinder:
    """The last of sys.meta_path: is asked for what nothing else finds."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._names: frozenset[str] | None = None

    def find_spec(
        self, name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        if path is not None or name not in self._packages():
            return None
        if not unpack(self._folder):
            sys.path.append(os.path.join(self._folder, ARCHIVE, LIBRARIES.rstrip("/")))
        import importlib.machinery

        importlib.invalidate_caches()
        return importlib.machinery.PathFinder.find_spec(name, None, target)

    def _packages(self) -> frozenset[str]:
        if self._names is None:
            self._names = frozenset()
            with suppress(OSError), open(os.path.join(self._folder, NAMES), encoding="utf-8") as file:
                self._names = frozenset(file.read().split())
        return self._names


def _unpack(archive: str, folder: str) -> None:
    from shutil import rmtree
    from tempfile import mkdtemp

    with open(archive, "rb") as file:
        new = mkdtemp(prefix=".new-", dir=os.path.dirname(folder))  # `gc` deletes it if this process is killed
        try:
            _extract(file.fileno(), new)
            for name in os.listdir(new):
                _move(os.path.join(new, name), os.path.join(folder, name))
        finally:
            rmtree(new, ignore_errors=True)
    syncfs(folder)
    os.unlink(archive)


def _extract(archive: int, new: str) -> None:
    from zipfile import ZipFile

    with open(archive, "rb", closefd=False) as file, ZipFile(file) as content:
        for name in content.namelist():
            if not name.startswith(LIBRARIES) or ".dist-info/" in name:
                continue  # licences and metadata, which nothing here reads
            path = os.path.join(new, name.removeprefix(LIBRARIES))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as target:
                target.write(content.read(name))
    syncfs(new)


def _move(new: str, path: str) -> None:
    try:
        os.rename(new, path)
    except OSError:
        if not os.path.exists(path):  # else another process was faster
            raise

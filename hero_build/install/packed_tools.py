"""The tools that packs unpacked (pack/starter.py) and that nothing uses any more: each pack has a folder of its own.

What is deleted is renamed first, so that no pack starts from a folder with half of its content.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from hero_build.install.disk_usage import FreedFolder, space
from hero_build.os_errors import machine_errors, raise_for_machine
from hero_build.system import packed

_IDLE = 3600.0  # seconds since a command of it started; one that runs for longer is seen among the processes
_OLD = ".old-"
_PYTHON = "python-"
"""Of standalone packs; services are started by it, long after the command that started them first."""


def tool_folders(state: Path, cache: Path) -> tuple[Path, Path]:
    """Where packs unpack their tools: below a root, else in the cache."""
    return state / "tools", cache / "tools"


def free_tools(places: Iterable[Path], *, dry_run: bool) -> tuple[FreedFolder, ...]:
    """Delete the tools of packs that no process uses, and what a killed pack left. Raises NotWritable."""
    idle = [path for place in places for path in _idle(place)]
    in_use = _in_use(idle)
    unused = [path for path in idle if path not in in_use]
    freed = tuple(FreedFolder(str(path), space([path])) for path in unused)
    for path in () if dry_run else unused:
        with machine_errors(path.parent):
            _delete(path)
    return freed


def _idle(place: Path) -> Iterator[Path]:
    """The folders there that no command has used for a while, without the tool that this process comes from."""
    own = packed.folder()
    for path in sorted(place.iterdir()) if place.is_dir() else ():
        is_own = own is not None and path.absolute() == Path(own)
        if path.is_dir() and not (path.is_symlink() or path.name.startswith(_PYTHON) or is_own):
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _IDLE:
                    yield path


def _in_use(folders: Sequence[Path]) -> frozenset[Path]:
    """Those that the command line or a loaded module of a running process is in."""
    names = {path: {os.fsencode(path), os.fsencode(path.resolve())} for path in folders}
    used = {path for path, words in names.items() if _is_in_a_unit(path, words)}
    for pid in filter(str.isdecimal, os.listdir("/proc")) if folders else ():
        for name in ("cmdline", "maps"):
            with _not_ours():
                content = Path("/proc", pid, name).read_bytes()
                used |= {path for path, words in names.items() if any(word in content for word in words)}
    return frozenset(used)


@contextmanager
def _not_ours() -> Iterator[None]:
    """Passes over a process that ended or is another user's, and a file that is gone; not over what decides nothing."""
    try:
        yield
    except OSError as error:
        raise_for_machine(error)


def _is_in_a_unit(folder: Path, words: Iterable[bytes]) -> bool:
    """Whether one of the unit files that are noted in it (`packed.keep_for`) still names it."""
    with _not_ours():
        for unit in (folder / packed.USERS).read_text(encoding="utf-8").splitlines():
            with _not_ours():
                content = Path(unit).read_bytes()
                if any(word in content for word in words):
                    return True
    return False


def _delete(path: Path) -> None:
    old = tempfile.mkdtemp(prefix=_OLD, dir=path.parent)
    path.rename(old)
    shutil.rmtree(old)

"""Where the hero-build in a new pack comes from: this installation and wheels, or the pack that it came from itself."""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from hero_build import __version__
from hero_build.errors import MissingTool
from hero_build.os_errors import raise_for_machine
from hero_build.pack import starter, wheels
from hero_build.pack.archive import PYTHON, read_tool, tool_name
from hero_build.pack.completeness import check_complete
from hero_build.pack.interpreter import interpreter
from hero_build.pack.tool_archive import LIBRARIES, PACKAGE, files_of, installed_files
from hero_build.system import packed

_OF_ITS_APPS = (packed.LOCK, packed.USERS, f"{packed.OVERLAYS}/")


def tool_files(cache: Path) -> Mapping[str, bytes]:
    """hero-build and all that it needs, for each version of Python, without apps.

    Raises MissingTool, NetworkError, AuthError, AssetNotFound, ToolFailed, NotWritable, DiskFull.
    """
    if packed.folder() is not None:
        files = files_of(read_tool(_own_pack()))
        return {name: files[name] for name in files if not name.removeprefix(LIBRARIES).startswith(_OF_ITS_APPS)}
    with wheels.kept(cache):
        folders = {python: wheels.download(cache, python) for python in starter.PYTHONS}
        check_complete(PACKAGE, folders)
        return installed_files({f"cp{major}{minor}": folder for (major, minor), folder in folders.items()})


def python_archive(cache: Path) -> bytes:
    """An interpreter (.tar.gz). Raises MissingTool, ToolFailed, NotWritable, DiskFull."""
    if packed.folder() is None:
        return interpreter(cache)
    pack = _own_pack()
    with zipfile.ZipFile(pack) as archive:
        if PYTHON in archive.namelist():
            return archive.read(PYTHON)
    hint = "Write it with a hero-build that is installed, or with a pack that was made with --standalone."
    raise MissingTool(f"--standalone needs a Python to pack, and {pack} has none", hint)


def _own_pack() -> Path:
    """The file of this pack. Raises MissingTool if it is gone, or another one by now."""
    pack, folder = packed.existing_file(), packed.folder() or ""
    name = Path(folder).name.rpartition("-cp")[0]
    if pack is None or tool_name(__version__, _tool(Path(pack))) != name:
        sentence = f"this hero-build came out of a pack, {packed.file()}, which is not there any more"
        raise MissingTool(sentence, "Copy it there again: the hero-build in the new pack is taken from it.")
    return Path(pack)


def _tool(pack: Path) -> dict[str, bytes]:
    try:
        return read_tool(pack)
    except (OSError, zipfile.BadZipFile, zlib.error, KeyError) as error:
        raise_for_machine(error, pack)
        return {}

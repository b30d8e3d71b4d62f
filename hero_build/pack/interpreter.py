"""A Python of its own for a pack: PyInstaller makes a folder of runner.py, with the whole standard library."""

import gzip
import hashlib
import io
import os
import pkgutil
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from hero_build.errors import LockHeld, MissingTool, ToolFailed
from hero_build.os_errors import machine_errors
from hero_build.ownership import OTHER_CACHE
from hero_build.system import filelock, process

_RUNNER = Path(__file__).with_name("runner.py")
_LEFT_OUT = frozenset(
    {"__main__", "_tkinter", "antigravity", "distutils", "ensurepip", "idlelib", "lib2to3", "nis", "pydoc_data"}
    | {"test", "this", "tkinter", "turtle", "turtledemo", "venv"}
)
"""No recipe needs them; `nis` alone would bring Kerberos."""
_SPEC = """
a = Analysis([{runner!r}], hiddenimports={modules!r}, excludes={excludes!r})
a.scripts[:] = [item for item in a.scripts if not item[0].startswith("pyi_rth")]  # they triple the time of a start
pyz = PYZ(a.pure)
exe = EXE(pyz, a.scripts, exclude_binaries=True, name="python", console=True, strip={strip}, upx=False)
COLLECT(exe, a.binaries, a.datas, name="python", strip={strip}, upx=False)
"""
_WAIT = 600.0  # seconds for another process that makes the same one


def interpreter(cache: Path) -> bytes:
    """The archive (.tar.gz) of a folder with the program `python`, of the version that runs now.

    Made once, which takes a minute; `cache` keeps it. Raises MissingTool, ToolFailed, NotWritable, DiskFull.
    """
    if find_spec("PyInstaller") is None:
        hint = "Install it beside hero-build: `pipx inject hero-build pyinstaller`, or `pip install pyinstaller`."
        raise MissingTool("PyInstaller, which --standalone needs, is not installed", hint)
    archive = cache / "interpreters" / f"{_key()}.tar.gz"
    with machine_errors(archive.parent, OTHER_CACHE):
        archive.parent.mkdir(parents=True, exist_ok=True)
        with filelock.reading(archive.parent), archive.with_suffix(".lock").open("w") as lock:
            filelock.acquire(lock.fileno(), _WAIT, LockHeld("another pack is being made", "Wait for it."))
            if not archive.exists():
                _make(archive)
            return archive.read_bytes()


def _key() -> str:
    parts = (sys.version, version("pyinstaller"), os.uname().machine, _SPEC, _RUNNER.read_text(), str(_strip()))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _make(archive: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".new-", dir=archive.parent) as name:
        folder = Path(name)
        modules, excludes = sorted(_modules()), sorted(_LEFT_OUT)
        spec = _SPEC.format(runner=str(_RUNNER), modules=modules, excludes=excludes, strip=_strip())
        (folder / "python.spec").write_text(spec)
        options = ("--noconfirm", "--log-level", "ERROR", "--distpath", "dist", "--workpath", "work")
        command = [sys.executable, "-m", "PyInstaller", *options, "python.spec"]
        result = process.run(command, cwd=folder, env=process.environment({"PYINSTALLER_CONFIG_DIR": name}))
        if result.code:
            sentence = f"PyInstaller ended with {result.code}"
            raise ToolFailed(sentence, "Run it again with -v.", status=result.code, tail=result.tail)
        part = folder / "python.tar.gz"
        part.write_bytes(_packed(folder / "dist" / "python"))
        part.replace(archive)


def _packed(folder: Path) -> bytes:
    """The folder as an archive without times and owners."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.add(path, str(path.relative_to(folder)), recursive=False, filter=_anonymous)
    return gzip.compress(buffer.getvalue(), 6, mtime=0)


def _anonymous(item: tarfile.TarInfo) -> tarfile.TarInfo:
    item.uid = item.gid = item.mtime = 0
    item.uname = item.gname = ""
    return item


def _modules() -> Iterator[str]:
    """All of the standard library: a recipe may import any of it."""
    for name in sys.stdlib_module_names - _LEFT_OUT:
        if name.startswith(("_test", "_xx")) or (spec := find_spec(name)) is None:
            continue
        yield name
        inside = pkgutil.walk_packages(spec.submodule_search_locations or (), f"{name}.")
        yield from (item.name for item in inside if ".test" not in item.name and not item.name.endswith("__main__"))


def _strip() -> bool:
    return shutil.which("strip") is not None

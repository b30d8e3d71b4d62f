"""What hero-build needs, as wheels for each Python that a pack supports: pip downloads them, as it is configured."""

import hashlib
import importlib.metadata
import os
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

from hero_build.errors import MissingTool
from hero_build.os_errors import machine_errors
from hero_build.ownership import OTHER_CACHE
from hero_build.pack.pip_errors import pip_error
from hero_build.system import filelock, process

Python = tuple[int, int]
_PACKAGE = Path(__file__).resolve().parents[1]
_GLIBC = ("manylinux2014", "manylinux_2_28")
_MUSL = ("musllinux_1_2",)


@contextmanager
def kept(cache: Path) -> Iterator[None]:
    """While the wheels are fetched and read: another command leaves them. Raises NotWritable, DiskFull."""
    folder = cache / "wheels"
    with ExitStack() as stack:
        with machine_errors(folder, OTHER_CACHE):
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(filelock.reading(folder))
        yield


def download(cache: Path, python: Python) -> Path:
    """The folder with the wheels for this version of Python, of the same versions as are installed here.

    Downloaded once; `cache` keeps it. Raises MissingTool, what `pip_error` makes, NotWritable, DiskFull.
    """
    pins = sorted(_pins(python))
    key = hashlib.sha256("\0".join((*pins, *_platforms())).encode()).hexdigest()[:16]
    folder = cache / "wheels" / f"{key}-cp{python[0]}{python[1]}"
    if folder.is_dir():
        return folder
    with machine_errors(folder.parent, OTHER_CACHE):
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
        try:
            _run_pip(new, python, pins)
            new.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was faster
                raise
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return folder


def _run_pip(folder: Path, python: Python, pins: Sequence[str]) -> None:
    version = f"{python[0]}.{python[1]}"
    platforms = [word for platform in _platforms() for word in ("--platform", platform)]
    target = ["--only-binary=:all:", "--implementation", "cp", "--python-version", version, *platforms]
    log = folder / "pip.log"
    quiet = ["--quiet", "--no-input", "--no-color", "--disable-pip-version-check", "--log", str(log)]
    command = [*_pip(), "download", *quiet, "--no-deps", *target, "--dest", str(folder), *pins]
    result = process.run(command, cwd=folder, env=process.environment())
    if result.code:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else ()
        raise pip_error(version, log=lines, tail=result.tail)
    log.unlink(missing_ok=True)


def _pip() -> list[str]:
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    for name in ("pip3", "pip"):
        if path := shutil.which(name):
            return [path]
    raise MissingTool("pip is not on this machine", "Install it (Debian, Ubuntu: `apt install python3-pip`).")


def _pins(python: Python) -> set[str]:
    """What hero-build needs on this version of Python, at the versions that are installed here.

    Names are normalised: a checkout and the metadata of an installed copy spell them differently.
    """
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    version = f"{python[0]}.{python[1]}"
    target = {"python_version": version, "python_full_version": f"{version}.0", "extra": ""}
    pins: dict[str, str] = {}
    names = ["hero-build"]
    while names:
        for line in _requires(names.pop()):
            item = Requirement(line)
            name = canonicalize_name(item.name)
            if name not in pins and (item.marker is None or item.marker.evaluate(target)):
                pins[name] = _pin(name) or f"{name}{item.specifier}"
                names.append(name)
    return set(pins.values())


def _requires(name: str) -> list[str]:
    """Of hero-build itself in a checkout, what its pyproject.toml says: the metadata may be from before it changed."""
    if name == "hero-build" and (project := _PACKAGE.with_name("pyproject.toml")).is_file():
        return list(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"])
    try:
        return importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return []


def _pin(name: str) -> str | None:
    """None: it is needed on another version of Python alone, and not installed here."""
    try:
        return f"{name}=={importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        return None


def _platforms() -> tuple[str, ...]:
    machine = os.uname().machine
    return tuple(f"{tag}_{machine}" for tag in (_GLIBC if is_glibc() else _MUSL))


def is_glibc() -> bool:
    """Whether this Python runs on glibc, whose wheels do not fit musl."""
    try:
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (ValueError, OSError):
        return False

"""Whether the wheels of a pack have every module that hero-build imports: metadata may be older than the code."""

import re
import sys
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from hero_build.errors import MissingTool

_IMPORT = re.compile(r"^\s*(?:from (\w+)[\w.]* import |import (\w+))", re.MULTILINE)
_OPTIONAL = frozenset({"minisign", "_typeshed", "_sha2", "_sha256"})
"""An extra that is not packed, what type checkers alone import, and modules of some versions' standard library."""
_SINCE_314, _BEFORE_314 = "compression", "backports"
"""Zstandard: in the standard library from Python 3.14 on, else from its backport (system/zstd.py)."""


def check_complete(package: Path, wheels: Mapping[tuple[int, int], Path]) -> None:
    """`package`: the folder of hero-build; `wheels`: the folder for each version of Python. Raises MissingTool."""
    names = imported(package)
    for python, folder in wheels.items():
        standard = _SINCE_314 if python < (3, 14) else _BEFORE_314  # what this Python does not import
        if missing := sorted(names - {standard} - _provided(folder.glob("*.whl"), python)):
            version = ".".join(map(str, python))
            lacks = f"the pack would lack {', '.join(missing)} on Python {version}"
            sentence = f"{lacks}: the metadata of hero-build is older than its code"
            raise MissingTool(sentence, "Install hero-build again, in a checkout with `pip install -e .`.")


def imported(package: Path) -> frozenset[str]:
    """The modules beside the standard library that the code below a folder imports, by their first names."""
    texts = (path.read_text(encoding="utf-8") for path in package.rglob("*.py"))
    names = {match[1] or match[2] for text in texts for match in _IMPORT.finditer(text)}
    return frozenset(names - sys.stdlib_module_names - _OPTIONAL - {package.name} | {_SINCE_314})


def _provided(wheels: Iterable[Path], python: tuple[int, int]) -> frozenset[str]:
    """The first names of the modules in wheels, and those that a newer standard library has."""
    names = {_SINCE_314} if python >= (3, 14) else set()
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            names.update(PurePosixPath(name).parts[0].split(".")[0] for name in archive.namelist())
    return frozenset(names)

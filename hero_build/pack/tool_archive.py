"""The archive with hero-build itself: `lib/` for every Python, `cp311/` and so on for one; equal input, equal bytes."""

import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from hero_build.catalog.loader import SETS_FILE, LoadedRecipe, shipped
from hero_build.os_errors import machine_errors
from hero_build.pack.starter import COMMON
from hero_build.system.packed import OVERLAYS

PACKAGE = Path(__file__).resolve().parents[1]
_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNUSED = ("pygments", "markdown_it", "mdurl")
"""What rich needs for source text and Markdown, which nothing here prints: 400 files that each machine would sync."""
_LEFT_OUT = (".pyi", ".pyc", "/RECORD", "/direct_url.json", "/REQUESTED", "/INSTALLER")


def tool_archive(own: Mapping[str, bytes], recipes: Mapping[str, LoadedRecipe], tool: Mapping[str, bytes]) -> bytes:
    """`own`: the lock file, and what vouches for it; `tool`: hero-build without apps. Raises NotWritable."""
    files = {**tool, **{f"{COMMON}{name}": content for name, content in own.items()}}
    with machine_errors(PACKAGE):
        files.update(_overlays(recipes))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(entry(name), files[name], zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def installed_files(wheels: Mapping[str, Path]) -> dict[str, bytes]:
    """This very package, and what it needs; `wheels`: the folder of each tag. Raises NotWritable."""
    files = {f"{COMMON}backports/__init__.py": b""}  # a package of that name elsewhere must not hide it
    with machine_errors(PACKAGE):
        files.update(_package())
        files.update(_dependencies(wheels))
    return files


def entry(name: str) -> zipfile.ZipInfo:
    """An entry without the time and the user of this machine, so that equal contents make equal packs."""
    item = zipfile.ZipInfo(name, _EPOCH)
    item.external_attr = 0o100644 << 16
    return item


def _package() -> Iterator[tuple[str, bytes]]:
    """This very package, with the recipes where an installed one has them."""
    for path in sorted(PACKAGE.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield f"{COMMON}{path.relative_to(PACKAGE.parent).as_posix()}", path.read_bytes()
    for path in sorted(shipped().glob("*.py")):
        yield f"{COMMON}hero_build/recipes/{path.name}", path.read_bytes()


def _overlays(recipes: Mapping[str, LoadedRecipe]) -> Iterator[tuple[str, bytes]]:
    """The recipes of these apps that are not shipped, each beside the modules and sets of its folder."""
    folders: dict[Path, str] = {}
    for loaded in recipes.values():
        if loaded.path.parent == shipped():
            continue
        name = folders.setdefault(loaded.path.parent, f"{len(folders):03}")
        sets = loaded.path.with_name(SETS_FILE)
        for path in (loaded.path, *loaded.shared, *([sets] if sets.is_file() else [])):
            yield f"{COMMON}{OVERLAYS}/{name}/{path.name}", path.read_bytes()


def _dependencies(wheels: Mapping[str, Path]) -> Iterator[tuple[str, bytes]]:
    """The files of the wheels: below `lib/` for those that every Python has."""
    names = {tag: {path.name for path in folder.glob("*.whl")} for tag, folder in wheels.items()}
    common = set.intersection(*names.values())
    for tag, folder in wheels.items():
        for wheel in sorted(names[tag]):
            group = COMMON if wheel in common else f"{tag}/"
            if wheel.lower().startswith(_UNUSED):
                continue
            with zipfile.ZipFile(folder / wheel) as archive:
                yield from ((group + name, archive.read(name)) for name in archive.namelist() if _is_needed(name))


def _is_needed(name: str) -> bool:
    parts = PurePosixPath(name).parts
    if name.endswith(("/", *_LEFT_OUT)) or name == "backports/__init__.py":
        return False
    return not (parts[0].endswith(".data") or "tests" in parts)

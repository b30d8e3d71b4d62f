"""hero-build itself, as the parts of which a pack unpacks some; equal input, equal bytes.

    tool/common              what every Python needs, and reads as a file
    tool/source              modules, for a Python for which there are none compiled
    tool/cp311-a70d0d0a      the same, compiled by the Python that makes the pack
    tool/cp311 …             what one version of Python needs: extension modules
    tool/rest.zip            libraries that an install does not need (system/packed_rest.py), licences, metadata

All but the last are compressed lists of names and contents.
"""

import io
import marshal
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from hero_build.catalog.loader import SETS_FILE, LoadedRecipe, shipped
from hero_build.os_errors import machine_errors
from hero_build.pack import compiled
from hero_build.pack.starter import COMMON, REST, SOURCE
from hero_build.system import packed_rest
from hero_build.system.packed import OVERLAYS

PACKAGE = Path(__file__).resolve().parents[1]
LIBRARIES = packed_rest.LIBRARIES
"""Begins the names of files that every Python has; those of one version begin with `cp311/` and so on."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_FIRST = frozenset({"hero_build", "msgspec", "backports", "click", "platformdirs"})
"""The packages that an install needs."""
AS_TEXT = (
    "hero_build/pack/",
    "hero_build/recipes/",
    "hero_build/supervisors/exec_shim",
    "hero_build/fleet/fetch_tool",
)
"""Modules whose source is read, or runs elsewhere."""
_UNUSED = ("pygments", "markdown_it", "mdurl")
"""What rich needs for source text and Markdown, which nothing here prints: 400 files that each machine would sync."""
_LEFT_OUT = (".pyi", ".pyc", "/RECORD", "/direct_url.json", "/REQUESTED", "/INSTALLER")


def tool_parts(
    own: Mapping[str, bytes], recipes: Mapping[str, LoadedRecipe], tool: Mapping[str, bytes]
) -> dict[str, bytes]:
    """`own`: the lock file, and what vouches for it; `tool`: hero-build without apps. Raises NotWritable."""
    files = {**tool, **{f"{LIBRARIES}{name}": content for name, content in own.items()}}
    with machine_errors(PACKAGE):
        files.update(_overlays(recipes))
    groups: dict[str, dict[str, bytes]] = {COMMON: {}, SOURCE: {}, REST: {}}
    for name in sorted(files):
        tag, _, inside = name.partition("/")
        part = _part(tag, inside)
        groups.setdefault(part, {})[name if part == REST else inside] = files[name]
    groups[COMMON][packed_rest.NAMES] = _packages(groups[REST])
    sources = {**groups[SOURCE], **groups.get(compiled.TAG, {})}
    groups[compiled.NAME] = compiled.compiled({name: data for name, data in sources.items() if name.endswith(".py")})
    return {part: _zipped(group) if part == REST else _listed(group) for part, group in sorted(groups.items())}


def files_of(parts: Mapping[str, bytes]) -> dict[str, bytes]:
    """What `tool_parts` was made of: `own`, recipes and tool, without what it made of them."""
    files: dict[str, bytes] = {}
    for part, content in parts.items():
        if part == REST:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                files.update((name, archive.read(name)) for name in archive.namelist())
        elif "-" not in part:
            group = LIBRARIES if part in (COMMON, SOURCE) else f"{part}/"
            items = marshal.loads(zlib.decompress(content))  # noqa: S302 - of a pack whose digests are right
            files.update((f"{group}{name.decode()}", data) for name, data in items)
    files.pop(f"{LIBRARIES}{packed_rest.NAMES}")
    return files


def installed_files(wheels: Mapping[str, Path]) -> dict[str, bytes]:
    """This very package, and what it needs; `wheels`: the folder of each tag. Raises NotWritable."""
    files = {f"{LIBRARIES}backports/__init__.py": b""}  # a package of that name elsewhere must not hide it
    with machine_errors(PACKAGE):
        files.update(_package())
        files.update(_dependencies(wheels))
    return files


def entry(name: str) -> zipfile.ZipInfo:
    """An entry without the time and the user of this machine, so that equal contents make equal packs."""
    item = zipfile.ZipInfo(name, _EPOCH)
    item.external_attr = 0o100644 << 16
    return item


def _part(tag: str, inside: str) -> str:
    first, _, below = inside.partition("/")
    if first.endswith(".dist-info"):
        return REST
    if f"{tag}/" != LIBRARIES:
        return tag
    if (below or first.endswith(".py")) and first not in {*_FIRST, OVERLAYS}:
        return REST
    is_module = inside.endswith(".py") and not inside.startswith((f"{OVERLAYS}/", *AS_TEXT))
    return SOURCE if is_module else COMMON


def _packages(rest: Mapping[str, bytes]) -> bytes:
    names = {name.split("/")[1].removesuffix(".py") for name in rest}
    return " ".join(sorted(name for name in names if name.isidentifier())).encode()


def _listed(files: Mapping[str, bytes]) -> bytes:
    """Names are bytes: how a string is written depends on whether this process has interned it."""
    return zlib.compress(marshal.dumps(tuple((name.encode(), data) for name, data in sorted(files.items())), 2), 9)


def _zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(entry(name), files[name], zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _package() -> Iterator[tuple[str, bytes]]:
    """This very package, with the recipes where an installed one has them."""
    for path in sorted(PACKAGE.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield f"{LIBRARIES}{path.relative_to(PACKAGE.parent).as_posix()}", path.read_bytes()
    for path in sorted(shipped().glob("*.py")):
        yield f"{LIBRARIES}hero_build/recipes/{path.name}", path.read_bytes()


def _overlays(recipes: Mapping[str, LoadedRecipe]) -> Iterator[tuple[str, bytes]]:
    """The recipes of these apps that are not shipped, each beside the modules and sets of its folder."""
    folders: dict[Path, str] = {}
    for loaded in recipes.values():
        if loaded.path.parent == shipped():
            continue
        name = folders.setdefault(loaded.path.parent, f"{len(folders):03}")
        sets = loaded.path.with_name(SETS_FILE)
        for path in (loaded.path, *loaded.shared, *([sets] if sets.is_file() else [])):
            yield f"{LIBRARIES}{OVERLAYS}/{name}/{path.name}", path.read_bytes()


def _dependencies(wheels: Mapping[str, Path]) -> Iterator[tuple[str, bytes]]:
    """The files of the wheels: below `lib/` for those that every Python has."""
    names = {tag: {path.name for path in folder.glob("*.whl")} for tag, folder in wheels.items()}
    common = set.intersection(*names.values())
    for tag, folder in wheels.items():
        for wheel in sorted(names[tag]):
            group = LIBRARIES if wheel in common else f"{tag}/"
            if wheel.lower().startswith(_UNUSED):
                continue
            with zipfile.ZipFile(folder / wheel) as archive:
                yield from ((group + name, archive.read(name)) for name in archive.namelist() if _is_needed(name))


def _is_needed(name: str) -> bool:
    parts = PurePosixPath(name).parts
    if name.endswith(("/", *_LEFT_OUT)) or name == "backports/__init__.py":
        return False
    return not (parts[0].endswith(".data") or "tests" in parts)

"""What a repo says of itself: the binaries in its service manifests, and those that names of assets tell of.

A `service.toml` declares them one by one, and the kind of each:

    [[binaries]]
    name = "hero_db_server"
    kind = "server"

A repo may have several; they may repeat each other and must not contradict each other. Keys besides these two are the
service's own business. Where a recipe lists no binaries, its set comes from here (DESIGN section 4).
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, get_args

from msgspec import Struct

from hero_build.errors import InvalidServiceManifest
from hero_build.model.artifacts import Binary
from hero_build.model.installed import Kind
from hero_build.model.names import safe_name

NAME: Final = "service.toml"
_KINDS: tuple[Kind, ...] = get_args(Kind)
_SUFFIXES: tuple[tuple[str, Kind], ...] = (("_server", "server"), ("_admin", "admin"), ("_web", "web"))
_LARGEST = 1 << 20  # bytes
_MEND = "Mend it in the repo, or list the binaries in the recipe: docs/recipes.md, 'Sets that are read'."
_OUTPUT = "CACHEDIR.TAG"  # cargo marks target folders with it (bford.info/cachedir)


class Declared(Struct, frozen=True):
    """What one service manifest declares; `where` is what errors call the file."""

    where: str
    binaries: tuple[Binary, ...]


def parse(text: bytes, where: str) -> Declared:
    """Raises InvalidServiceManifest, also for a name that is no plain file name and for a kind that there is not."""
    import tomllib  # not for the recipes that list their binaries

    try:
        document = tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise InvalidServiceManifest(f"{where} is not TOML: {error}", _MEND) from error
    items = document.get("binaries", [])
    if not isinstance(items, list):
        raise InvalidServiceManifest(f"{where} has binaries that are no list of tables", _MEND)
    return Declared(where, merge([Declared(where, (_binary(item, where),)) for item in items]))


def merge(files: Iterable[Declared]) -> tuple[Binary, ...]:
    """All their binaries, each once, in order of appearance. Raises InvalidServiceManifest for one of two kinds."""
    found: dict[str, tuple[Binary, str]] = {}
    for file in files:
        for binary in file.binaries:
            known, where = found.setdefault(binary.name, (binary, file.where))
            if known.kind != binary.kind:
                both = f"{known.kind} in {where}, {binary.kind} in {file.where}"
                raise InvalidServiceManifest(f"{binary.name} is declared twice, of two kinds: {both}", _MEND)
    return tuple(binary for binary, _ in found.values())


def render(binaries: Iterable[Binary]) -> bytes:
    """A service manifest that declares these, and nothing else."""
    tables = (f'[[binaries]]\nname = "{item.name}"\nkind = "{item.kind}"\n' for item in binaries)
    return "\n".join(tables).encode()


def manifests(folder: Path) -> tuple[Declared, ...]:
    """What every service.toml of a checkout declares, in the order of their paths. Raises InvalidServiceManifest."""
    return tuple(_read(path, str(path.relative_to(folder))) for path in files(folder))


def files(folder: Path) -> tuple[Path, ...]:
    """Every service.toml of a checkout; what was built there, hidden folders and submodules are not part of it."""
    return tuple(sorted(_walk(folder)))


def binaries_of_tree(app: str, folder: Path) -> tuple[Binary, ...]:
    """The set of an app whose recipe lists none, from a checkout.

    Raises InvalidServiceManifest, also where no manifest lists any.
    """
    found = merge(manifests(folder))
    if not found:
        sentence = f"no {NAME} in {folder} tells what {app} is made of, and its recipe lists no binaries"
        raise InvalidServiceManifest(sentence, "List them in the recipe: docs/recipes.md shows how.")
    return found


def candidates(app: str) -> tuple[Binary, ...]:
    """The binaries that a release may tell of by the names of its assets alone: their kinds go by their suffixes."""
    return (Binary(app, "cli"), *(named(f"{app}{suffix}", kind) for suffix, kind in _SUFFIXES))


def named(name: str, kind: Kind) -> Binary:
    """The binary of a set that is read: every `<app>_admin` was once `<app>_ui`."""
    renamed = kind == "admin" and name.endswith("_admin")
    return Binary(name, kind, f"{name.removesuffix('_admin')}_ui" if renamed else None)


def _binary(item: object, where: str) -> Binary:
    name = item.get("name") if isinstance(item, dict) else None
    kind = item.get("kind") if isinstance(item, dict) else None
    if not isinstance(name, str) or not safe_name(name) or name[:1] in ".-":
        raise InvalidServiceManifest(f"{where} has a binary of the name {name!r}", _MEND)
    for known in _KINDS:
        if kind == known:
            return named(name, known)
    raise InvalidServiceManifest(f"{where} says that {name} is of the kind {kind!r}", f"There are {', '.join(_KINDS)}.")


def _read(path: Path, where: str) -> Declared:
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1)
    except OSError as error:
        raise InvalidServiceManifest(f"{where} cannot be read: {error.strerror}", "Mend its permissions.") from error
    if len(text) > _LARGEST:
        raise InvalidServiceManifest(f"{where} is longer than a megabyte", _MEND)
    return parse(text, where)


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        if Path(parent) != folder and (_OUTPUT in names or ".git" in (*folders, *names)):
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".") and name not in ("target", "node_modules")]
        if NAME in names:
            yield Path(parent, NAME)

"""What a repo says of itself: the binaries that its service manifests declare, or that its asset names show.

A `service.toml` declares them one by one, and the kind of each:

    [[binaries]]
    name = "hero_db_server"
    kind = "server"

A repo may have several; they may repeat each other and must not contradict each other. Keys besides these two are the
service's own business. Where a recipe lists no binaries, its set comes from here (docs/recipes.md).
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, get_args

import msgspec
from msgspec import Struct

from hero_build.errors import InvalidServiceManifest
from hero_build.model.artifacts import KIND_SUFFIXES, Binary
from hero_build.model.installed import Kind
from hero_build.model.names import safe_name
from hero_build.os_errors import raise_for_machine, raise_unless_absent
from hero_build.system.decoding import convert
from hero_build.system.regular_file import FileTooLong, read_regular

NAME: Final = "service.toml"
_LARGEST = 1 << 20  # bytes
_CORRECT_IT = "Correct it in the repo, or list the binaries in the recipe: docs/recipes.md, 'Sets that are read'."
_OUTPUT = "CACHEDIR.TAG"  # cargo marks target folders with it (bford.info/cachedir)


class DeclaredBinary(Struct, frozen=True):
    """A `[[binaries]]` table."""

    name: str
    kind: Kind


class ServiceManifest(Struct, frozen=True):
    """The document, of which only this is read."""

    binaries: tuple[DeclaredBinary, ...] = ()


class Declared(Struct, frozen=True):
    """What one service manifest declares; `where` is what errors call the file."""

    where: str
    binaries: tuple[Binary, ...]


def parse(text: bytes, where: str) -> Declared:
    """Raises InvalidServiceManifest, also for a name that is not a plain file name and for an unknown kind."""
    import tomllib  # not for the recipes that list their binaries

    try:
        document = convert(tomllib.loads(text.decode()), ServiceManifest)
    except msgspec.ValidationError as error:
        hint = f"A binary has a name, and a kind: {', '.join(get_args(Kind))}. {_CORRECT_IT}"
        raise InvalidServiceManifest(f"{where} is not a service manifest: {error}", hint) from error
    except (ValueError, RecursionError) as error:
        raise InvalidServiceManifest(f"{where} is not TOML: {error}", _CORRECT_IT) from error
    return Declared(where, merge([Declared(where, (_binary(item, where),)) for item in document.binaries]))


def merge(files: Iterable[Declared]) -> tuple[Binary, ...]:
    """All their binaries, each once, in order of appearance. Raises InvalidServiceManifest for one of two kinds."""
    first: dict[str, tuple[Binary, str]] = {}
    for file in files:
        for binary in file.binaries:
            earlier, where = first.setdefault(binary.name, (binary, file.where))
            if earlier.kind != binary.kind:
                both = f"{earlier.kind} in {where}, {binary.kind} in {file.where}"
                raise InvalidServiceManifest(f"{binary.name} is declared twice, of two kinds: {both}", _CORRECT_IT)
    return tuple(binary for binary, _ in first.values())


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


def candidates(app: str) -> tuple[Binary, ...]:
    """The binaries that a release may show by its asset names alone; their kinds follow from their suffixes."""
    return (Binary(app, "cli"), *(named(f"{app}{suffix}", kind) for suffix, kind in KIND_SUFFIXES))


def named(name: str, kind: Kind) -> Binary:
    """The binary of a set that is read: every `<app>_admin` was once `<app>_ui`."""
    renamed = kind == "admin" and name.endswith("_admin")
    return Binary(name, kind, f"{name.removesuffix('_admin')}_ui" if renamed else None)


def _binary(item: DeclaredBinary, where: str) -> Binary:
    if not safe_name(item.name) or item.name[:1] in ".-":
        raise InvalidServiceManifest(f"{where} has a binary named {item.name!r}", _CORRECT_IT)
    return named(item.name, item.kind)


def _read(path: Path, where: str) -> Declared:
    try:
        text = read_regular(path, _LARGEST)
    except FileTooLong as error:
        raise InvalidServiceManifest(f"{where} is longer than a megabyte", _CORRECT_IT) from error
    except OSError as error:
        raise_for_machine(error, path)
        raise InvalidServiceManifest(f"{where} cannot be read: {error.strerror}", "Correct its permissions.") from error
    return parse(text, where)


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder, onerror=raise_unless_absent):
        if Path(parent) != folder and (_OUTPUT in names or ".git" in (*folders, *names)):
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".") and name not in ("target", "node_modules")]
        if NAME in names:
            yield Path(parent, NAME)

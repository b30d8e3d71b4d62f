"""`list`: every recipe with what is installed of it, and the sets. Imports no recipe: a thousand are a listdir."""

from dataclasses import dataclass

from hero_build.catalog import Catalog
from hero_build.queries.apps import by_app, main, version
from hero_build.record import Generation, Record, Used


@dataclass(frozen=True, slots=True)
class ListedApp:
    """`recipe` is None when the app is installed and its recipe is gone; `shadows` are recipes it replaces."""

    name: str
    version: str | None
    used: Used | None
    recipe: str | None
    shadows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListedSet:
    name: str
    apps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    apps: tuple[ListedApp, ...]
    sets: tuple[ListedSet, ...]


def listing(catalog: Catalog, generation: Generation) -> Listing:
    installed = by_app(generation)
    names = sorted({*catalog.files, *installed})
    apps = tuple(_app(name, catalog, installed.get(name, ())) for name in names)
    return Listing(apps, tuple(ListedSet(f"@{name}", members) for name, members in sorted(catalog.sets.items())))


def _app(name: str, catalog: Catalog, records: tuple[Record, ...]) -> ListedApp:
    files = [str(path) for path in catalog.files.get(name, ())]
    found = main(records)
    used = found.origin.used if found else None
    return ListedApp(name, version(records), used, files[0] if files else None, tuple(files[1:]))

"""`list`: all apps, their installed versions, and the sets. Imports no recipe: it reads only folders."""

from msgspec import Struct

from hero_build.catalog.loader import Catalog
from hero_build.model.installed import Generation, InstalledPart, Used
from hero_build.queries.apps import by_app, main, version


class ListedApp(Struct, frozen=True):
    """`recipe`: None for an installed app without a recipe; `shadows`: the recipes that it replaces."""

    name: str
    version: str | None
    used: Used | None
    recipe: str | None
    shadows: tuple[str, ...]


class ListedSet(Struct, frozen=True):
    name: str
    apps: tuple[str, ...]


class AppListing(Struct, frozen=True):
    apps: tuple[ListedApp, ...]
    sets: tuple[ListedSet, ...]


def listing(catalog: Catalog, generation: Generation) -> AppListing:
    installed = by_app(generation)
    names = sorted({*catalog.files, *installed})
    apps = tuple(_app(name, catalog, installed.get(name, ())) for name in names)
    return AppListing(apps, tuple(ListedSet(f"@{name}", members) for name, members in sorted(catalog.sets.items())))


def _app(name: str, catalog: Catalog, records: tuple[InstalledPart, ...]) -> ListedApp:
    files = [str(path) for path in catalog.files.get(name, ())]
    record = main(records)
    used = record.origin.used if record else None
    return ListedApp(
        name, version=version(records), used=used, recipe=files[0] if files else None, shadows=tuple(files[1:])
    )

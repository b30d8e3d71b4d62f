"""Installed parts grouped by app, for several queries."""

from collections.abc import Mapping, Sequence

from hero_build.catalog.loader import Catalog
from hero_build.errors import NotFound
from hero_build.model.artifacts import SHELL
from hero_build.model.installed import Generation, InstalledPart


def by_app(generation: Generation) -> Mapping[str, tuple[InstalledPart, ...]]:
    """The installed parts of every app, by its name; its own part comes before its bundles."""
    parts: dict[str, list[InstalledPart]] = {}
    for part, record in sorted(generation.records.items(), key=lambda item: (item[0].app, item[0].bundle or "")):
        parts.setdefault(part.app, []).append(record)
    return {app: tuple(records) for app, records in parts.items()}


def main(records: tuple[InstalledPart, ...]) -> InstalledPart | None:
    """The part that stands for the app: its own, else its first island; None if only a shell is installed."""
    return next((record for record in records if not _shell(record)), None)


def version(records: tuple[InstalledPart, ...]) -> str | None:
    record = main(records)
    return record.origin.version if record else None


def _shell(record: InstalledPart) -> bool:
    return all(file.path.startswith(f"{SHELL}/") for entry in record.entries for file in entry.files)


def expand(names: Sequence[str], installed: Mapping[str, object], catalog: Catalog) -> tuple[str, ...]:
    """The apps of `names`, sets expanded, each once. An installed app needs no recipe. Raises AppNotFound."""
    apps = (app for name in names for app in _members(name, installed, catalog))
    return tuple(dict.fromkeys(apps))


def _members(name: str, installed: Mapping[str, object], catalog: Catalog) -> tuple[str, ...]:
    if name == "@installed":
        return tuple(installed)
    return (name,) if name in installed else catalog.expand((name,))


def present(names: Sequence[str], installed: Mapping[str, object], catalog: Catalog) -> tuple[str, ...]:
    """The installed apps of `names`; of a set those that are, of @all every one. Raises AppNotFound, NotFound if one is
    not installed, or none is.
    """
    apps = expand(["@installed" if name == "@all" else name for name in names], installed, catalog)
    if not apps:
        raise NotFound("nothing is installed", "`hero-build list` shows what can be.")
    absent = [name for name in apps if name not in installed]
    if absent and (len(absent) == len(apps) or set(absent) & set(names)):
        raise NotFound(f"{', '.join(absent)} is not installed", "`hero-build status` shows what is.")
    return tuple(name for name in apps if name in installed)

"""Installed parts by app: what several answers look at in the same way."""

from collections.abc import Mapping, Sequence

from hero_build.catalog.loader import Catalog
from hero_build.errors import NotFound
from hero_build.model.artifacts import SHELL
from hero_build.model.installed import Generation, InstalledPart


def by_app(generation: Generation) -> Mapping[str, tuple[InstalledPart, ...]]:
    """The records of every installed app, by name, its own part before its bundles."""
    found: dict[str, list[InstalledPart]] = {}
    for part in sorted(generation.records, key=lambda part: (part.app, part.bundle or "")):
        found.setdefault(part.app, []).append(generation.records[part])
    return {app: tuple(records) for app, records in found.items()}


def main(records: tuple[InstalledPart, ...]) -> InstalledPart | None:
    """What a person means when they name the app: its own part, else its first island; a shell alone is no app."""
    return next((record for record in records if not _shell(record)), None)


def version(records: tuple[InstalledPart, ...]) -> str | None:
    found = main(records)
    return found.origin.version if found else None


def _shell(record: InstalledPart) -> bool:
    return all(file.path.startswith(f"{SHELL}/") for entry in record.entries for file in entry.files)


def known(names: Sequence[str], installed: Mapping[str, object], catalog: Catalog) -> tuple[str, ...]:
    """The apps meant, each once: installed ones count even where their recipe is gone. Raises AppNotFound."""
    meant = (app for name in names for app in ((name,) if name in installed else catalog.expand((name,))))
    return tuple(dict.fromkeys(meant))


def present(names: Sequence[str], installed: Mapping[str, object], catalog: Catalog) -> tuple[str, ...]:
    """`known`, of which sets mean only what is installed. Raises AppNotFound, NotFound for an app that is not."""
    wanted = known(names, installed, catalog)
    absent = [name for name in wanted if name not in installed]
    if absent and (len(absent) == len(wanted) or set(absent) & set(names)):
        raise NotFound(f"{', '.join(absent)} is not installed", "`hero-build status` shows what is.")
    return tuple(name for name in wanted if name in installed)

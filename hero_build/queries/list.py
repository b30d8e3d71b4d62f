"""`list` and `search`: apps, what they are, their installed versions, and the sets. Runs no recipe."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from hero_build.catalog.about import about
from hero_build.catalog.loader import Catalog
from hero_build.install.holds import held_apps
from hero_build.install.layout import Root
from hero_build.model.failure import Failure
from hero_build.model.installed import Generation, InstalledPart, Used
from hero_build.queries.apps import by_app, main, version


class ListedApp(Struct, frozen=True):
    """`recipe`: None for an installed app without a recipe; `shadows`: the recipes that it replaces.

    `about`: what the recipe says the app is. `held`: `upgrade` leaves it as it is. `latest`: the newest release, if the
    command asked for it.
    """

    name: str
    version: str | None
    used: Used | None
    recipe: str | None
    shadows: tuple[str, ...]
    about: str = ""
    held: bool = False
    latest: str | None = None


class ListedSet(Struct, frozen=True):
    name: str
    apps: tuple[str, ...]


class AppListing(Struct, frozen=True):
    """`failed`: the apps whose newest release could not be asked for. `generation`: the current one, 0 before the first
    install; `lock`: the sha256 of the lock file that it has, all of it.
    """

    apps: tuple[ListedApp, ...]
    sets: tuple[ListedSet, ...]
    failed: tuple[Failure, ...] = ()
    generation: int = 0
    lock: str | None = None


def listing(root: Root, catalog: Catalog, generation: Generation, *, installed_only: bool = False) -> AppListing:
    """Every app and set, or only the installed apps. Raises RootDamaged."""
    installed, held = by_app(generation), held_apps(root)
    names = sorted(installed if installed_only else {*catalog.files, *installed})
    apps = tuple(_app(name, catalog=catalog, records=installed.get(name, ()), held=name in held) for name in names)
    sets = () if installed_only else sorted(catalog.sets.items())
    return AppListing(
        apps,
        tuple(ListedSet(f"@{name}", members) for name, members in sets),
        generation=generation.number,
        lock=generation.lock,
    )


def search(answer: AppListing, words: Sequence[str]) -> AppListing:
    """The apps and sets whose name, or whose description, contains every word, in any case."""
    folded = [word.casefold() for word in words]

    def matches(*texts: str) -> bool:
        text = " ".join(texts).casefold()
        return all(word in text for word in folded)

    apps = tuple(app for app in answer.apps if matches(app.name, app.about))
    return replace(answer, apps=apps, sets=tuple(item for item in answer.sets if matches(item.name)))


def _app(name: str, catalog: Catalog, records: tuple[InstalledPart, ...], *, held: bool) -> ListedApp:
    files = catalog.files.get(name, ())
    record = main(records)
    return ListedApp(
        name,
        version=version(records),
        used=record.origin.used if record else None,
        recipe=str(files[0]) if files else None,
        shadows=tuple(str(path) for path in files[1:]),
        about=about(files[0]) if files else "",
        held=held and bool(records),
    )

"""What recipes say, for the page: each version of a file is read once, since pages ask every two seconds."""

from collections.abc import Mapping
from pathlib import Path
from threading import Lock

from msgspec import Struct

from hero_build.catalog.about import about
from hero_build.catalog.loader import Catalog, LoadedRecipe
from hero_build.errors import HeroBuildError
from hero_build.recipe import Recipe
from hero_build.server.catalog_types import CatalogBinary, Installs
from hero_build.system.plain_text import clean

_LONGEST_TEXT = 300
Stamp = tuple[tuple[str, int, int], ...]


class RecipeCard(Struct, frozen=True):
    """An app as its recipe describes it; `loaded` is None where it cannot be read."""

    about: str
    loaded: LoadedRecipe | None
    trouble: str = ""

    @property
    def recipe(self) -> Recipe:
        return self.loaded.recipe if self.loaded else Recipe()

    @property
    def installs(self) -> Installs:
        if self.loaded is None or self.recipe.refuses:
            return "nothing"
        return "islands" if self.recipe.islands else "programs"

    @property
    def binaries(self) -> tuple[CatalogBinary, ...]:
        return tuple(
            CatalogBinary(
                item.name, item.kind, starts=item.kind != "cli" and not item.install_only, formerly=item.formerly
            )
            for item in self.recipe.binaries
        )


class RecipeCards:
    """The cards by app. Called by any thread."""

    def __init__(self) -> None:
        self._cards: dict[str, tuple[Stamp, RecipeCard]] = {}
        self._lock = Lock()

    def read(self, catalog: Catalog) -> Mapping[str, RecipeCard]:
        """Of all apps that have a recipe."""
        with self._lock:
            self._cards = {app: self._card(app, catalog) for app in catalog.names()}
            return {app: card for app, (_, card) in self._cards.items()}

    def _card(self, app: str, catalog: Catalog) -> tuple[Stamp, RecipeCard]:
        path = catalog.files[app][0]
        stamp = _stamp((path, *(file for file in catalog.shared if file.parent == path.parent)))
        known = self._cards.get(app)
        if known and known[0] == stamp:
            return known
        text = clean(about(path))[:_LONGEST_TEXT]
        try:
            return stamp, RecipeCard(text, catalog.get(app))
        except HeroBuildError as error:
            return stamp, RecipeCard(text, None, error.message)


def _stamp(paths: tuple[Path, ...]) -> Stamp:
    stamps = []
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            continue
        stamps.append((str(path), status.st_mtime_ns, status.st_size))
    return tuple(stamps)

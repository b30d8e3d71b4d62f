"""The apps that other apps need while they run: to install them too, or to warn of them."""

from collections.abc import Container, Iterator, Sequence

from hero_build.catalog.loader import Catalog
from hero_build.errors import HeroBuildError
from hero_build.events import WarningRaised


def with_needs(apps: Sequence[str], catalog: Catalog) -> tuple[str, ...]:
    """`apps` and their needs, each once, needs first: the order in which to start them."""
    ordered: dict[str, None] = {}
    visited: set[str] = set()

    def add(app: str) -> None:
        if app not in visited:
            visited.add(app)
            for need in _needs(app, catalog):
                add(need)
            ordered[app] = None

    for app in apps:
        add(app)
    return tuple(ordered)


def unmet(apps: Sequence[str], installed: Container[str], catalog: Catalog) -> Iterator[WarningRaised]:
    """A warning for each need of `apps` that is neither among them nor installed."""
    for app in apps:
        for need in _needs(app, catalog):
            if need not in apps and need not in installed:
                yield WarningRaised(f"{app} needs {need}, which is not installed", f"hero-build install {need}")


def _needs(app: str, catalog: Catalog) -> tuple[str, ...]:
    """Empty for a broken recipe: planning reports that error."""
    try:
        return tuple(catalog.get(app).recipe.needs)
    except HeroBuildError:
        return ()

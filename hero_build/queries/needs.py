"""What apps need beside them while they run: to be installed too, or to be warned about."""

from collections.abc import Container, Iterator, Sequence

from hero_build.catalog.loader import Catalog
from hero_build.errors import HeroBuildError
from hero_build.events import WarningRaised


def with_needs(apps: Sequence[str], catalog: Catalog) -> tuple[str, ...]:
    """`apps` and all they need, each once, what is needed first: the order of starting them."""
    found: dict[str, None] = {}
    asked: set[str] = set()

    def add(app: str) -> None:
        if app not in asked:
            asked.add(app)
            for need in _needs(app, catalog):
                add(need)
            found[app] = None

    for app in apps:
        add(app)
    return tuple(found)


def unmet(apps: Sequence[str], there: Container[str], catalog: Catalog) -> Iterator[WarningRaised]:
    """A warning for each need of `apps` that is neither among them nor `there`."""
    for app in apps:
        for need in _needs(app, catalog):
            if need not in apps and need not in there:
                yield WarningRaised(f"{app} needs {need}, which is not installed", f"hero-build install {need}")


def _needs(app: str, catalog: Catalog) -> tuple[str, ...]:
    """None for a broken recipe: the plan tells of it."""
    try:
        return tuple(catalog.get(app).recipe.needs)
    except HeroBuildError:
        return ()

"""Which running apps depend on what was restarted: by the `needs` of their recipes."""

from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter

from hero_build.catalog.loader import Catalog
from hero_build.errors import HeroBuildError
from hero_build.services.definitions import load_recipe


def dependents(apps: Collection[str], running: Collection[str], catalog: Catalog) -> tuple[str, ...]:
    """The running apps that need one of `apps`, directly or through another running one; each after those it needs."""
    needs = {app: _needs(app, catalog) for app in sorted(running)}
    affected = set(apps)
    while more := {app for app, needed in needs.items() if affected.intersection(needed) and app not in affected}:
        affected |= more
    return tuple(app for app in _ordered(needs) if app in affected.difference(apps))


def _needs(app: str, catalog: Catalog) -> tuple[str, ...]:
    try:
        return load_recipe(app, catalog).recipe.needs
    except HeroBuildError:  # a broken recipe does not keep others from being restarted
        return ()


def _ordered(needs: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    try:
        return tuple(TopologicalSorter(needs).static_order())
    except CycleError:  # which a start reports
        return tuple(needs)

"""What the server sees of its root: read at most five times a second, however many clients ask."""

import time
from collections.abc import Iterable, Mapping
from threading import Lock

from hero_build import manifest
from hero_build.catalog.loader import load
from hero_build.install.layout import Root
from hero_build.services import overview
from hero_build.services.open_run import supervisor_of
from hero_build.services.overview import Known, ServiceRow
from hero_build.settings import Settings

FRESH = 0.2
"""Seconds for which an observation holds. What an operation of this server changed is seen at once."""


class Observer:
    """Called by any thread; of several that ask at the same time, one looks and the others get the same."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._seen: Known | None = None
        self._until = 0.0
        self._changes = 0
        self._apps: frozenset[str] = frozenset()
        self._apps_until = 0.0
        self.health: Mapping[str, bool] = {}
        """Of the services that are wanted running: the last result of their probes."""

    def observe(self) -> Known:
        """Raises RootDamaged, UsageError."""
        with self._lock:
            if self._seen is None or time.monotonic() >= self._until:
                root, changes = Root(self._settings.root), self._changes
                self._seen = overview.known(root, manifest.load(root.path), supervisor_of(self._settings))
                unchanged = changes == self._changes  # else something ended while this looked
                self._until = time.monotonic() + FRESH if unchanged else 0.0
            return self._seen

    def apps(self) -> frozenset[str]:
        """The names of the apps that have a recipe. Raises RecipeError, UntrustedRecipe."""
        with self._lock:
            if time.monotonic() >= self._apps_until:
                self._apps = frozenset(load(self._settings.recipes).files)
                self._apps_until = time.monotonic() + FRESH
            return self._apps

    def forget(self) -> None:
        """Look again at the next call."""
        self._changes += 1
        self._until = 0.0

    def healthy(self, rows: Iterable[ServiceRow]) -> bool | None:
        """Whether all of these are healthy; None where there are none, or where one was not checked yet."""
        results = [self.health.get(row.name) for row in rows]
        if not results or None in results:
            return None
        return all(results)

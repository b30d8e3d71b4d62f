"""What the server remembers for `catalog.*`, so that several pages that ask every two seconds cost little."""

import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Generic, TypeVar

from msgspec import Struct, field

from hero_build.server.catalog_cards import RecipeCards
from hero_build.server.catalog_previous import PreviousVersions
from hero_build.server.catalog_types import ForeignService, LatestVersions

T = TypeVar("T")


class Remembered(Generic[T]):
    """A value that is made again once it is older than `seconds`. Called by any thread: of several that ask at the
    same time, one makes it.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = Lock()
        self._value: T | None = None
        self._until = 0.0

    def get(self, make: Callable[[], T], *, fresh: bool = False) -> T:
        asked = time.monotonic()
        with self._lock:
            made = self._until - self._seconds
            if self._value is None or asked >= self._until or (fresh and made < asked):
                self._value = make()
                self._until = time.monotonic() + self._seconds
            return self._value


class RememberedByKey(Generic[T]):
    """A value for each name, made again when its key is another one. Called by any thread."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[object, T]] = {}

    def get(self, name: str, key: object, make: Callable[[], T]) -> T:
        known = self._values.get(name)
        if known is None or known[0] != key:
            known = self._values[name] = (key, make())
        return known[1]


class CatalogMemory(Struct, frozen=True, eq=False):
    """Recipes, manifests of earlier generations, addresses and other supervisors' services, and the newest releases."""

    cards: RecipeCards = field(default_factory=RecipeCards)
    previous: PreviousVersions = field(default_factory=PreviousVersions)
    urls: RememberedByKey[Mapping[str, str]] = field(default_factory=RememberedByKey)
    foreign: Remembered[tuple[ForeignService, ...]] = field(default_factory=lambda: Remembered(5))
    latest: Remembered[LatestVersions] = field(default_factory=lambda: Remembered(15 * 60))

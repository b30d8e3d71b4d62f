"""The `name` of a call: APP, APP/BINARY or APP:INSTANCE."""

from msgspec import Struct

from hero_build.catalog.loader import Catalog
from hero_build.errors import AppNotFound
from hero_build.model.installed import Generation


class Target(Struct, frozen=True):
    """An app; a binary or an instance of it, if one is named."""

    app: str
    binary: str = ""
    instance: str = ""


def parse(name: str) -> Target:
    app, slash, binary = name.partition("/")
    if slash:
        return Target(app, binary=binary)
    app, _, instance = name.partition(":")
    return Target(app, instance=instance)


def known_app(name: str, catalog: Catalog, generation: Generation) -> str:
    """The app of a name. Raises AppNotFound for one that is neither installed nor has a recipe."""
    app = parse(name).app
    if any(part.app == app for part in generation.records):
        return app
    if app.startswith("@"):
        raise AppNotFound(f"{app!r} is a set", "Name one app; a batch has a request for each.")
    return catalog.expand([app])[0]

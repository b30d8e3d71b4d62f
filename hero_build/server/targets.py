"""The `name` of a call: APP, APP/BINARY, APP:INSTANCE or APP:INSTANCE/BINARY."""

from hero_build.catalog.loader import Catalog
from hero_build.errors import UsageError
from hero_build.model.installed import Generation
from hero_build.services.targets import parse


def known_app(name: str, catalog: Catalog, generation: Generation) -> str:
    """The app of a name. Raises UsageError, and AppNotFound for one that is neither installed nor has a recipe."""
    if name.startswith("@"):
        raise UsageError(f"{name!r} is a set", "Name one app; a batch has a request for each.")
    app = parse(name).app
    if any(part.app == app for part in generation.records):
        return app
    return catalog.expand([app])[0]

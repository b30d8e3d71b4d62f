"""What the steps of the pipeline share: created once per command, and passed down."""

from msgspec import Struct

from hero_build.catalog.loader import Catalog
from hero_build.events import Emit
from hero_build.forge.limits import Limits, limits_of
from hero_build.forge.protocol import Forge
from hero_build.install.layout import Root
from hero_build.settings import Settings
from hero_build.source.git.checkouts import Checkouts


class Context(Struct, frozen=True):
    """Settings, root, recipes, forge, progress events and checkouts of a command."""

    settings: Settings
    root: Root
    catalog: Catalog
    forge: Forge
    emit: Emit
    checkouts: Checkouts

    @property
    def limits(self) -> Limits:
        return limits_of(self.settings)

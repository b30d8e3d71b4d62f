"""What the steps of the pipeline share: created once per command, and passed down."""

from msgspec import Struct

from hero_build.catalog.loader import Catalog, load
from hero_build.events import Emit
from hero_build.forge.limits import Limits, limits_of
from hero_build.forge.protocol import Forge
from hero_build.install.layout import Root
from hero_build.settings import Settings
from hero_build.source.git.checkouts import Checkouts, CheckoutUse, open_checkouts


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


def open_context(settings: Settings, emit: Emit, forge: Forge | None = None, *, use: CheckoutUse = "read") -> Context:
    """The context over `forge` (None: that of the settings); `use`: of checkouts."""
    from hero_build.forge.open_forge import open_forge

    return Context(
        settings,
        root=Root(settings.root),
        catalog=load(settings.recipes),
        forge=forge or open_forge(settings, emit),
        emit=emit,
        checkouts=open_checkouts(settings, emit, use),
    )

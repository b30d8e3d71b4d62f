"""The Forge of an address, with no more imported than that one needs."""

from hero_build.errors import UsageError
from hero_build.events import Emit
from hero_build.forge.limits import limits_of
from hero_build.forge.protocol import Forge
from hero_build.settings import Settings


def open_forge(settings: Settings, emit: Emit) -> Forge:
    """The forge at `settings.forge`: a server, or a mirror (`file:///dir`). Sends no request. Raises UsageError."""
    scheme = settings.forge.partition(":")[0]
    if scheme == "file":
        from hero_build.forge.mirror import Mirror

        return Mirror(settings.forge)
    if scheme in ("http", "https"):
        from hero_build.forge.forgejo import Forgejo

        return Forgejo(
            settings.forge, token=settings.token, emit=emit, limits=limits_of(settings), plain_http=settings.plain_http
        )
    raise UsageError(f"{settings.forge!r} is not a forge", "It takes https://HOST or file:///DIR.")

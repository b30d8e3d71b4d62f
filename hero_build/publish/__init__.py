"""Publishing: `open_publisher` makes the Publisher for an address, and imports its modules only then."""

from urllib.parse import urlsplit

from hero_build.errors import UsageError
from hero_build.events import Emit
from hero_build.publish.signing import Signer
from hero_build.publish.types import Publisher
from hero_build.settings import Settings


def open_publisher(
    settings: Settings, to: str | None, emit: Emit, *, signer: Signer | None = None, package: bool = False
) -> Publisher:
    """The publisher for `to` (None: the forge of the settings): releases of a server, with `package` its generic
    packages, or for `file:///dir` a mirror. Sends no request yet; the caller closes it. Raises UsageError.
    """
    url = to or settings.forge
    scheme = urlsplit(url).scheme
    if scheme == "file":
        from hero_build.publish.mirror import MirrorPublisher

        return MirrorPublisher(url, emit, signer=signer)
    if scheme not in ("http", "https"):
        raise UsageError(f"cannot publish to {url!r}", "Use https://HOST or file:///DIR with --to.")
    from hero_build.forge.limits import limits_of
    from hero_build.publish.forgejo import ForgejoPublisher
    from hero_build.publish.packages import PackagePublisher

    publisher = PackagePublisher if package else ForgejoPublisher
    return publisher(
        url,
        settings.token,
        emit,
        limits=limits_of(settings),
        plain_http=settings.plain_http,
        jobs=settings.jobs,
        signer=signer,
    )

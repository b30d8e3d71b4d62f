"""Limits of time and size for the requests to a forge, as one value."""

from msgspec import Struct

from hero_build.settings import BACKOFF, CONNECT, RETRIES, STALL, Settings


class Limits(Struct, frozen=True):
    """In seconds and bytes; the defaults suit a slow line and a busy server."""

    connect: float = CONNECT
    """To open a connection."""
    stall: float = STALL
    """Without a single byte."""
    answer: float = 60.0
    """From the request to the end of the headers, and for a whole API response."""
    transfer: float = 3600.0
    """For the body of an asset."""
    attempts: int = RETRIES + 1
    """In a row without progress, the first one included."""
    backoff: float = BACKOFF
    """The first wait between attempts; doubled and jittered after that."""
    longest: float = 60.0
    """The longest wait, whatever Retry-After says."""
    document: int = 8 << 20
    """Bytes of an API response."""
    redirects: int = 5


DEFAULT = Limits()


def limits_of(settings: Settings) -> Limits:
    """The limits of these settings."""
    return Limits(
        connect=settings.connect, stall=settings.stall, attempts=settings.retries + 1, backoff=settings.backoff
    )

"""How long and how much a forge is trusted with, as one value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes. Tests pass small ones; the defaults suit a slow line and a busy server."""

    connect: float = 10.0
    """To open a connection."""
    stall: float = 30.0
    """Without a single byte."""
    answer: float = 60.0
    """From the request to the end of the headers, and for a whole API answer."""
    transfer: float = 3600.0
    """For the body of an asset."""
    attempts: int = 4
    """In a row without progress, the first one included."""
    backoff: float = 0.5
    """The first wait between attempts; doubled and jittered after that."""
    longest: float = 60.0
    """The longest wait, whatever Retry-After says."""
    document: int = 8 << 20
    """Bytes of an API answer."""
    redirects: int = 5


DEFAULT = Limits()

"""A request and its response, the Protocol of what sends one, and the errors of a connection."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from msgspec import Struct

from hero_build.errors import NotFound
from hero_build.forge.url import Url

Chunk = bytes | memoryview
Headers = Mapping[str, str]
"""Header fields by their names in small letters; the values of one that comes several times are joined by `, `."""


class HttpRequest(Struct, frozen=True):
    """`sending` bounds the body of the request, and `seconds` that of the response (None: as an API's answer)."""

    method: str
    url: Url
    headers: Mapping[str, str]
    body: Iterable[Chunk] = ()
    sending: float | None = None
    seconds: float | None = None


class HttpResponse(Struct, frozen=True):
    """A response whose body is unread. `chunks` may be iterated once: a chunk is valid until the next one is requested;
    `close` ends the response, and keeps its connection if the whole body was read.
    """

    status: int
    headers: Headers
    url: Url
    chunks: Iterator[Chunk]
    close: Callable[[], None]

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class Transport(Protocol):
    """Serves one request at a time."""

    def send(self, request: HttpRequest) -> HttpResponse:
        """The response once its headers have arrived. Raises TransportError, and BadForgeResponse for what is not HTTP;
        iterating its chunks does, too.
        """

    def close(self) -> None: ...


class HttpNotFound(NotFound):
    """404: the caller turns it into the error for what it asked for. `elsewhere`: the answer of another host."""

    def __init__(self, message: str, hint: str = "", *, elsewhere: bool = False) -> None:
        super().__init__(message, hint)
        self.elsewhere = elsewhere


class TransportError(Exception):
    """No response, or one that broke off."""


class NoConnection(TransportError):
    """The connection could not be opened."""


class ProxyRefusal(TransportError):
    """The proxy opens no tunnel."""


class EndedEarly(TransportError):
    """The connection ended before the response did."""

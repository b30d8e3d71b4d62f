"""The transport through a proxy: httpx's own, which knows tunnels, logins and encrypted proxies."""

import ssl
from collections.abc import Iterator

from hero_build.errors import UsageError
from hero_build.forge.http_types import (
    Chunk,
    EndedEarly,
    HttpRequest,
    HttpResponse,
    NoConnection,
    ProxyRefusal,
    TransportError,
)
from hero_build.forge.lean_httpx import httpx
from hero_build.forge.limits import Limits


class ProxyTransport:
    """A Transport (http_types.py) through the proxy at an address."""

    def __init__(self, proxy: str, limits: Limits, tls: ssl.SSLContext) -> None:
        """Raises UsageError."""
        self._timeout = httpx.Timeout(limits.stall, connect=limits.connect).as_dict()
        try:
            self._transport = httpx.HTTPTransport(verify=tls, proxy=proxy)
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            # The address is not shown: it may contain a password.
            hint = "Give http_proxy or https_proxy an http:// or https:// address, or name the forge in no_proxy."
            raise UsageError("the proxy set in the environment cannot be used", hint) from error

    def send(self, request: HttpRequest) -> HttpResponse:
        try:
            response = self._transport.handle_request(
                httpx.Request(
                    request.method,
                    str(request.url),
                    headers=dict(request.headers),
                    stream=_RequestBody(request),
                    extensions={"timeout": self._timeout},
                )
            )
        except httpx.TransportError as error:
            raise _translate(error) from error
        headers = {name: response.headers[name] for name in response.headers}
        return HttpResponse(
            response.status_code, headers=headers, url=request.url, chunks=_chunks(response), close=response.close
        )

    def close(self) -> None:
        self._transport.close()


class _RequestBody(httpx.SyncByteStream):
    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        return map(bytes, self._request.body)


def _chunks(response: httpx.Response) -> Iterator[Chunk]:
    """The body as it is sent, undecoded."""
    try:
        yield from response.stream  # type: ignore[misc]  # a sync transport makes sync streams
    except httpx.TransportError as error:
        raise _translate(error) from error


def _translate(error: httpx.TransportError) -> TransportError:
    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout():
            return NoConnection(str(error))
        case httpx.ProxyError():
            return ProxyRefusal(str(error))
        case httpx.RemoteProtocolError():
            return EndedEarly(str(error))
        case _:
            return TransportError(str(error))

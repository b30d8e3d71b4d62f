"""Which transport serves a request: DirectTransport, or httpx through a proxy of the environment."""

import threading
from typing import TYPE_CHECKING

from hero_build.forge.http_transport import DirectTransport
from hero_build.forge.http_types import HttpRequest, HttpResponse, Transport
from hero_build.forge.limits import Limits
from hero_build.forge.proxies import proxy_for

if TYPE_CHECKING:
    import ssl


class Transports:
    """Makes transports that share one TLS context, which costs milliseconds and memory."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    def make(self) -> Transport:
        return _RoutedTransport(self)

    def tls(self) -> "ssl.SSLContext":
        with self._lock:
            if self._context is None:
                from hero_build.forge.tls import tls_context  # ssl, which a forge over plain http does not need

                self._context = tls_context()
            return self._context


class _RoutedTransport:
    def __init__(self, transports: Transports) -> None:
        self._transports = transports
        self._direct = DirectTransport(transports.limits, transports.tls)
        self._proxied: dict[str, Transport] = {}

    def send(self, request: HttpRequest) -> HttpResponse:
        proxy = proxy_for(request.url)
        if proxy is None:
            return self._direct.send(request)
        if proxy not in self._proxied:
            from hero_build.forge.proxy_transport import ProxyTransport  # httpx, for those that have a proxy

            self._proxied[proxy] = ProxyTransport(proxy, self._transports.limits, self._transports.tls())
        return self._proxied[proxy].send(request)

    def close(self) -> None:
        for transport in (self._direct, *self._proxied.values()):
            transport.close()

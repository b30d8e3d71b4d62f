"""Which transport serves a request: DirectTransport, or httpx through a proxy of the environment."""

import os
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


def tls_context() -> "ssl.SSLContext":
    """Trusts the machine's own certificates, which include private authorities; certifi's where it has none."""
    import ssl  # not for a forge over plain http

    paths = ssl.get_default_verify_paths()
    if paths.cafile or (paths.capath and os.listdir(paths.capath)):
        return ssl.create_default_context()
    from hero_build.forge.lean_httpx import httpx  # for the certificates that it comes with

    return httpx.create_ssl_context()

"""Which transport serves a request: DirectTransport, or httpx's own through a proxy of the environment."""

import os
import ssl
import threading

from hero_build.errors import UsageError
from hero_build.forge.http_transport import DirectTransport
from hero_build.forge.lean_httpx import httpx
from hero_build.forge.limits import Limits
from hero_build.forge.proxies import proxy_for


class Transports:
    """Makes transports that share one TLS context, which costs milliseconds and memory."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    def make(self) -> httpx.BaseTransport:
        return _ProxyTransport(self)

    def direct(self) -> DirectTransport:
        return DirectTransport(self._limits, self.tls)

    def tls(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                self._context = _tls_context()
            return self._context


class _ProxyTransport(httpx.BaseTransport):
    def __init__(self, transports: Transports) -> None:
        self._transports = transports
        self._direct = transports.direct()
        self._proxied: dict[str, httpx.HTTPTransport] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        proxy = proxy_for(request.url)
        if proxy is None:
            return self._direct.handle_request(request)
        if proxy not in self._proxied:
            self._proxied[proxy] = _proxy_transport(proxy, self._transports.tls())
        return self._proxied[proxy].handle_request(request)

    def close(self) -> None:
        for transport in (self._direct, *self._proxied.values()):
            transport.close()


def _proxy_transport(proxy: str, context: ssl.SSLContext) -> httpx.HTTPTransport:
    try:
        return httpx.HTTPTransport(verify=context, proxy=proxy)
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        # The address is not shown: it may contain a password.
        hint = "Give http_proxy or https_proxy an http:// or https:// address, or name the forge in no_proxy."
        raise UsageError("the proxy set in the environment cannot be used", hint) from error


def _tls_context() -> ssl.SSLContext:
    """Trusts the machine's own certificates, which include private authorities; certifi's where it has none."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile or (paths.capath and os.listdir(paths.capath)):
        return ssl.create_default_context()
    return httpx.create_ssl_context()

"""The error for each HTTP status other than success and for each failed connection, with the server's own text."""

import re
import sys
import time
from collections.abc import Iterator

from msgspec import Struct

from hero_build.errors import AuthError, BadForgeResponse, HeroBuildError, NetworkError
from hero_build.forge.access_hints import Access, access_hint
from hero_build.forge.http_types import EndedEarly, Headers, HttpNotFound, NoConnection, ProxyRefusal, TransportError
from hero_build.forge.proxies import proxy_name
from hero_build.forge.retry import TransientError, Truncated
from hero_build.forge.url import Url
from hero_build.system.decoding import decode_json

_TEXT_SIZE = 200  # characters of a server's text that are shown
_TITLE = re.compile(r"<(?:title|message)>([^<]+)", re.IGNORECASE)  # of a page, or of a storage's XML


class _ApiError(Struct, frozen=True):
    """The body that the API sends with an error."""

    message: str | None = None


class ServerError(TransientError):
    """500: the server failed, for a reason that it may not say."""


def http_error(status: int, headers: Headers, url: Url, body: bytes, access: Access) -> HeroBuildError:
    """The error for a failure status; its hint speaks of the token only where `access` says that it matters."""
    host, text, hint = answerer(url), quoted(body), access_hint(status, access)
    match status:
        case 407:
            return NetworkError(f"the proxy {proxy_name(url) or url.host} asks for a login (407){text}", _PROXY)
        case 429:
            return TransientError(f"{host} receives too many requests (429){text}", _TRY_LATER, retry_after(headers))
        case _ if access.elsewhere and status < 500:
            return _elsewhere_error(status, url=url, text=text, hint=hint)
        case 401:
            return AuthError(f"{host} does not accept the request (401){text}", hint)
        case 403:
            return AuthError(f"{host} forbids the request (403){text}", hint)
        case 404:
            return HttpNotFound(f"{host} has no {url.path} (404){text}", hint)
        case _ if status >= 500:
            kind = ServerError if status == 500 else TransientError
            return kind(f"{host} failed ({status}){text}", _TRY_LATER, retry_after(headers))
        case _:
            return BadForgeResponse(f"{host} answered with the unexpected status {status}{text}", _CHECK_ADDRESS)


def _elsewhere_error(status: int, url: Url, text: str, hint: str) -> HeroBuildError:
    place = f"{url.netloc}, which is not the forge,"
    if status == 404:
        return HttpNotFound(f"{place} has no {url.path} (404){text}", hint, elsewhere=True)
    return BadForgeResponse(f"{place} refuses {url.path} ({status}){text}", hint)


def connection_error(url: Url, error: TransportError) -> HeroBuildError:
    """The error for a request without a response."""
    proxy, causes = proxy_name(url), tuple(_causes(error))
    through = f" through the proxy {proxy}" if proxy else ""
    if isinstance(error, ProxyRefusal):
        return NetworkError(f"the proxy {proxy} for {url.host} refuses: {error}", _PROXY)
    if any(_is_tls(cause, "SSLCertVerificationError") for cause in causes):
        return NetworkError(f"the certificate of {url.host}{through} is not trusted: {error}", _CERTIFICATE)
    hint = f"{_CHECK_NETWORK} {_PROXY}" if proxy else _CHECK_NETWORK
    if isinstance(error, NoConnection):
        if proxy and not any(_is_tls(cause, "SSLError") for cause in causes):
            return TransientError(f"the proxy {proxy} for {url.host} cannot be reached: {error}", _PROXY)
        return TransientError(f"{url.host} cannot be reached{through}: {error}", hint)
    return TransientError(f"{url.host} did not respond{through}: {error}", hint)


def interrupted_error(url: Url, error: TransportError) -> HeroBuildError:
    """The error for a response that broke off."""
    kind = Truncated if isinstance(error, EndedEarly) else TransientError
    proxy = proxy_name(url)
    through = f" through the proxy {proxy}" if proxy else ""
    return kind(f"the response of {url.host}{through} broke off: {error}", _TRY_LATER)


def answerer(url: Url) -> str:
    """Whose response it is: the host, and the proxy where that may have answered in its place, as it can over http."""
    proxy = proxy_name(url) if url.scheme == "http" else None
    return f"{url.host} (or the proxy {proxy} before it)" if proxy else url.host


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_tls(error: BaseException, name: str) -> bool:
    """Whether it is that error of ssl, which is imported only where something is encrypted."""
    ssl = sys.modules.get("ssl")
    return ssl is not None and isinstance(error, getattr(ssl, name))


def quoted(body: bytes) -> str:
    """`: ` and the API's message, a page's title, or else the first line of the body; empty for an empty body."""
    try:
        message = decode_json(body, kind=_ApiError).message
    except (ValueError, RecursionError):
        message = None
    text = body[: _TEXT_SIZE * 10].decode(errors="replace") if message is None else message
    title = _TITLE.search(text)
    lines = [line.strip() for line in (title[1] if title else text).splitlines() if line.strip()]
    return f": {lines[0][:_TEXT_SIZE]}" if lines else ""


def retry_after(headers: Headers) -> float | None:
    """Seconds from now (RFC 9110, 10.2.3): a number, or a date. None if it is absent or malformed."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    from email.utils import parsedate_to_datetime  # only for a date

    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError, OSError):
        return None


_TRY_LATER = "Try again later; what was already downloaded is kept."
_CHECK_ADDRESS = "Check the address with --forge or FORGEJO_URL; does it open in a browser?"
_CHECK_NETWORK = "Check the network, and the address (--forge, FORGEJO_URL); `hero-build doctor` checks the connection."
_PROXY = "Check http_proxy, https_proxy and no_proxy in the environment."
_CERTIFICATE = "Check this machine's clock and certificates; SSL_CERT_FILE may name the file of a private authority."

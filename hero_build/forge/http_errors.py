"""What a status other than success means, in words: one error for each, with the server's own text."""

import re
import ssl
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import msgspec
from msgspec import Struct

from hero_build.errors import AuthError, BadForgeResponse, HeroBuildError, NetworkError, NotFound
from hero_build.forge.lean_httpx import httpx
from hero_build.forge.retry import TransientError, Truncated

_TEXT_SIZE = 200  # characters of a server's text that are shown
_TITLE = re.compile(r"<title>([^<]+)", re.IGNORECASE)


class _ApiError(Struct, frozen=True):
    """The body that the API sends with an error."""

    message: str | None = None


class HttpNotFound(NotFound):
    """404: whoever asked knows what it means that this is not there."""


def http_error(status: int, headers: httpx.Headers, url: httpx.URL, body: bytes, note: str) -> HeroBuildError:
    """The error for a status that is no success; `note` is a sentence that goes before the hint, or empty."""
    host, text = url.host, quoted(body)
    match status:
        case 401:
            return AuthError(f"{host} does not accept the request (401){text}", f"{note} {_NEW_TOKEN}".strip())
        case 403:
            return AuthError(f"{host} forbids the request (403){text}", f"{note} {_SCOPES}".strip())
        case 404:
            return HttpNotFound(f"{host} has no {url.path} (404){text}", f"{note} {_HIDDEN}".strip())
        case 429:
            return TransientError(f"{host} has had too many requests (429){text}", _TRY_LATER, retry_after(headers))
        case _ if status >= 500:
            return TransientError(f"{host} failed ({status}){text}", _TRY_LATER, retry_after(headers))
        case _:
            return BadForgeResponse(f"{host} answered with the unexpected status {status}{text}", _CHECK_ADDRESS)


def connection_error(url: httpx.URL, error: httpx.TransportError) -> HeroBuildError:
    """The error for a request that got no answer."""
    if isinstance(error.__context__, httpx.InvalidURL):
        return BadForgeResponse(f"{url.host} redirects to an address that cannot be used", _CHECK_ADDRESS)
    if isinstance(error, httpx.ProxyError):
        return NetworkError(f"the proxy on the way to {url.host} refuses: {error}", _PROXY)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error)):
        return NetworkError(f"{url.host} cannot prove who it is: {error}", _CERTIFICATE)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return TransientError(f"{url.host} cannot be reached: {error}", _CHECK_NETWORK)
    return TransientError(f"{url.host} gave no answer: {error}", _CHECK_NETWORK)


def interrupted_error(url: httpx.URL, error: httpx.TransportError) -> HeroBuildError:
    """The error for an answer that broke off."""
    kind = Truncated if isinstance(error, httpx.RemoteProtocolError) else TransientError
    return kind(f"the answer of {url.host} broke off: {error}", _TRY_LATER)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def quoted(body: bytes) -> str:
    """`: ` and what the server says: the API's message, a page's title, else a first line; empty when it is silent."""
    try:
        message = msgspec.json.decode(body, type=_ApiError).message
    except (ValueError, RecursionError):
        message = None
    text = body[: _TEXT_SIZE * 10].decode(errors="replace") if message is None else message
    title = _TITLE.search(text)
    lines = [line.strip() for line in (title[1] if title else text).splitlines() if line.strip()]
    return f": {lines[0][:_TEXT_SIZE]}" if lines else ""


def retry_after(headers: httpx.Headers) -> float | None:
    """Seconds from now (RFC 9110, 10.2.3): a number, or a date. None when it is not there or not to be read."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError, OSError):
        return None


_NEW_TOKEN = "Put a valid token into FORGEJO_TOKEN, or unset it: a wrong one is refused even where none is needed."  # noqa: S105
_SCOPES = "The token in FORGEJO_TOKEN needs read access to repositories and packages (read:repository, read:package)."
_HIDDEN = "A private repository answers 404 to whoever may not see it: is FORGEJO_TOKEN set, and may it read there?"
_TRY_LATER = "Try again later; what was already downloaded is kept."
_CHECK_ADDRESS = "Check the address with --forge or FORGEJO_URL; does a browser get an answer there?"
_CHECK_NETWORK = "Check the network, and the address (--forge, FORGEJO_URL); `hero-build doctor` says what is reached."
_PROXY = "Check http_proxy, https_proxy and no_proxy in the environment."
_CERTIFICATE = "Check this machine's clock and certificates; SSL_CERT_FILE may name the file of a private authority."

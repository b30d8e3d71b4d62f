"""Where a request may go: which hosts receive the token, and which redirects are followed."""

import ipaddress

from hero_build.errors import BadForgeResponse
from hero_build.forge.lean_httpx import httpx

_PORTS = {"http": 80, "https": 443}


def parse_url(text: str, source: str) -> httpx.URL:
    """An absolute http or https address. Raises BadForgeResponse, which names the `source` of the address."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, TypeError, ValueError):
        url = httpx.URL("")
    if url.scheme not in _PORTS or not url.host:
        raise BadForgeResponse(f"{source} names an invalid address: {text[:200]!r}", _ASK_OPERATOR)
    return url


def redirect_target(url: httpx.URL, location: str) -> httpx.URL:
    """Where a redirect from `url` leads. Raises BadForgeResponse for an invalid address, or http after https."""
    try:
        joined = str(url.join(location))
    except (httpx.InvalidURL, ValueError):
        joined = location
    target = parse_url(joined, f"a redirect of {url.host}")
    if url.scheme == "https" and target.scheme != "https":
        raise BadForgeResponse(
            f"{url.host} redirects from https to plain http ({target.host}), which is not followed", _ASK_OPERATOR
        )
    return target


def origin(url: httpx.URL) -> tuple[str, str, int | None]:
    """Scheme, host and port: where a token is valid (RFC 6454)."""
    return url.scheme, url.host, url.port or _PORTS.get(url.scheme)


def may_send_token(url: httpx.URL, plain_http: tuple[str, ...]) -> bool:
    """Whether a token may travel to `url`: encrypted, to this machine, or to a host (or host:port) that is listed."""
    named = {url.host, f"{url.host}:{origin(url)[2]}"}
    return url.scheme == "https" or is_loopback(url.host) or bool(named.intersection(plain_http))


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


_ASK_OPERATOR = "Ask the operator of that forge to check its public address (ROOT_URL)."

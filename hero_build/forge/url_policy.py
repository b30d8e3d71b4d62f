"""Where a request may go: which hosts receive the token, and which redirects are followed."""

import ipaddress

from hero_build.errors import BadForgeResponse
from hero_build.forge.url import InvalidUrl, Url


def parse_url(text: str, source: str) -> Url:
    """An absolute http or https address. Raises BadForgeResponse, which names the `source` of the address."""
    try:
        return Url(text)
    except InvalidUrl as error:
        raise BadForgeResponse(f"{source} names an invalid address: {text[:200]!r}", _ASK_OPERATOR) from error


def redirect_target(url: Url, location: str) -> Url:
    """Where a redirect from `url` leads. Raises BadForgeResponse for an invalid address, or http after https."""
    try:
        target = url.follow(location)
    except InvalidUrl:
        target = parse_url(location, f"a redirect of {url.host}")
    if url.scheme == "https" and target.scheme != "https":
        raise BadForgeResponse(
            f"{url.host} redirects from https to plain http ({target.host}), which is not followed", _ASK_OPERATOR
        )
    return target


def origin(url: Url) -> tuple[str, str, int]:
    """Scheme, host and port: where a token is valid (RFC 6454)."""
    return url.scheme, url.ascii_host, url.known_port


def may_send_token(url: Url, plain_http: tuple[str, ...]) -> bool:
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

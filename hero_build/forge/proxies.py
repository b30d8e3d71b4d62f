"""Which proxy the environment sets for an address: http_proxy, https_proxy, all_proxy and no_proxy, as curl reads them.

no_proxy lists names (with everything below them), addresses, and ranges of addresses such as 10.0.0.0/8 or [fd00::]/8.
"""

import ipaddress
import os
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from hero_build.forge.url import Url
from hero_build.forge.url_policy import is_loopback


def proxy_for(url: Url) -> str | None:
    """The address of the proxy for `url`, with its credentials; None where it is reached directly."""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    from urllib.request import getproxies  # imports http.client, and with it the email package

    proxies = getproxies()
    if is_loopback(url.host) or _is_excluded(url, proxies.get("no", "")):
        return None
    proxy = proxies.get(url.scheme) or proxies.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def proxy_name(url: Url) -> str | None:
    """Host and port of the proxy for `url`, for an error; None where it is reached directly."""
    proxy = proxy_for(url)
    return urlsplit(proxy).netloc.rpartition("@")[2] if proxy else None


def _is_excluded(url: Url, no_proxy: str) -> bool:
    words = [word for word in re.split(r"[,\s]+", no_proxy.lower()) if word]
    return words == ["*"] or _is_named(url, words) or _is_in_range(url.host, words)


def _is_named(url: Url, names: Iterable[str]) -> bool:
    """Whether one of the names is that of the host or of a domain above it; a name may end in `:` and the port, and
    either in the dot of the root domain. A name beyond ASCII may be written as it is, or as DNS has it (xn--…).
    """
    port = f":{url.known_port}"
    domains = [name.removesuffix(port).strip(".") for name in names]
    hosts = {host.rstrip(".") for host in (url.host, url.ascii_host)}
    return any(host == name or host.endswith(f".{name}") for host in hosts for name in domains if name)


def _is_in_range(host: str, ranges: Iterable[str]) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False  # a name is in no range, whatever it resolves to
    return any(network is not None and address in network for network in map(_network, ranges))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return None

"""Where the cockpit listens, and under which addresses a browser may reach it."""

import errno
import ipaddress
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from msgspec import Struct

from hero_build.errors import MachineError, UsageError

_BACKLOG = 128
_EXAMPLE_OPTION = "--http 127.0.0.1:9470"
_EXAMPLE = f"Write {_EXAMPLE_OPTION}."
_LOCAL = ("localhost", "127.0.0.1", "[::1]")
_USUAL_PORTS = {"http": 80, "https": 443}
_PORT = re.compile(r"[0-9]{1,9}")
_SITE_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?")


class HttpOptions(Struct, frozen=True):
    """What was typed: the address to listen on, and the one that a reverse proxy shows."""

    host: str
    port: int
    public_url: str = ""


class Addresses(Struct, frozen=True):
    """`url` is the address to print, without a path; `any_address`: an IP address in a Host is accepted, whichever it
    is. No other site can have its name resolve to an IP address as a name.
    """

    url: str
    port: int
    hosts: frozenset[str]
    origins: frozenset[str]
    any_address: bool = False

    @property
    def secure(self) -> bool:
        return self.url.startswith("https://")

    def accepts_host(self, host: str) -> bool:
        return host.lower() in self.hosts or (self.any_address and _is_address(host, self.port))

    def accepts_origin(self, origin: str, host: str) -> bool:
        """`host` is one that is accepted."""
        return origin in self.origins or (self.any_address and origin == f"http://{host.lower()}")


def http_options(http: str | None, public_url: str | None, *, allow_remote: bool) -> HttpOptions | None:
    """What was typed; None where no page is asked for. Raises UsageError."""
    if http is None:
        if allow_remote or public_url:
            raise UsageError("--allow-remote and --public-url are about the cockpit", f"Add {_EXAMPLE_OPTION}.")
        return None
    host, port = _parsed(http)
    if not host.is_loopback and not allow_remote:
        hint = (
            "Listen on 127.0.0.1, and let a reverse proxy with TLS or an SSH tunnel reach it. --allow-remote listens "
            "there over plain HTTP: who can read the traffic can take over a session."
        )
        raise UsageError(f"--http {http} can be reached from other machines", hint)
    return HttpOptions(str(host), port, _public(public_url or ""))


def _parsed(http: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]:
    host, colon, port = http.rpartition(":")
    if not colon or not _PORT.fullmatch(port) or int(port) > 65535:
        raise UsageError(f"--http {http} is not HOST:PORT", _EXAMPLE)
    host = host.removeprefix("[").removesuffix("]")
    host = "127.0.0.1" if host.lower() == "localhost" else host
    try:
        address = ipaddress.ip_address(host)
    except ValueError as error:
        raise UsageError(f"--http {http} does not name an IP address", _EXAMPLE) from error
    return address, int(port)


def _public(url: str) -> str:
    """An origin as a browser sends it: scheme, host, and a port that is not the usual one; without a path."""
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        host, port = _site_name(parts.hostname or ""), parts.port
        bare = parts.path in ("", "/") and not (parts.query or parts.fragment or "@" in parts.netloc)
        ok = parts.scheme in _USUAL_PORTS and bare and port != 0 and url.isprintable()
    except ValueError:
        ok = False
    if not ok:
        hint = (
            "Write --public-url https://cockpit.example.org, a name with other letters as browsers send it (xn--…): "
            "the proxy passes it on with its Host header."
        )
        raise UsageError(f"--public-url {url} is not the address of a site", hint)
    return f"{parts.scheme}://{host}" + (f":{port}" if port and port != _USUAL_PORTS[parts.scheme] else "")


def _site_name(host: str) -> str:
    """A host as it is in an address. Raises ValueError."""
    if ":" in host:
        return f"[{ipaddress.IPv6Address(host)}]"
    if not _SITE_NAME.fullmatch(host):
        raise ValueError(host)
    return host


@contextmanager
def listening_on(chosen: HttpOptions) -> Iterator[tuple[socket.socket, Addresses]]:
    """A listening TCP socket and its addresses. Raises MachineError."""
    family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((chosen.host, chosen.port))
        except OSError as error:
            raise _cannot_listen(chosen, error) from error
        sock.listen(_BACKLOG)
        sock.setblocking(False)
        yield sock, addresses(chosen, sock.getsockname()[1])


def addresses(chosen: HttpOptions, port: int) -> Addresses:
    """Of what listens on `port`."""
    address = ipaddress.ip_address(chosen.host)
    literal = f"[{chosen.host}]" if ":" in chosen.host else chosen.host
    named = set(_LOCAL if address.is_loopback or address.is_unspecified else ()) | {literal}
    hosts = {f"{name}:{port}" for name in named} | ({*named} if port == 80 else set())
    origins = {f"http://{host}" for host in hosts}
    url = f"http://{'127.0.0.1' if address.is_unspecified else literal}:{port}"
    if chosen.public_url:
        hosts.add(urlsplit(chosen.public_url).netloc)
        origins.add(chosen.public_url)
    return Addresses(
        chosen.public_url or url,
        port=port,
        hosts=frozenset(hosts),
        origins=frozenset(origins),
        any_address=address.is_unspecified,
    )


def _is_address(host: str, port: int) -> bool:
    name, colon, number = host.rpartition(":")
    if not colon or number != str(port):
        return False
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _cannot_listen(chosen: HttpOptions, error: OSError) -> MachineError:
    where = f"{chosen.host}:{chosen.port}"
    if error.errno == errno.EADDRINUSE:
        return MachineError(f"another program listens on {where}", "Choose another port, or 0 for a free one.")
    reason = os.strerror(error.errno) if error.errno else str(error)
    return MachineError(f"cannot listen on {where}: {reason}", _EXAMPLE)

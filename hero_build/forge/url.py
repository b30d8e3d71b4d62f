"""An http address in its parts, as a request needs them (RFC 3986); names beyond ASCII by IDNA."""

from functools import cached_property
from urllib.parse import quote, unquote, urljoin, urlsplit

PORTS = {"http": 80, "https": 443}
_CONTROL = frozenset(map(chr, (*range(32), 127)))
_IN_NAME, _IN_ADDRESS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._~-"), frozenset("0123456789abcdef:.")
"""The characters of a host's name, and of an IPv6 address."""
_SAFE = "/%:@!$&'()*+,;=~[]"
_LONGEST = 1 << 16  # characters


class InvalidUrl(ValueError):
    """Text that is not an absolute http or https address."""


class Url:
    """An absolute address. `host` is in small letters, as people write it, and `ascii_host` as DNS and headers have it;
    `port` is None for the scheme's own; `target` is path and query as they are sent. `login` is `user:password`, and
    never part of the text.
    """

    def __init__(self, text: str) -> None:
        """Raises InvalidUrl."""
        if len(text) > _LONGEST or not _CONTROL.isdisjoint(text):
            raise InvalidUrl("an address contains control characters, or is too long")
        try:
            parts = urlsplit(text)
            port, host = parts.port, parts.hostname or ""
        except ValueError as error:
            raise InvalidUrl(str(error)) from error
        if parts.scheme not in PORTS or not host:
            raise InvalidUrl("it needs http:// or https://, and a host")
        self.scheme = parts.scheme
        self.host, self.ascii_host = _hosts(host)
        self.port = None if port == PORTS[parts.scheme] else port
        self.login = parts.netloc.rpartition("@")[0]
        query = f"?{quote(parts.query, safe=_SAFE + '?')}" if parts.query else ""
        self.target = (quote(parts.path, safe=_SAFE) or "/") + query

    @property
    def path(self) -> str:
        """The path as people read it."""
        return unquote(self.target.partition("?")[0])

    @property
    def known_port(self) -> int:
        return self.port or PORTS[self.scheme]

    @cached_property
    def netloc(self) -> str:
        """Host and port, as the header `Host` has them."""
        host = f"[{self.ascii_host}]" if ":" in self.ascii_host else self.ascii_host
        return host if self.port is None else f"{host}:{self.port}"

    def follow(self, reference: str) -> "Url":
        """Where a reference leads from here. Raises InvalidUrl."""
        try:
            return Url(urljoin(str(self), reference))
        except ValueError as error:
            raise InvalidUrl(str(error)) from error

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}{self.target}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Url) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


def _hosts(host: str) -> tuple[str, str]:
    """A host's name as people write it, and as DNS has it. Raises InvalidUrl."""
    if host.isascii() and "xn--" not in host:
        if not (_IN_ADDRESS if ":" in host else _IN_NAME).issuperset(host):
            raise InvalidUrl("a host contains characters that no name has")
        return host, host
    import idna  # only for names beyond ASCII

    try:
        encoded = idna.encode(host).decode("ascii")
        return idna.decode(encoded), encoded
    except idna.IDNAError as error:
        raise InvalidUrl(str(error)) from error

"""Asks a server whether releases are still those of the last time, one request each, with hardly an import.

An install of many apps that has nothing to do is the command that runs most often: here it costs little more than its
requests. Anything but the expected answer (a redirect, an error, a server that takes long) means "not known", and the
command then goes its usual way, with retries and errors.
"""

import json
import threading

from hero_build import __version__
from hero_build.forge.deadline_socket import DeadlineSocket, open_socket
from hero_build.forge.http_wire import WireResponse, send_head
from hero_build.forge.release_digest import release_digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

_LIMIT = 5.0  # seconds for a connection, and for each answer: a slow server is asked in the usual way
_LARGEST = 8 << 20  # bytes
_CHUNK = 1 << 16
_CONNECTIONS = 16


class ServerAddress:
    """A server: `scheme` is http or https, `host` ASCII without brackets, `netloc` what goes into the header Host."""

    def __init__(self, scheme: str, *, host: str, port: int, netloc: str) -> None:
        self.scheme, self.host, self.port, self.netloc = scheme, host, port, netloc


def releases_unchanged(
    server: ServerAddress, releases: "Iterable[tuple[str, str]]", *, token: str, connections: int
) -> bool:
    """Whether each of the `releases` (the target of its request, its digest) is the same. An empty token is not sent.

    `connections`: how many at once, at most.
    """
    rest = list(releases)
    tls = None
    if server.scheme == "https":
        from hero_build.forge.tls import tls_context

        tls = tls_context()
    check = _Check(server, rest, tls=tls, token=token)
    count = max(1, min(connections, _CONNECTIONS, len(rest)))
    threads = [threading.Thread(target=check.run, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return not check.failed


class _Check:
    def __init__(
        self, server: ServerAddress, rest: "list[tuple[str, str]]", *, tls: "ssl.SSLContext | None", token: str
    ) -> None:
        self.failed = False
        self._server, self._rest, self._tls = server, rest, tls
        self._fields = {
            "Host": server.netloc,
            "User-Agent": f"hero-build/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Connection": "keep-alive",
            **({"Authorization": f"token {token}"} if token else {}),
        }

    def run(self) -> None:
        """Ask for what is left until one differs."""
        try:
            while self._rest and not self.failed:
                self._ask_on_one_connection()
        except Exception:  # noqa: BLE001 - whatever it is, the usual way finds it again and says it
            self.failed = True

    def _ask_on_one_connection(self) -> None:
        plain = open_socket(self._server.host, self._server.port, seconds=_LIMIT, tls=self._tls)
        sock = DeadlineSocket(plain, _LIMIT)
        try:
            while self._rest and not self.failed and self._ask(sock):
                pass
        finally:
            sock.close()

    def _ask(self, sock: DeadlineSocket) -> bool:
        """Ask for one release; whether the connection serves another request."""
        try:
            target, digest = self._rest.pop()
        except IndexError:  # another thread took the last one
            return False
        sock.set_deadline(_LIMIT)
        send_head(sock, method="GET", target=target, fields=self._fields)
        response = WireResponse(sock)
        if response.status != 200 or release_digest(json.loads(_body(response))) != digest:
            self.failed = True
        response.close()
        return response.reusable


def _body(response: WireResponse) -> bytes:
    content, view = bytearray(), memoryview(bytearray(_CHUNK))
    while size := response.readinto(view):
        content += view[:size]
        if len(content) > _LARGEST:
            raise ValueError("too long")
    return bytes(content)

"""An httpx transport over the standard library's http.client, for direct connections.

httpx's own transport parses in Python under the interpreter's lock; this one reads up to 1 MiB at once into a reusable
buffer, and is more than twice as fast with many workers. It keeps one connection per origin, and serves one request at
a time.
"""

import http.client
import select
import ssl
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import cast

from hero_build.errors import BadForgeResponse
from hero_build.forge.deadline_socket import DeadlineSocket
from hero_build.forge.lean_httpx import httpx
from hero_build.forge.limits import Limits

CHUNK = 1 << 20
_PORTS = {"http": 80, "https": 443}
_NOT_HTTP = "Check the address: use the one that opens in a browser."

Origin = tuple[str, str, int]


class DirectTransport(httpx.BaseTransport):
    """Raises httpx's TransportErrors, and BadForgeResponse for endless headers and for anything that is not HTTP."""

    def __init__(self, limits: Limits, tls: Callable[[], ssl.SSLContext]) -> None:
        self._limits = limits
        self._tls = tls
        self._idle: dict[Origin, http.client.HTTPConnection] = {}
        self._buffer = bytearray(CHUNK)
        # Closes the sockets of a client that was never closed.
        weakref.finalize(self, _close_all, self._idle)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The response, once its headers have arrived; `extensions["seconds"]` bounds its body, and `["sending"]` the
        body of the request (an upload takes longer than a query).
        """
        origin = (request.url.scheme, request.url.host, request.url.port or _PORTS[request.url.scheme])
        kept = self._idle.pop(origin, None)
        if kept is not None:
            if _is_idle(kept):
                try:
                    return self._exchange(kept, origin, request)
                except (httpx.NetworkError, httpx.RemoteProtocolError, BadForgeResponse):
                    pass  # a kept connection may end at any moment: try a new one
            kept.close()
        return self._exchange(self._connect(origin), origin, request)

    def close(self) -> None:
        _close_all(self._idle)

    def _connect(self, origin: Origin) -> http.client.HTTPConnection:
        scheme, host, port = origin
        seconds = self._limits.connect
        connection = (
            http.client.HTTPSConnection(host, port, timeout=seconds, context=self._tls())
            if scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=seconds)
        )
        try:
            _connect_in_thread(connection)
        except TimeoutError as error:
            connection.close()
            raise httpx.ConnectTimeout(f"no connection within {seconds:g} s") from error
        except (OSError, UnicodeError) as error:
            connection.close()
            raise httpx.ConnectError(_error_text(error)) from error
        connection.response_class = _FinalResponse
        connection.sock = DeadlineSocket(connection.sock, self._limits.stall)
        return connection

    def _exchange(
        self, connection: http.client.HTTPConnection, origin: Origin, request: httpx.Request
    ) -> httpx.Response:
        sock = cast("DeadlineSocket", connection.sock)
        sock.set_deadline(request.extensions.get("sending", self._limits.answer))
        response = None
        try:
            _send(connection, request)
            sock.set_deadline(self._limits.answer)
            response = connection.getresponse()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _translate(error, sock) from error
        finally:
            if response is None:
                connection.close()
        sock.set_deadline(request.extensions.get("seconds", self._limits.answer))

        def keep() -> None:
            if connection.sock is not None:
                self._idle[origin] = connection

        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.getheaders()]
        body = _BodyStream(connection, response=response, sock=sock, view=memoryview(self._buffer), keep=keep)
        return httpx.Response(response.status, headers=headers, stream=body)


class _FinalResponse(http.client.HTTPResponse):
    """Skips interim responses, of which there may be any number (RFC 9110, 15.2); http.client skips only 100.

    101 is final: nothing here asks for another protocol.
    """

    def begin(self) -> None:
        super().begin()
        while self.status != http.client.SWITCHING_PROTOCOLS and 100 <= self.status < 200:
            self.headers = self.msg = None  # type: ignore[assignment]  # else the next one is not read
            super().begin()


class _BodyStream(httpx.SyncByteStream):
    """A body in chunks that share one buffer: each is valid until the next one is requested."""

    def __init__(
        self,
        connection: http.client.HTTPConnection,
        response: http.client.HTTPResponse,
        sock: DeadlineSocket,
        view: memoryview,
        keep: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._answer = response
        self._sock = sock
        self._view = view
        self._keep = keep

    def __iter__(self) -> Iterator[bytes]:
        try:
            while size := self._read():
                yield self._view[:size]  # type: ignore[misc]  # httpx passes it on as it is
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._connection.close()
            raise _translate(error, self._sock) from error

    def _read(self) -> int:
        self._sock.begin_chunk(lively=not self._answer.chunked)  # http.client needs the chunks of a chunked body whole
        size = self._answer.readinto(self._view)
        if not size and self._answer.length:
            raise http.client.IncompleteRead(b"", self._answer.length)
        return size

    def close(self) -> None:
        whole = self._answer.isclosed()
        self._answer.close()
        if whole:
            self._keep()
        else:
            self._connection.close()


def _connect_in_thread(connection: http.client.HTTPConnection) -> None:
    """Connect, in a thread of its own if this is the main thread: there, a name server that does not answer would
    delay an interrupt.
    """
    errors: list[Exception] = []

    def connect() -> None:
        try:
            connection.connect()
        except Exception as error:  # noqa: BLE001 - it is raised below
            errors.append(error)

    thread = threading.Thread(target=connect, daemon=True)
    if threading.current_thread() is threading.main_thread() and _starts(thread):
        thread.join()
    else:
        connect()
    if errors:
        raise errors[0]


def _starts(thread: threading.Thread) -> bool:
    """Start a thread, unless the system grants no more."""
    try:
        thread.start()
    except RuntimeError:
        return False
    return True


def _send(connection: http.client.HTTPConnection, request: httpx.Request) -> None:
    connection.putrequest(
        request.method, request.url.raw_path.decode("ascii"), skip_host=True, skip_accept_encoding=True
    )
    for name, value in request.headers.raw:
        connection.putheader(name.decode("latin-1"), value)
    connection.endheaders()
    try:
        for chunk in request.stream:  # type: ignore[union-attr]  # a sync client makes sync streams
            if chunk:
                connection.send(chunk)
    except OSError:
        if _is_idle(connection):
            raise
        # A server that rejects the body responds and closes the connection: that response is the result.


def _is_idle(connection: http.client.HTTPConnection) -> bool:
    """Whether nothing can be read: a kept connection with data was closed, or sent data that was not requested."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return not poll.poll(0)


def _close_all(idle: dict[Origin, http.client.HTTPConnection]) -> None:
    while idle:
        idle.popitem()[1].close()


def _translate(error: Exception, sock: DeadlineSocket) -> Exception:
    """The httpx error for an error of http.client or of the socket."""
    match error:
        case TimeoutError():
            return httpx.ReadTimeout(sock.late)
        case http.client.IncompleteRead():
            return httpx.RemoteProtocolError("the connection ended before the body did")
        case http.client.RemoteDisconnected():
            return httpx.RemoteProtocolError("the connection ended without a response")
        case OSError():
            return httpx.ReadError(_error_text(error))
        case http.client.BadStatusLine() | http.client.UnknownProtocol():
            return BadForgeResponse("the server does not speak HTTP", _NOT_HTTP)
        case http.client.HTTPException():  # too many headers, a line too long
            return BadForgeResponse(f"the response is not valid HTTP: {_error_text(error)}", _NOT_HTTP)
        case _:  # a ValueError may quote its input, including the token
            return BadForgeResponse("the response is not valid HTTP: a length is not a number", _NOT_HTTP)


def _error_text(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__

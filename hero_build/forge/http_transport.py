"""The transport for direct connections, over sockets and http_wire.py.

It reads up to 1 MiB at once into a reusable buffer: a client that parses a body in Python, under the interpreter's
lock, takes twice as long with many workers. It keeps one connection per origin, and serves one request at a time.
"""

import mmap
import select
import socket
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from hero_build.errors import BadForgeResponse
from hero_build.forge import http_wire
from hero_build.forge.deadline_socket import DeadlineSocket, open_socket
from hero_build.forge.http_types import EndedEarly, HttpRequest, HttpResponse, NoConnection, TransportError
from hero_build.forge.http_wire import MalformedHttp, NotHttp, UnexpectedEnd, WireResponse
from hero_build.forge.limits import Limits
from hero_build.forge.url import Url
from hero_build.os_errors import raise_for_machine

if TYPE_CHECKING:
    import ssl

CHUNK = 1 << 20
_NOT_HTTP = "Check the address: use the one that opens in a browser."
_NO_RESPONSE, _NO_BODY = "the connection ended without a response", "the connection ended before the body did"
_FAILURES = (OSError, MalformedHttp, UnexpectedEnd)

Origin = tuple[str, str, int]


class DirectTransport:
    """A Transport (http_types.py) without a proxy."""

    def __init__(self, limits: Limits, tls: "Callable[[], ssl.SSLContext]") -> None:
        self._limits = limits
        self._tls = tls
        self._idle: dict[Origin, DeadlineSocket] = {}
        self._buffer = mmap.mmap(-1, CHUNK)  # whole pages, as O_DIRECT needs them
        # Closes the sockets of a client that was never closed.
        weakref.finalize(self, _close_all, self._idle)

    def send(self, request: HttpRequest) -> HttpResponse:
        url = request.url
        origin = (url.scheme, url.ascii_host, url.known_port)
        kept = self._idle.pop(origin, None)
        if kept is not None:
            if _is_idle(kept):
                try:
                    return self._exchange(kept, origin, request)
                except (TransportError, BadForgeResponse):
                    pass  # a kept connection may end at any moment: try a new one
            kept.close()
        return self._exchange(self._connect(url), origin, request)

    def close(self) -> None:
        _close_all(self._idle)

    def _connect(self, url: Url) -> DeadlineSocket:
        seconds = self._limits.connect
        tls = self._tls() if url.scheme == "https" else None
        try:
            sock = _in_thread(lambda: open_socket(url.ascii_host, url.known_port, seconds=seconds, tls=tls))
        except TimeoutError as error:
            raise NoConnection(f"no connection within {seconds:g} s") from error
        except (OSError, UnicodeError) as error:
            raise_for_machine(error)
            raise NoConnection(_error_text(error)) from error
        return DeadlineSocket(sock, self._limits.stall)

    def _exchange(self, sock: DeadlineSocket, origin: Origin, request: HttpRequest) -> HttpResponse:
        answer = self._limits.answer
        sock.set_deadline(request.sending or answer)
        response = None
        try:
            _send(sock, request)
            sock.set_deadline(answer)
            response = WireResponse(sock)
        except (*_FAILURES, ValueError) as error:
            raise _translate(error, sock, host=request.url.host, ended=_NO_RESPONSE) from error
        finally:
            if response is None:
                sock.close()
        sock.set_deadline(request.seconds or answer)

        def close() -> None:
            reusable = response.reusable
            response.close()
            if reusable:
                self._idle[origin] = sock
            else:
                sock.close()

        chunks = _chunks(response, sock, view=memoryview(self._buffer), host=request.url.host)
        return HttpResponse(response.status, headers=response.headers, url=request.url, chunks=chunks, close=close)


def _chunks(response: WireResponse, sock: DeadlineSocket, *, view: memoryview, host: str) -> Iterator[memoryview]:
    """The body in chunks that share one buffer: each is valid until the next one is requested."""
    try:
        while True:
            sock.begin_chunk(lively=not response.chunked)  # the chunks of a chunked body are needed whole
            size = response.readinto(view)
            if not size:
                return
            yield view[:size]
    except _FAILURES as error:
        sock.close()
        raise _translate(error, sock, host=host, ended=_NO_BODY) from error


def _in_thread(connect: Callable[[], socket.socket]) -> socket.socket:
    """Connect, in a thread of its own if this is the main thread: there, a name server that does not answer would
    delay an interrupt.
    """
    results: list[socket.socket | Exception] = []

    def attempt() -> None:
        try:
            results.append(connect())
        except Exception as error:  # noqa: BLE001 - it is raised below
            results.append(error)

    thread = threading.Thread(target=attempt, daemon=True)
    if threading.current_thread() is threading.main_thread() and _starts(thread):
        thread.join()
    else:
        attempt()
    if isinstance(result := results[0], Exception):
        raise result
    return result


def _starts(thread: threading.Thread) -> bool:
    """Start a thread, unless the system grants no more."""
    try:
        thread.start()
    except RuntimeError:
        return False
    return True


def _send(sock: DeadlineSocket, request: HttpRequest) -> None:
    http_wire.send_head(sock, method=request.method, target=request.url.target, fields=request.headers)
    try:
        for chunk in request.body:
            if chunk:
                sock.sendall(chunk)
    except OSError:
        if _is_idle(sock):
            raise
        # A server that rejects the body responds and closes the connection: that response is the result.


def _is_idle(sock: DeadlineSocket) -> bool:
    """Whether nothing can be read: a kept connection with data was closed, or sent data that was not requested."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return not poll.poll(0)


def _close_all(idle: dict[Origin, DeadlineSocket]) -> None:
    while idle:
        idle.popitem()[1].close()


def _translate(error: Exception, sock: DeadlineSocket, *, host: str, ended: str) -> Exception:
    """The error of a transport for one of the wire or of the socket."""
    match error:
        case TimeoutError():
            return TransportError(sock.late)
        case UnexpectedEnd():
            return EndedEarly(ended)
        case OSError():
            return TransportError(_error_text(error))
        case NotHttp():
            return BadForgeResponse(f"{host} does not speak HTTP", _NOT_HTTP)
        case _:
            return BadForgeResponse(f"the response of {host} is not valid HTTP: {error}", _NOT_HTTP)


def _error_text(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__

"""A socket with two limits: the seconds without a byte, and a deadline for the whole exchange."""

import io
import socket
import time

TYPE_CHECKING = False  # typing takes longer to import than this module
if TYPE_CHECKING:
    import ssl
    from typing import Any

_BUFFER = 1 << 16  # for headers; larger reads bypass it
_HAND_OVER_AFTER = 0.25  # seconds after which a chunk is returned though it is not full, to show progress


def open_socket(host: str, port: int, *, seconds: float, tls: "ssl.SSLContext | None") -> socket.socket:
    """A connection, encrypted where `tls` is given. Raises OSError."""
    address: Any = (host.encode("ascii"), port)  # for bytes, Python loads no IDNA tables
    sock = socket.create_connection(address, seconds)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock if tls is None else tls.wrap_socket(sock, server_hostname=host)
    except BaseException:
        sock.close()
        raise


class DeadlineSocket:
    """Replaces the socket of http.client and provides the stream it reads from, so that headers that drip in one by one
    are bounded, too. Raises TimeoutError; `late` then says which limit was exceeded.
    """

    def __init__(self, sock: socket.socket, stall: float) -> None:
        self.late = ""
        self._sock = sock
        self._stall = stall
        self._timeout: float | None = None
        self._seconds = self._deadline = self._hand_over = 0.0
        self._started = False
        self._broken: OSError | None = None

    def set_deadline(self, seconds: float) -> None:
        """Set the deadline to `seconds` from now."""
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._hand_over = 0.0

    def begin_chunk(self, *, lively: bool) -> None:
        """The next reads fill one chunk; a lively one is returned partly filled when it takes long."""
        self._started = False
        self._hand_over = time.monotonic() + _HAND_OVER_AFTER if lively else 0.0

    def receive(self, buffer: "Any") -> int | None:
        """As RawIOBase.readinto; None, "nothing now", makes a BufferedReader return what it has of the chunk."""
        now = time.monotonic()
        filling = self._started and self._hand_over
        if filling and (self._broken or now > self._hand_over):
            return None
        if self._broken:
            raise self._broken
        try:
            self._set_timeout(now)
            size = self._sock.recv_into(buffer)
        except OSError as error:
            if not filling:
                raise
            self._broken = error  # the bytes before it are valid: the next chunk raises it
            return None
        self._started = True
        return size

    def sendall(self, data: "Any") -> None:
        self._set_timeout(time.monotonic())
        self._sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_DeadlineStream(self, self._sock.makefile("rb", buffering=0)), _BUFFER)

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        self._sock.close()

    def _set_timeout(self, now: float) -> None:
        remaining = self._deadline - now
        timeout = min(self._stall, remaining)
        self.late = (
            f"no data for {timeout:g} s" if remaining > self._stall else f"it took more than {self._seconds:g} s"
        )
        if remaining <= 0:
            raise TimeoutError(self.late)
        if timeout != self._timeout:  # setting it costs a system call
            self._sock.settimeout(timeout)
            self._timeout = timeout


class _DeadlineStream(io.RawIOBase):
    """Reads through a DeadlineSocket; `raw` keeps the socket open until the response is read, for http.client."""

    def __init__(self, owner: DeadlineSocket, raw: socket.SocketIO) -> None:
        self._owner = owner
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "Any") -> int | None:
        return self._owner.receive(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()

"""A Unix socket with one deadline for a whole exchange, however slowly the other side sends."""

import errno
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_ADDRESS = 107  # bytes of a path in sockaddr_un (unix(7))
_CHUNK = 1 << 16


class DeadlineUnixSocket(socket.socket):
    """A stream socket that raises TimeoutError after `end` (of time.monotonic).

    The standard library's timeouts restart with every byte. http.client works on this socket, too.
    """

    def __init__(self, end: float) -> None:
        super().__init__(socket.AF_UNIX, socket.SOCK_STREAM)
        self._end = end

    def set_remaining_timeout(self) -> None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError(errno.ETIMEDOUT, "the deadline has passed")
        self.settimeout(left)

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        self.set_remaining_timeout()
        return super().recv(bufsize, flags)

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int = 0, flags: int = 0) -> int:
        self.set_remaining_timeout()
        return super().recv_into(buffer, nbytes, flags)


@contextmanager
def connect(path: Path, seconds: float) -> Iterator[DeadlineUnixSocket]:
    """A connection to `path` with a deadline in `seconds`. Raises OSError."""
    with DeadlineUnixSocket(time.monotonic() + seconds) as sock, _addressable(path) as address:
        sock.set_remaining_timeout()
        sock.connect(address)
        yield sock


def read_line(sock: DeadlineUnixSocket, limit: int) -> bytes:
    """The bytes up to the first newline or the end; more than `limit` of them mean a longer line. Raises OSError."""
    received = bytearray()
    while len(received) <= limit and b"\n" not in received:
        if not (chunk := sock.recv(_CHUNK)):
            break
        received += chunk
    return bytes(received)


def describe_error(error: OSError, seconds: float) -> str:
    """What a failed exchange with a deadline of `seconds` means, as the end of a sentence."""
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return "the socket does not exist"
        case ConnectionRefusedError():
            return "nothing listens there (the socket file is stale)"
        case TimeoutError():
            return f"no answer within {seconds:g} s"
        case PermissionError():
            return "this user may not connect to it"
        case ConnectionError():
            return "it closed the connection without an answer"
        case BlockingIOError():
            return "it accepts no more connections"
        case _:
            return error.strerror or str(error)


@contextmanager
def _addressable(path: Path) -> Iterator[str]:
    """`path` as connect(2) takes it: one that is too long is reached through its folder's descriptor."""
    if len(os.fsencode(path)) <= MAX_ADDRESS:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)

"""A Unix socket on which a whole exchange has one deadline, however slowly the other side drips."""

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

_MAX_ADDRESS = 107  # bytes: what sockaddr_un holds
_CHUNK = 1 << 16


class DeadlineUnixSocket(socket.socket):
    """A stream socket that must be done by `end` (of time.monotonic): later than that, it raises TimeoutError.

    Timeouts of the standard library count anew with every byte; this is also the socket under http.client.
    """

    def __init__(self, end: float) -> None:
        super().__init__(socket.AF_UNIX, socket.SOCK_STREAM)
        self._end = end

    def set_remaining_timeout(self) -> None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError(errno.ETIMEDOUT, "the time is up")
        self.settimeout(left)

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        self.set_remaining_timeout()
        return super().recv(bufsize, flags)

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int = 0, flags: int = 0) -> int:
        self.set_remaining_timeout()
        return super().recv_into(buffer, nbytes, flags)


@contextmanager
def connect(path: Path, seconds: float) -> Iterator[DeadlineUnixSocket]:
    """A connection to `path`, which has `seconds` for all that happens on it. Raises OSError."""
    with DeadlineUnixSocket(time.monotonic() + seconds) as line, _addressable(path) as address:
        line.set_remaining_timeout()
        line.connect(address)
        yield line


def read_line(line: DeadlineUnixSocket, most: int) -> bytes:
    """What comes up to the first newline, or to the end, or until it is more than `most` bytes. Raises OSError."""
    read = bytearray()
    while len(read) <= most and b"\n" not in read:
        if not (chunk := line.recv(_CHUNK)):
            break
        read += chunk
    return bytes(read)


def describe_error(error: OSError, seconds: float) -> str:
    """What a failed exchange means for a socket that had `seconds`, as the end of a sentence."""
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return "there is no socket"
        case ConnectionRefusedError():
            return "nobody listens there (the socket file was left behind)"
        case TimeoutError():
            return f"no answer within {seconds:g} s"
        case PermissionError():
            return "this user may not connect to it"
        case ConnectionError():
            return "it closed the connection without an answer"
        case BlockingIOError():
            return "it takes no more connections"
        case _:
            return error.strerror or str(error)


@contextmanager
def _addressable(path: Path) -> Iterator[str]:
    """`path` as the system takes it: a name that is too long for a socket is reached through its folder."""
    if len(os.fsencode(path)) <= _MAX_ADDRESS:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)

"""A socket with two limits: so many seconds without a byte, and a moment by which all must be over."""

import io
import socket
import time
from typing import Any

_BUFFER = 1 << 16  # for headers; larger reads pass it by
_HAND_OVER_AFTER = 0.25  # seconds after which a chunk is returned though it is not full, to show progress


class DeadlineSocket:
    """Stands where http.client keeps its socket, and lends it the stream to read from: so that headers that drip in
    one by one end in time, too. Raises TimeoutError; `late` then says which limit it was.
    """

    def __init__(self, sock: socket.socket, stall: float) -> None:
        self.late = ""
        self._sock = sock
        self._stall = stall
        self._patience: float | None = None
        self._seconds = self._deadline = self._hand_over = 0.0
        self._begun = False
        self._broken: OSError | None = None

    def until(self, seconds: float) -> None:
        """All must be over `seconds` from now."""
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._hand_over = 0.0

    def piece(self, *, lively: bool) -> None:
        """The next reads fill one piece; a lively one is handed over unfilled when it takes long."""
        self._begun = False
        self._hand_over = time.monotonic() + _HAND_OVER_AFTER if lively else 0.0

    def receive(self, buffer: Any) -> int | None:
        """As RawIOBase.readinto; None, "nothing now", makes a BufferedReader return what it has of the piece."""
        now = time.monotonic()
        filling = self._begun and self._hand_over
        if filling and (self._broken or now > self._hand_over):
            return None
        if self._broken:
            raise self._broken
        try:
            self._wait_at_most(now)
            size = self._sock.recv_into(buffer)
        except OSError as error:
            if not filling:
                raise
            self._broken = error  # the bytes before it are good: the next piece is where it ends
            return None
        self._begun = True
        return size

    def sendall(self, data: Any) -> None:
        self._wait_at_most(time.monotonic())
        self._sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_DeadlineStream(self, self._sock.makefile("rb", buffering=0)), _BUFFER)

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        self._sock.close()

    def _wait_at_most(self, now: float) -> None:
        left = self._deadline - now
        wanted = min(self._stall, left)
        self.late = f"nothing came for {wanted:g} s" if left > self._stall else f"it took more than {self._seconds:g} s"
        if left <= 0:
            raise TimeoutError(self.late)
        if wanted != self._patience:  # setting it costs a system call
            self._sock.settimeout(wanted)
            self._patience = wanted


class _DeadlineStream(io.RawIOBase):
    """Reads through a DeadlineSocket; `held` keeps the socket open until the answer is read, as http.client expects."""

    def __init__(self, watched: DeadlineSocket, held: socket.SocketIO) -> None:
        self._watched = watched
        self._held = held

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        return self._watched.receive(buffer)

    def close(self) -> None:
        self._held.close()
        super().close()

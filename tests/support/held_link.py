"""A connection to a server that stops in the middle: what a test sees then cannot be over before it looks.

with held_link("127.0.0.1", port, after=2_000_000) as link:    # link.url; all answers stop after so many bytes …
    link.let_go()                                              # … until this
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_WAIT = 600  # seconds


class HeldLink:
    def __init__(self, host: str, port: int, after: int) -> None:
        self._target = (host, port)
        self._after = after
        self._passed = 0
        self._open = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def let_go(self) -> None:
        self._open.set()

    def accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._sockets += [client, server]
                self._start(client, server, held=False)
                self._start(server, client, held=True)

    def close(self) -> None:
        self.let_go()
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes `accept`
        self._listener.close()
        for sock in self._sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for sock in self._sockets:
            sock.close()

    def _start(self, source: socket.socket, sink: socket.socket, *, held: bool) -> None:
        thread = threading.Thread(target=self._pump, args=(source, sink, held))
        self._threads.append(thread)
        thread.start()

    def _pump(self, source: socket.socket, sink: socket.socket, held: bool) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                self._passed += len(data) if held else 0
                if held and self._passed > self._after:
                    self._open.wait(_WAIT)
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def held_link(host: str, port: int, after: int) -> Iterator[HeldLink]:
    link = HeldLink(host, port, after)
    acceptor = threading.Thread(target=link.accept)
    acceptor.start()
    try:
        yield link
    finally:
        link.close()
        acceptor.join()

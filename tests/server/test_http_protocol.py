"""A connection whose request does not become complete is closed; all others are left alone."""

import asyncio
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
import uvicorn

from hero_build.server import http_protocol
from hero_build.server.http_protocol import DeadlineProtocol

REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"


async def app(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
    await receive()
    await asyncio.sleep(1)  # longer than the deadline, which is for the request
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The socket of a server that gives a request 0.4 seconds."""
    monkeypatch.setattr(http_protocol, "REQUEST_SECONDS", 0.4)
    config = uvicorn.Config(app, http=DeadlineProtocol, ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/s")
        listener.listen()
        thread = Thread(target=lambda: server.run(sockets=[listener]))
        thread.start()
        yield Path(folder) / "s"
        server.should_exit = True
        thread.join()


def connected(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(30)
    sock.connect(str(path))
    return sock


@pytest.mark.parametrize("text", [b"", b"POST / HT", REQUEST, REQUEST + b"ab"])
def test_a_request_that_never_ends_is_given_up(path: Path, text: bytes) -> None:
    with connected(path) as sock:
        sock.sendall(text)
        assert sock.recv(100) == b""


def test_drops_do_not_start_the_time_anew(path: Path) -> None:
    def drip(sock: socket.socket) -> None:
        while True:
            sock.sendall(b"A")
            time.sleep(0.02)

    with connected(path) as sock, pytest.raises(ConnectionError):
        drip(sock)


def test_a_complete_request_has_all_the_time_that_it_needs(path: Path) -> None:
    with connected(path) as sock:
        for _ in range(2):
            sock.sendall(REQUEST + b"abc")
            assert sock.recv(100).startswith(b"HTTP/1.1 204")

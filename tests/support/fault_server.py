"""A server that misbehaves as a test asks: raw sockets on threads, with a minimal release API. Fixture: `faults`.

faults.release("o/r", "v1", {"prog": content})            # a well-behaved forge with one release
faults.on("/dl/v1/prog", reset_after(content, 1000), serve(content))     # first this, from then on that
[request.headers for request in faults.seen]
"""

import gzip
import json
import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """A request as it came; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]


class Connection:
    """One connection, for a behaviour to answer on."""

    def __init__(self, sock: socket.socket, stopping: threading.Event) -> None:
        self.sock = sock
        self.stopping = stopping

    def head(self, status: int, headers: Mapping[str, object]) -> None:
        lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        self.send("\r\n".join(lines).encode("latin-1"))

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def reset(self) -> None:
        """End with an RST, as a crashed host or a firewall does."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.sock.detach())  # close() would wait for the stream that reads requests

    def close(self) -> None:
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


Behaviour = Callable[[Connection, SeenRequest], None]


class FaultServer:
    """Answers each path by its behaviours, one after the other; the last one stays. Unknown paths are a 404."""

    def __init__(self, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.seen: list[SeenRequest] = []
        self.accepted = 0
        self._tls = tls
        self._routes: dict[str, list[Behaviour]] = {}
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._lines: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", port))
        scheme = "https" if tls else "http"
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def on(self, path: str, *behaviours: Behaviour) -> None:
        """From now on, `path` (without its query) is answered by these."""
        self._routes[path] = list(behaviours)

    def release(self, repo: str, tag: str, files: Mapping[str, bytes], *, latest: bool = True) -> None:
        """Correct API responses for a repo with one release, and its assets."""
        release = document(self.url, tag, {name: len(data) for name, data in files.items()})
        base = f"/api/v1/repos/{repo}"
        self.on(base, json_answer({"full_name": repo}))
        self.on(f"{base}/releases", json_answer([release]))
        self.on(f"{base}/releases/tags/{tag}", json_answer(release))
        if latest:
            self.on(f"{base}/releases/latest", json_answer(release))
        for name, data in files.items():
            self.on(f"/dl/{tag}/{name}", serve(data))

    def paths(self) -> list[str]:
        return [request.path for request in self.seen]

    def stop(self) -> None:
        self._stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()
        for thread in self._threads:
            thread.join(10)

    def hang_up(self) -> None:
        """End every connection."""
        with self._lock:
            lines = list(self._lines)
            self._lines.clear()
        for sock in lines:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            with self._lock:
                self.accepted += 1
                self._lines.append(sock)
                self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        with suppress(OSError, ValueError):
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
                self._lines.append(sock)
            connection = Connection(sock, self._stopping)
            with sock.makefile("rb") as stream:
                while (request := _request(stream)) is not None:
                    self.seen.append(request)
                    self._behaviour(request.path)(connection, request)
        sock.close()

    def _behaviour(self, path: str) -> Behaviour:
        with self._lock:
            behaviours = self._routes.get(path.partition("?")[0], [answer(404, b'{"message": "not here"}')])
            return behaviours.pop(0) if len(behaviours) > 1 else behaviours[0]


def document(url: str, tag: str, sizes: Mapping[str, int], **extra: Any) -> dict[str, Any]:
    """A release as the API sends it; the assets are at /dl/<tag>/<name>."""
    assets = [
        {"name": name, "size": size, "uuid": f"{tag}-{name}", "browser_download_url": f"{url}/dl/{tag}/{name}"}
        for name, size in sizes.items()
    ]
    return {"tag_name": tag, "target_commitish": "main", "prerelease": False, "assets": assets, **extra}


def answer(status: int, body: bytes = b"", headers: Mapping[str, object] | None = None) -> Behaviour:
    def behave(connection: Connection, request: SeenRequest) -> None:
        connection.head(status, {"Content-Length": len(body), **(headers or {})})
        connection.send(body)

    return behave


def json_answer(document: object) -> Behaviour:
    return answer(200, json.dumps(document).encode(), {"Content-Type": "application/json"})


def redirect(to: str, status: int = 302) -> Behaviour:
    return answer(status, b"moved", {"Location": to})


def serve(data: bytes, etag: str = '"one"', *, ranges: bool = True, **headers: object) -> Behaviour:
    """An asset, with Range unless `ranges` is false. If-Range is ignored, as some servers do."""

    def behave(connection: Connection, request: SeenRequest) -> None:
        common = {**({"ETag": etag} if etag else {}), **headers}
        range_header = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
        if not (ranges and range_header):
            return answer(200, data, common)(connection, request)
        start = int(range_header[1])
        if start >= len(data):
            return answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})(connection, request)
        partial = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}", **common}
        return answer(206, data[start:], partial)(connection, request)

    return behave


def cut_after(data: bytes, size: int, how: str, etag: str = '"one"') -> Behaviour:
    """The head for all of `data` (from the Range on), `size` bytes of it, then `close`, `reset` or `stall`."""

    def behave(connection: Connection, request: SeenRequest) -> None:
        range_header = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
        start = int(range_header[1]) if range_header else 0
        headers = {"Content-Length": len(data) - start, "ETag": etag}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        connection.head(206 if start else 200, headers)
        connection.send(data[start : start + size])
        if how == "stall":
            connection.stopping.wait(600)
        connection.reset() if how == "reset" else connection.close()

    return behave


def cut_at(data: bytes, end: int, how: str, etag: str = '"one"') -> Behaviour:
    """As cut_after, but never a byte from `end` on, so that no attempt makes further progress."""

    def behave(connection: Connection, request: SeenRequest) -> None:
        range_header = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
        start = int(range_header[1]) if range_header else 0
        cut_after(data, size=max(0, end - start), how=how, etag=etag)(connection, request)

    return behave


def truncated(data: bytes, size: int) -> Behaviour:
    return cut_after(data, size, "close")


def reset_after(data: bytes, size: int) -> Behaviour:
    return cut_after(data, size, "reset")


def stall_after(data: bytes, size: int) -> Behaviour:
    return cut_after(data, size, "stall")


def chunked(data: bytes, *, whole: bool = True) -> Behaviour:
    """A body of unknown length; not `whole`: without its end."""

    def behave(connection: Connection, request: SeenRequest) -> None:
        connection.head(200, {"Transfer-Encoding": "chunked"})
        for start in range(0, len(data), 1000):
            piece = data[start : start + 1000]
            connection.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        if whole:
            connection.send(b"0\r\n\r\n")
        else:
            connection.close()

    return behave


def until_closed(data: bytes) -> Behaviour:
    """A body that ends with the connection, as in HTTP/1.0."""

    def behave(connection: Connection, request: SeenRequest) -> None:
        connection.head(200, {"Connection": "close"})
        connection.send(data)
        connection.close()

    return behave


def gzipped(data: bytes) -> Behaviour:
    return answer(200, gzip.compress(data), {"Content-Encoding": "gzip"})


def many_headers() -> Behaviour:
    """Headers for as long as the client reads."""

    def behave(connection: Connection, request: SeenRequest) -> None:
        connection.send(b"HTTP/1.1 200 Said\r\n")
        while not connection.stopping.is_set():
            connection.send(b"X-More: and more\r\n" * 50)

    return behave


def promises(status: int = 100) -> Behaviour:
    """An interim response, for as long as the client reads."""

    def behave(connection: Connection, request: SeenRequest) -> None:
        while not connection.stopping.wait(0.001):
            connection.head(status, {})

    return behave


def interim(*statuses: int, then: Behaviour) -> Behaviour:
    """Interim responses (RFC 9110, 15.2) with headers of their own, before the final one."""

    def behave(connection: Connection, request: SeenRequest) -> None:
        for status in statuses:
            connection.head(status, {"Link": "</style.css>; rel=preload", "Content-Length": "7", "Connection": "close"})
        then(connection, request)

    return behave


def dripping_headers(pause: float = 0.05) -> Behaviour:
    """A byte of a header at a time: never a stall, and never an end."""

    def behave(connection: Connection, request: SeenRequest) -> None:
        connection.send(b"HTTP/1.1 200 Said\r\nX-Drip: ")
        while not connection.stopping.wait(pause):
            connection.send(b"x")

    return behave


def dripping_body(size: int, pause: float = 0.05) -> Behaviour:
    def behave(connection: Connection, request: SeenRequest) -> None:
        connection.head(200, {"Content-Length": size})
        for _ in range(size):
            if connection.stopping.wait(pause):
                return
            connection.send(b"x")

    return behave


@dataclass(slots=True)
class Flood:
    """A JSON answer of 100 MB that never ends its string; `sent` is how much of it was read."""

    sent: int = 0

    def __call__(self, connection: Connection, request: SeenRequest) -> None:
        connection.head(200, {"Content-Type": "application/json", "Transfer-Encoding": "chunked"})
        piece = b"x" * MIB
        for _ in range(100):
            connection.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.sent += len(piece)


def raw(data: bytes) -> Behaviour:
    """Exactly these bytes, then the end."""

    def behave(connection: Connection, request: SeenRequest) -> None:
        connection.send(data)
        connection.close()

    return behave


@pytest.fixture
def faults() -> Iterator[FaultServer]:
    server = FaultServer()
    yield server
    server.stop()


@pytest.fixture
def another() -> Iterator[FaultServer]:
    """A second server: another origin."""
    server = FaultServer()
    yield server
    server.stop()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key; beside it, as `.crt`, what a client must trust."""
    if not shutil.which("openssl"):
        pytest.skip("openssl, which makes the certificate, is not installed")
    made = tmp_path / "server.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-keyout", str(made), "-out", f"{made}.crt"], check=True, capture_output=True)
    made.write_text(made.read_text() + Path(f"{made}.crt").read_text())
    return made


@pytest.fixture
def encrypted(certificate: Path) -> Iterator[FaultServer]:
    """A server that speaks https."""
    server = FaultServer(tls_context(certificate))
    yield server
    server.stop()


def tls_context(certificate: Path) -> ssl.SSLContext:
    """A server's side for a file that holds a key and a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def _request(stream: Any) -> SeenRequest | None:
    first = stream.readline(1 << 16).decode("latin-1").split()
    if len(first) < 2:
        return None
    headers = {}
    while connection := stream.readline(1 << 16).decode("latin-1").strip():
        name, _, value = connection.partition(":")
        headers[name.lower()] = value.strip()
    return SeenRequest(first[0], first[1], headers)

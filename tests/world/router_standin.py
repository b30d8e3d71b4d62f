"""A small stand-in for hero_router: `service.*` as JSON-RPC over HTTP `POST /rpc` on a Unix socket, with the semantics
of zinit's (`service.restart` answers at once, unknown names are error -32000), over real processes.

    with Router(sockets / "hero_router/service.sock") as router:
        router.hold("hero_db_server", root / "bin/hero_db_server", "wait")
        router.troubles["service.restart"] = "hang"

A trouble is what it does instead of answering a method: see Trouble. `Health` is a service's own socket, which answers
`GET /health` as it is told to.
"""

import json
import os
import signal
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Literal

Trouble = Literal[
    "hang", "drip", "drip headers", "garbage", "no http", "half", "wrong id", "deep", "huge", "502", "die", "refuse"
]
_LATE = 60.0  # seconds: a test that waits for that long has failed


class Held:
    """One service and its process. Every change is made by one thread of its own, as a supervisor's would be."""

    def __init__(self, name: str, command: tuple[str, ...]) -> None:
        self.name, self.command = name, command
        self.state = "inactive"
        self.process: subprocess.Popen[bytes] | None = None
        self.never_up = False
        self.crashes = False
        self.deaf = False
        self.lines: list[str] = []
        self._lock = threading.Lock()

    def accept(self, change: str) -> None:
        """What is asked for is under way by the time of the answer, however late its thread runs."""
        if self.deaf and change == "restart":
            return
        with self._lock:
            runs = self.process is not None and self.process.poll() is None
            if change == "start" and not runs:
                self.state = "starting"
            elif change != "start":
                self.state = "stopping"

    def describe(self) -> dict[str, object]:
        pid = self.process.pid if self.process and self.state in ("starting", "running", "stopping") else 0
        if self.process and self.state == "running" and self.process.poll() is not None:
            return {"name": self.name, "pid": 0, "state": "failed", "exit_code": self.process.returncode}
        return {"name": self.name, "pid": pid, "state": self.state}

    def start(self) -> None:
        with self._lock:
            if self.process and self.process.poll() is None:
                return
            self.state = "starting"
            command = ("false",) if self.crashes else self.command
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
            )
            if self.crashes:
                self.process.wait()  # nobody takes it for one that runs, however late it ends
            self.state = "starting" if self.never_up else "running"

    def stop(self, *, again: bool = False) -> None:
        with self._lock:
            if self.process:
                self.state = "stopping"
                with suppress(ProcessLookupError):
                    os.killpg(self.process.pid, signal.SIGTERM)  # with all that it started, as zinit does
                self.process.wait()
            self.state = "starting" if again else "exited"

    def restart(self) -> None:
        if not self.deaf:
            self.stop(again=True)
            self.start()


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away."""


class _Listening:
    """A server on a socket of any length, for as long as the block lasts."""

    def __init__(self, path: Path, handler: type[BaseHTTPRequestHandler]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        folder = os.open(path.parent, os.O_PATH)
        try:
            self._server = _Server(f"/proc/self/fd/{folder}/{path.name}", handler)
        finally:
            os.close(folder)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Nobody listens any more; the socket file stays, as it does when a program is killed."""
        if not self._thread.is_alive():
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Health:
    """A service's socket: `status` is what `GET /health` answers with; None: it hangs."""

    def __init__(self, path: Path, status: int | None = 200) -> None:
        self.status = status
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if owner.status is None:
                    time.sleep(_LATE)
                self.send_response(owner.status or 500)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self._listening = _Listening(path, Handler)

    def __enter__(self) -> "Health":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nobody listens any more."""
        self._listening.close()


class Router:
    """The stand-in. `asked` are the methods that came, each with its service."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.services: dict[str, Held] = {}
        self.troubles: dict[str, Trouble] = {}
        self.asked: list[tuple[str, str]] = []
        self._changes: list[threading.Thread] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                owner.serve(request, self)

            def log_message(self, *_: object) -> None: ...

        self._listening = _Listening(path, Handler)

    def __enter__(self) -> "Router":
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listening.close()
        for change in self._changes:
            change.join(_LATE)
        for held in self.services.values():
            held.stop()

    def hold(self, name: str, *command: str | Path, up: bool = True) -> Held:
        """Take a service over, and start it."""
        self.services[name] = held = Held(name, tuple(map(str, command)))
        if up:
            held.start()
        return held

    def serve(self, request: dict[str, Any], http: BaseHTTPRequestHandler) -> None:
        method, name = request["method"], request["params"].get("name", "")
        self.asked.append((method, name))
        if trouble := self.troubles.get(method):
            _misbehave(trouble, request=request, http=http, die=self._listening.close)
            return
        _answer(
            http,
            json.dumps(
                {"jsonrpc": "2.0", "id": request["id"], **self._result(method, name, request["params"].get("lines", 0))}
            ).encode(),
        )

    def _result(self, method: str, name: str, lines: int) -> dict[str, object]:
        if method == "service.list":
            return {"result": list(self.services)}
        if name not in self.services:
            return {"error": {"code": -32000, "message": f"service not found: {name}"}}
        held = self.services[name]
        if method == "service.status":
            return {"result": held.describe()}
        if method == "service.logs":
            return {"result": {"lines": held.lines[-lines:]}}
        change = method.removeprefix("service.")
        held.accept(change)
        self._changes.append(threading.Thread(target=getattr(held, change), daemon=True))
        self._changes[-1].start()
        return {"result": {"ok": True}}


def _answer(http: BaseHTTPRequestHandler, body: bytes, *, status: int = 200, length: int | None = None) -> None:
    http.send_response(status)
    http.send_header("Content-Type", "application/json")
    http.send_header("Content-Length", str(len(body) if length is None else length))
    http.end_headers()
    http.wfile.write(body)


def _misbehave(
    trouble: Trouble, request: dict[str, Any], http: BaseHTTPRequestHandler, die: Callable[[], None]
) -> None:
    good = json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": []}).encode()
    refusal = {"code": -32603, "message": "the supervisor is not available"}
    whole: dict[str, tuple[bytes, int]] = {
        "garbage": (b"\x00\xff\x1b[31m not JSON", 200),
        "wrong id": (json.dumps({"jsonrpc": "2.0", "id": request["id"] + 1, "result": []}).encode(), 200),
        "deep": (b"[" * 100_000, 200),
        "huge": (b'{"result": "' + b"x" * (8 << 20) + b'"}', 200),
        "502": (b"<html>bad gateway</html>", 502),
        "refuse": (json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": refusal}).encode(), 200),
    }
    match trouble:
        case "hang":
            time.sleep(_LATE)
        case "drip" | "drip headers":
            http.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"\r\n" if trouble == "drip" else b"X-"))
            _drip(http)
        case "no http":
            http.wfile.write(b"+PONG\r\n" * 3)
        case "half":
            _answer(http, good[: len(good) // 2], length=len(good))
        case "die":
            threading.Thread(target=die, daemon=True).start()
        case _:
            body, status = whole[trouble]
            _answer(http, body, status=status)


def _drip(http: BaseHTTPRequestHandler) -> None:
    with suppress(OSError):
        for _ in range(1000):
            http.wfile.write(b"x")
            time.sleep(_LATE / 1000)

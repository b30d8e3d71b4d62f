"""`hero-build serve` as a process of its own, and clients of its socket."""

import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.processes import LONG, alive, children, gone, open_files, until
from support.worlds import REPO, World

_IDS = itertools.count()
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class RpcClient:
    """What listens on a socket, asked anew each time."""

    path: Path
    opened: ExitStack = field(default_factory=ExitStack, kw_only=True)
    """Closes what a test opened, also where it failed meanwhile."""

    def connect(self, timeout: float = LONG) -> socket.socket:
        sock = self.opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        sock.settimeout(timeout)
        sock.connect(str(self.path))
        return sock

    def http(self, timeout: float = LONG) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("localhost")
        connection.sock = self.connect(timeout)
        self.opened.callback(connection.close)
        return connection

    def get(self, target: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
        return self._exchange(method, target, None, headers or {})

    def post(self, body: bytes | str, headers: Mapping[str, str] | None = None, target: str = "/rpc") -> Answer:
        return self._exchange("POST", target, body, JSON if headers is None else headers)

    def call(self, method: str, params: Any = None, **named: Any) -> Any:
        """The response of a call: `result` or `error`."""
        request = {"jsonrpc": "2.0", "id": next(_IDS), "method": method}
        if params is not None or named:
            request["params"] = named if params is None else params
        answer = self.post(json.dumps(request))
        assert answer.status == 200, answer.body
        document = answer.document
        assert (document["jsonrpc"], document["id"]) == ("2.0", request["id"])
        return document

    def result(self, method: str, params: Any = None, **named: Any) -> Any:
        document = self.call(method, params, **named)
        assert "error" not in document, document["error"]
        return document["result"]

    def error(self, method: str, params: Any = None, **named: Any) -> Any:
        document = self.call(method, params, **named)
        assert "result" not in document, document["result"]
        return document["error"]

    def is_well(self) -> bool:
        return bool(self.get("/health").document["status"] == "ok")

    def _exchange(self, method: str, target: str, body: bytes | str | None, headers: Mapping[str, str]) -> Answer:
        connection = self.http()
        try:
            connection.request(method, target, body, dict(headers))
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()


@dataclass(slots=True)
class RpcServer(RpcClient):
    """A running server; `ended` has what it wrote, once it has ended."""

    process: "subprocess.Popen[str]"
    url: str = ""
    """The address that opens its page once."""

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> tuple[int, str]:
        """End it with SIGTERM: its exit code and what it wrote to stderr."""
        self.process.terminate()
        _, err = self.process.communicate(timeout=LONG)
        return self.process.returncode, err


@contextmanager
def serving(world: World, *words: str, env: Mapping[str, str] | None = None) -> Iterator[RpcServer]:
    """A server that listens; it is killed at the end, if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hero_build", "serve", "--json", *words],
        env=world.environ(**(env or {})),
        cwd=REPO,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        document = _announced(process)
        with ExitStack() as opened:
            yield RpcServer(Path(document["socket"]), process, document["url"] or "", opened=opened)
    finally:
        _end(process)


@contextmanager
def printing(world: World, *words: str, env: Mapping[str, str] | None = None) -> Iterator[Iterator[str]]:
    """The lines that a command writes to stdout until the block ends it."""
    command = [sys.executable, "-m", "hero_build", *words]
    environ = world.environ(**(env or {}))
    process = subprocess.Popen(command, env=environ, cwd=REPO, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield iter(process.stdout)
    finally:
        _end(process)


def _end(process: "subprocess.Popen[str]") -> None:
    """Kill a server, and end the operations that it runs. Its output is not read to the end: they may still hold it."""
    workers = children(process.pid) if process.poll() is None else ()
    process.kill()
    process.wait()
    for worker in workers:
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGTERM)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    assert gone(workers), "an operation did not end"


def tcp_port(pid: int) -> int:
    """The port on which a process listens."""
    inodes = set(open_files(pid))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    (port,) = {int(row[1].partition(":")[2], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in inodes}
    return port


def events(server: RpcServer, *, after: str | None = None, timeout: float = LONG) -> "EventStream":
    return EventStream(server, after, timeout)


class EventStream:
    """The events of a server, one (kind, id, data) at a time."""

    def __init__(self, server: RpcServer, after: str | None, timeout: float) -> None:
        self._connection = server.http(timeout)
        headers = {} if after is None else {"Last-Event-ID": after}
        self._connection.request("GET", "/events", headers=headers)
        self.response = self._connection.getresponse()
        server.opened.callback(self.response.close)

    def __iter__(self) -> Iterator[tuple[str, str, Any]]:
        fields: dict[str, str] = {}
        for line in self.response:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name:
                fields[name] = value
            elif "event" in fields:
                yield fields["event"], fields["id"], json.loads(fields["data"])
                fields = {}

    def close(self) -> None:
        self.response.close()
        self._connection.close()


def ended(pid: int) -> bool:
    return until(lambda: not alive(pid))


def _announced(process: "subprocess.Popen[str]") -> Any:
    """What the server prints once it listens."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.rstrip() == "}":
            return json.loads("".join(lines))
    assert process.stderr is not None
    raise AssertionError(process.stderr.read())

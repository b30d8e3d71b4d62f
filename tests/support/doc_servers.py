"""The samples of the docs that need a running server: `hero-build serve`, and curl that asks it."""

import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from support import rpc_server
from support.doc_examples import Example
from support.doc_runs import docs_world, personal
from support.ports import free_port
from support.rpc_server import RpcServer
from support.worlds import REPO, World

SOCKET = "~/hero/var/sockets/hero_build/service.sock"
_PORT = "127.0.0.1:9470"
_REQUEST = """'{"jsonrpc": "2.0", "id": 1, "method": "service.install", "params": {"name": "hero_db"}}'"""
_SERVE = "hero-build serve"
_CALL = f"curl --unix-socket {SOCKET} http://localhost/rpc --json {_REQUEST}"
_EVENTS = f"curl -N --unix-socket {SOCKET} http://localhost/events"
_LONGEST = 114


def sample(example: Example) -> Sequence[str]:
    """The lines below the command, from a server in a world of its own: a socket's path is short."""
    with tempfile.TemporaryDirectory(prefix="docs-") as folder:
        world = docs_world(Path(folder))
        lines = [personal(line.rstrip(), world).rstrip() for line in SERVED[example.command](example.command, world)]
    return [_elided(line) for line in lines]


def _announced(command: str, world: World) -> Iterator[str]:
    """What a server prints until it listens; then it is ended."""
    port = free_port()
    words = command.replace(_PORT, f"127.0.0.1:{port}").split()[1:]
    process = subprocess.Popen(
        [sys.executable, "-m", "hero_build", *words],
        env=world.environ(),
        cwd=REPO,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                yield line.replace(f"127.0.0.1:{port}", _PORT)
                if line.startswith("listening "):
                    break
        finally:
            process.terminate()
    assert process.returncode == 0, process.returncode


def _answered(command: str, world: World) -> Iterator[str]:
    with rpc_server.serving(world) as server:
        yield subprocess.run(_curl(command, server), check=True, capture_output=True, text=True).stdout


def _events(command: str, world: World) -> Iterator[str]:
    """The event of an operation that another client starts."""
    with (
        rpc_server.serving(world) as server,
        subprocess.Popen(_curl(command, server), stdout=subprocess.PIPE, text=True) as stream,
    ):
        assert stream.stdout is not None
        try:
            yield from _operation(stream.stdout, server)
        finally:
            stream.kill()


def _operation(stream: Iterable[str], server: RpcServer) -> Iterator[str]:
    event: list[str] = []
    for line in stream:
        if line.strip():
            event.append(line)
        elif event[1].strip() == "event: operation":
            yield from event
            return
        else:
            server.result("service.install", name="hero_db")  # the first event, a snapshot, is read
            event = []


def _curl(command: str, server: RpcServer) -> Sequence[str]:
    program, *words = shlex.split(command)
    return [program, "--silent", *(str(server.path) if word == SOCKET else word for word in words)]


def _elided(line: str) -> str:
    """A token shortened, and of a document what the page is about."""
    line = re.sub(r"(token=\w{4})\S+", r"\1…", line)
    line = re.sub(
        r'("seq":\d+,).*?("kind":.*?)"id":"[^"]*",("operation":\{).*?("state":"\w+").*', r"\1…,\2…,\3…,\4,…}}", line
    )
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


SERVED: Mapping[str, Callable[[str, World], Iterator[str]]] = {
    _SERVE: _announced,
    f"{_SERVE} --http {_PORT}": _announced,
    _CALL: _answered,
    _EVENTS: _events,
}

"""A zinit-server for tests, with a HOME of its own: started, asked, and ended with all that it runs.

    with running(binaries() / "zinit-server", home):
        zinit(binaries() / "zinit", home, "list")
        call(home, "service.list")

Keep the path of `home` short: that of a socket has at most 107 bytes.
"""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from support.processes import LONG, until
from support.rust_world import listens


@contextmanager
def running(server: Path, home: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The program `server`, once it listens, until the block ends.

    It listens on `socket_path(home)`; its services are in `<home>/hero/cfg/zinit`.
    """
    services = home / "hero" / "cfg" / "zinit"
    services.mkdir(parents=True, exist_ok=True)
    command: list[str | Path] = [server, "-s", socket_path(home), "-c", services]
    with (home / "zinit.log").open("wb") as log:
        process = subprocess.Popen(command, env=_at(home), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        with process:
            try:
                assert until(lambda: listens(socket_path(home)) or process.poll() is not None)
                assert process.poll() is None, (home / "zinit.log").read_text()
                yield process
            finally:
                _end(process, home)


def socket_path(home: Path) -> Path:
    """Where 0.3.9 looks for its server; it accepts `--socket` and ignores it."""
    return home / "hero" / "var" / "zinit.sock"


def zinit(program: Path, home: Path, *words: str) -> str:
    """What the command prints, of the server that runs in `home`; it must succeed."""
    done = subprocess.run([program, *words], env=_at(home), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def call(home: Path, method: str, params: object = None) -> Any:
    """The result of one call of its JSON-RPC, a line there and a line back; it must succeed."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(LONG)
        line.connect(str(socket_path(home)))
        line.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")
        with line.makefile() as answer:
            response = json.loads(answer.readline())
    assert "error" not in response, response
    return response["result"]


def _end(process: "subprocess.Popen[bytes]", home: Path) -> None:
    """It is asked: at SIGTERM it ends at once, and leaves what it runs behind."""
    with suppress(OSError):
        call(home, "system.shutdown")
    try:
        process.wait(LONG)
    finally:
        process.kill()


def _at(home: Path) -> dict[str, str]:
    return {**os.environ, "HOME": str(home)}

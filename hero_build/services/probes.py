"""One check of a service's health: `GET` over its Unix socket, a socket that accepts, or a port that does.

Whatever answers is not trusted: one deadline holds for the whole exchange, and only the beginning of a body is read.
"""

import socket
import time
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hero_build.model.services import HttpProbe, PortProbe, Probe, SocketProbe
from hero_build.os_errors import raise_for_machine
from hero_build.supervisors import unix_socket

MAX_BODY = 1 << 14
"""Bytes of an answer's body that are kept."""
_NOT_LISTENING = (FileNotFoundError, NotADirectoryError, ConnectionRefusedError, PermissionError)
_NO_SUCH_PAGE = 404


class ProbeAnswer(Struct, frozen=True):
    """The result of one probe. `status` and `body` are those of an HTTP answer; `message` is the end of a sentence."""

    address: str
    healthy: bool
    listening: bool
    message: str
    status: int | None = None
    body: str = ""
    ms: float = 0.0


def check(probe: Probe, seconds: float) -> ProbeAnswer:
    """The probe's answer, within `seconds` for each of its addresses."""
    match probe:
        case HttpProbe(path, what, older):
            return _best([check_http(item, what, seconds) for item in (path, *older)])
        case SocketProbe(path):
            return check_socket(path, seconds)
        case PortProbe(port):
            return _check_port(port, seconds)


def check_http(path: Path, what: str, seconds: float) -> ProbeAnswer:
    """`GET what` over a Unix socket."""
    started = time.monotonic()
    answer = _get(path, what, seconds)
    return replace(answer, ms=_ms(started))


def check_socket(path: Path, seconds: float) -> ProbeAnswer:
    """Whether a Unix socket accepts a connection."""
    started = time.monotonic()
    try:
        with unix_socket.connect(path, seconds):
            healthy, listening, message = True, True, f"{path} accepts connections"
    except OSError as error:
        raise_for_machine(error)
        healthy, listening = False, not isinstance(error, _NOT_LISTENING)
        message = f"{path}: {unix_socket.describe_error(error, seconds)}"
    return ProbeAnswer(str(path), healthy=healthy, listening=listening, message=message, ms=_ms(started))


def _best(answers: list[ProbeAnswer]) -> ProbeAnswer:
    """A healthy one, else the first that listens, else the canonical one."""
    ranked = sorted(answers, key=lambda answer: (not answer.healthy, not answer.listening))
    return ranked[0]


def _get(path: Path, what: str, seconds: float) -> ProbeAnswer:
    from http.client import HTTPConnection, HTTPException  # 20 ms

    def answer(message: str, *, healthy: bool = False, status: int | None = None) -> ProbeAnswer:
        text = f"GET {what} on {path}: {message}"
        return ProbeAnswer(str(path), healthy=healthy, listening=True, message=text, status=status)

    connection = HTTPConnection("localhost")
    try:
        with unix_socket.connect(path, seconds) as sock:
            connection.sock = sock
            connection.request("GET", what, headers={"Connection": "close"})
            with connection.getresponse() as response:
                status, body = response.status, response.read(MAX_BODY)
    except _NOT_LISTENING as error:
        reason = unix_socket.describe_error(error, seconds)
        return ProbeAnswer(str(path), healthy=False, listening=False, message=f"{path}: {reason}")
    except OSError as error:
        raise_for_machine(error)
        return answer(unix_socket.describe_error(error, seconds))
    except (HTTPException, ValueError):
        return answer("the response is not HTTP")
    healthy = 200 <= status < 300 or status == _NO_SUCH_PAGE
    result = answer(f"HTTP {status}", healthy=healthy, status=status)
    return replace(result, body=body.decode(errors="replace"))


def _check_port(port: int, seconds: float) -> ProbeAnswer:
    started, address = time.monotonic(), f"127.0.0.1:{port}"
    try:
        with socket.create_connection(("127.0.0.1", port), seconds):
            healthy, message = True, f"port {port} accepts connections"
    except OSError as error:
        raise_for_machine(error)
        healthy, message = False, f"port {port}: {unix_socket.describe_error(error, seconds)}"
    return ProbeAnswer(address, healthy=healthy, listening=healthy, message=message, ms=_ms(started))


def _ms(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)

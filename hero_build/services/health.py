"""Whether a started service is healthy: `GET /health` over its own Unix socket.

A service's sockets are those that its recipe's `health` names and that exist. It is healthy as soon as one of them
answers 2xx, or 404: it answers, and has no such page. A service that listens on no socket passes, unless it listened
before the restart: then it must listen again. Any other result (another status, not HTTP, a timeout) is checked again
until the health timeout.
"""

from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from hero_build.os_errors import raise_for_machine
from hero_build.supervisors import unix_socket

_NOT_LISTENING = (FileNotFoundError, NotADirectoryError, ConnectionRefusedError, PermissionError)
_CONNECT_TIMEOUT = 1.0  # seconds: the kernel accepts the connection, not the service
CUT_SHORT = 1.0
"""Seconds before a timeout: no answer within them says less than the answer before."""


class HealthResult(Struct, frozen=True):
    """The result of one socket, or the best of a service's; `message` is the end of a sentence."""

    listening: bool
    healthy: bool
    message: str


def check_health(sockets: Iterable[Path], seconds: float) -> HealthResult:
    """The best result of the sockets; each is asked for at most `seconds`."""
    best = HealthResult(False, False, "nothing listens on its socket")
    for path in sockets:
        result = _check_socket(path, seconds)
        if result.healthy:
            return result
        if result.listening:
            best = result
    return best


def is_listening(sockets: Iterable[Path]) -> bool:
    """Whether any of the sockets accepts a connection."""
    return any(_connects(path) for path in sockets)


def _connects(path: Path) -> bool:
    try:
        with unix_socket.connect(path, _CONNECT_TIMEOUT):
            return True
    except OSError as error:
        raise_for_machine(error)
        return False


def _check_socket(path: Path, seconds: float) -> HealthResult:
    from http.client import HTTPConnection, HTTPException  # 20 ms

    connection = HTTPConnection("localhost")
    try:
        with unix_socket.connect(path, seconds) as sock:
            connection.sock = sock
            connection.request("GET", "/health", headers={"Connection": "close"})
            with connection.getresponse() as response:
                status = response.status
    except _NOT_LISTENING as error:
        return HealthResult(False, False, f"{path}: {unix_socket.describe_error(error, seconds)}")
    except OSError as error:
        raise_for_machine(error)
        return HealthResult(True, False, f"GET /health on {path}: {unix_socket.describe_error(error, seconds)}")
    except (HTTPException, ValueError):
        return HealthResult(True, False, f"GET /health on {path}: the response is not HTTP")
    return HealthResult(True, 200 <= status < 300 or status == 404, f"GET /health on {path}: HTTP {status}")

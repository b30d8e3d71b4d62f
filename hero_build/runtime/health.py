"""Whether a started service is well: `GET /health` over its own Unix socket.

The rule. A service's sockets are those its recipe's `health` names and that are there. It is well as soon as one of
them answers 2xx, or 404: it answers, and has no such page. Where nobody listens on any of them, none is demanded,
unless somebody did before the restart: then the service must come back to one. Anything else (another status, no HTTP,
no answer in time) is asked again until the patience ends.
"""

from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from hero_build.runtime import unix_socket

_NOT_LISTENING = (FileNotFoundError, NotADirectoryError, ConnectionRefusedError, PermissionError)
_CONNECT_TIMEOUT = 1.0  # seconds: the system answers for the service


class HealthResult(Struct, frozen=True):
    """What one socket, or all of a service's, said; `said` is the end of a sentence."""

    listening: bool
    healthy: bool
    message: str


def check_health(sockets: Iterable[Path], seconds: float) -> HealthResult:
    """The best that any of the sockets has to say, each asked for at most `seconds`."""
    found = HealthResult(False, False, "nobody listens on its socket")
    for path in sockets:
        heard = _check_socket(path, seconds)
        if heard.healthy:
            return heard
        if heard.listening:
            found = heard
    return found


def is_listening(sockets: Iterable[Path]) -> bool:
    """Whether anybody takes a connection on any of them."""
    return any(_connects(path) for path in sockets)


def _connects(path: Path) -> bool:
    try:
        with unix_socket.connect(path, _CONNECT_TIMEOUT):
            return True
    except OSError:
        return False


def _check_socket(path: Path, seconds: float) -> HealthResult:
    from http.client import HTTPConnection, HTTPException  # 20 ms

    connection = HTTPConnection("localhost")
    try:
        with unix_socket.connect(path, seconds) as line:
            connection.sock = line
            connection.request("GET", "/health", headers={"Connection": "close"})
            with connection.getresponse() as answer:
                status = answer.status
    except _NOT_LISTENING as error:
        return HealthResult(False, False, f"{path}: {unix_socket.describe_error(error, seconds)}")
    except OSError as error:
        return HealthResult(True, False, f"GET /health on {path}: {unix_socket.describe_error(error, seconds)}")
    except (HTTPException, ValueError):
        return HealthResult(True, False, f"GET /health on {path}: the answer is no HTTP")
    return HealthResult(True, 200 <= status < 300 or status == 404, f"GET /health on {path}: HTTP {status}")

"""nginx on loopback, serving one folder as the mirror of a fleet; it logs what it sent. Needs the package nginx-light.

with nginx.serving(mirror) as server:
    server.url, server.slow                 # the second hardly sends more than BURST bytes of a file
    server.requests()                       # what was asked for so far, in order
    server.cpu()                            # seconds of processor that serving took
"""

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.ports import free_port
from support.processes import LONG, children, until

BURST = 1_200_000
_NUMBERS = itertools.count()
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_CONFIG = """
{user} daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log error;
events {{ worker_connections 2048; }}
http {{
  default_type application/octet-stream;
  sendfile on; tcp_nopush on; keepalive_timeout 65; open_file_cache max=4096;
  log_format short '$uri $status $body_bytes_sent'; access_log {folder}/access.log short;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    root {mirror};
    location /slow/ {{ alias {mirror}/; limit_rate_after {burst}; limit_rate 4k; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    status: int
    sent: int
    """Bytes of the body."""


@dataclass(frozen=True, slots=True)
class Nginx:
    port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def slow(self) -> str:
        return f"{self.url}/slow"

    def requests(self) -> Sequence[Request]:
        """All that were answered. A client may have the end of an answer before nginx logs it: so a last one is sent,
        which the only worker logs after those.
        """
        last = f"/requests-{next(_NUMBERS)}"
        with suppress(urllib.error.HTTPError):
            _OPENER.open(f"{self.url}{last}", timeout=LONG)
        assert until(lambda: any(request.path == last for request in self._logged()))
        return [request for request in self._logged() if not request.path.startswith("/requests-")]

    def _logged(self) -> Sequence[Request]:
        text = (self.folder / "access.log").read_text()
        lines = (line.rsplit(" ", 2) for line in text[: text.rfind("\n") + 1].splitlines())
        return [Request(path.removeprefix("/slow"), int(status), int(sent)) for path, status, sent in lines]

    def cpu(self) -> float:
        """Of the master and its workers, in seconds."""
        master = (self.folder / "pid").read_text().strip()
        return sum(map(_cpu, (int(master), *children(int(master)))))


@contextmanager
def serving(mirror: Path) -> Iterator[Nginx]:
    """A server until the block ends. Skipped where nginx is not installed."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("nginx is not installed (the package nginx-light)")
    with tempfile.TemporaryDirectory(prefix="hero-nginx-") as name:
        server = Nginx(free_port(), Path(name))
        user = f"user {pwd.getpwuid(os.geteuid()).pw_name};" if os.geteuid() == 0 else ""
        values = {"user": user, "folder": name, "port": server.port, "mirror": mirror, "burst": BURST}
        (server.folder / "nginx.conf").write_text(_CONFIG.format(**values))
        child = subprocess.Popen([program, "-p", name, "-c", f"{name}/nginx.conf"], stderr=subprocess.DEVNULL)
        try:
            assert until(lambda: child.poll() is not None or _answers(server.port))
            assert child.poll() is None, (server.folder / "error.log").read_text()
            yield server
        finally:
            child.terminate()
            child.wait(LONG)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

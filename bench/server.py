"""nginx on loopback: the files, and the API as static documents."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import world
from bench.places import WORLD

_CONFIG = """
daemon off; master_process on; worker_processes auto; pid {folder}/pid; error_log {folder}/error.log error;
events {{ worker_connections 512; }}
http {{
  types {{ }}
  default_type application/octet-stream;
  sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_timeout 65; keepalive_requests 100000;
  open_file_cache max=4096; etag on; gzip off;
  log_format short '$request_uri'; access_log {folder}/access.log short;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {servers}
}}
"""
_SERVER = """server {{
    listen 127.0.0.1:{port};
    root {www};
    location /api/ {{ root {api}; default_type application/json; try_files $uri $uri/index.json =404; }}
  }}
"""


class NoServer(Exception):
    """nginx is not there, or does not start; says what to do."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running nginx, reached directly at `near`, and through a proxy at `far`; the documents tell accordingly."""

    near: str
    far: str
    folder: Path

    def requests(self) -> int:
        """How many requests there have been so far."""
        return (self.folder / "access.log").read_bytes().count(b"\n")


@contextmanager
def serve(behind: int, far: str) -> Iterator[Server]:
    """A server while the context lasts. It listens on port `behind` for a proxy at `far`, too. Raises NoServer."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        raise NoServer("nginx is not installed: apt-get install nginx-light")
    with tempfile.TemporaryDirectory(prefix="hero-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = _prepare(folder, behind, far)
        child = subprocess.Popen([program, "-p", name, "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL)
        try:
            if not listens(behind, child):
                raise NoServer(f"nginx did not start: {(folder / 'error.log').read_text()}")
            yield server
        finally:
            child.send_signal(signal.SIGQUIT)
            child.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _prepare(folder: Path, behind: int, far: str) -> Server:
    direct = free_port()
    near = f"http://127.0.0.1:{direct}"
    servers = ""
    for port, base in ((direct, near), (behind, far)):
        api = folder / f"api-{port}"
        world.write_api(api, base)
        servers += _SERVER.format(port=port, api=api, www=WORLD / "www")
    user = f"user {_user()};" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(user + _CONFIG.format(folder=folder, servers=servers))
    return Server(near, far, folder)


def _user() -> str:
    """The workers' user: this one, since they read what this one wrote."""
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name


def listens(port: int, child: subprocess.Popen[bytes]) -> bool:
    """Whether a process listens, or comes to do so before long."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and child.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return True
    return False

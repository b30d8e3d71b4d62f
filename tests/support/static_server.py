"""A folder behind http, as nginx serves a mirror: it has no API, and records each request. Fixture: `mirror_server`."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        assert isinstance(self.server, StaticServer)
        self.server.paths.append(self.path)
        super().do_GET()


class StaticServer(ThreadingHTTPServer):
    """`paths`: those that were requested; `served`: those of them that are files."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
        self.folder = folder
        self.paths: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def served(self) -> list[str]:
        return [path for path in self.paths if (self.folder / path.lstrip("/")).is_file()]


@contextmanager
def serving(folder: Path) -> Iterator[StaticServer]:
    """The folder behind http until the block ends."""
    server = StaticServer(folder)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def mirror_server(tmp_path: Path) -> Iterator[StaticServer]:
    """The folder `mirror` of the test, empty or that of its world, behind http."""
    folder = tmp_path / "mirror"
    folder.mkdir(exist_ok=True)
    with serving(folder) as server:
        yield server

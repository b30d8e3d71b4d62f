"""Why pip has no wheels for a pack, by a real pip: each cause has a sentence, an exit code and a hint of its own."""

import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hero_build.errors import AssetNotFound, AuthError, HeroBuildError, NetworkError, ToolFailed
from hero_build.pack import wheels
from support.static_server import StaticServer

PYTHON = (3, 12)
START = "pip cannot download what hero-build needs on Python 3.12: "


class Refusing(BaseHTTPRequestHandler):
    """Answers every request with the status that its first folder names."""

    def do_GET(self) -> None:
        self.send_error(int(self.path.split("/")[1]))

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of this machine's, and one attempt."""
    for name in [name for name in os.environ if name.startswith("PIP_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "0")


@pytest.fixture
def refusing() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def failure(cache: Path) -> HeroBuildError:
    with pytest.raises(HeroBuildError) as caught:
        wheels.download(cache, PYTHON)
    assert list((cache / "wheels").iterdir()) == [], "nothing is left behind"
    assert caught.value.message.startswith(START)
    assert "pip config list" in caught.value.hint or "later" in caught.value.hint
    return caught.value


def test_an_index_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        index = f"127.0.0.1:{closed.getsockname()[1]}/simple"
        monkeypatch.setenv("PIP_INDEX_URL", f"http://user:secret@{index}")
        error = failure(tmp_path)
    assert isinstance(error, NetworkError)
    assert f" http://{index}/" in error.message
    assert error.message.endswith(" does not answer (Connection refused)")
    assert "secret" not in error.message
    assert "network" in error.hint


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [(404, AssetNotFound, "address"), (401, AuthError, "credentials"), (503, NetworkError, "later")],
)
def test_an_index_that_refuses(
    status: int, kind: type, words: str, *, refusing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"http://{refusing}/{status}")
    error = failure(tmp_path)
    assert type(error) is kind
    assert f"http://{refusing}/{status}/" in error.message
    assert f" answers {status}" in error.message
    assert words in error.hint


def test_an_index_without_the_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirror_server: StaticServer
) -> None:
    for pin in wheels._pins(PYTHON):
        name = pin.partition("==")[0].lower().replace("_", "-")
        page = mirror_server.folder / "simple" / name / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        links = [f"{name.replace('-', '_')}-0.0.{number}-py3-none-any.whl" for number in range(1, 6)]
        page.write_text(f"<!DOCTYPE html><html><body>{''.join(f'<a href={x}>{x}</a>' for x in links)}</body></html>")
    monkeypatch.setenv("PIP_INDEX_URL", f"{mirror_server.url}/simple")
    error = failure(tmp_path)
    assert isinstance(error, AssetNotFound)
    assert error.message.removeprefix(START).startswith("the index of packages has no ")
    assert error.message.endswith(" for it, only 0.0.3, 0.0.4, 0.0.5 and 2 older")
    assert "PIP_INDEX_URL" in error.hint


def test_no_index_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    error = failure(tmp_path)
    assert isinstance(error, ToolFailed)
    assert "(no index and no folder that pip is configured for has it)" in error.message
    assert "PIP_NO_INDEX" in error.hint


def test_a_configuration_that_pip_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_TIMEOUT", "soon")
    error = failure(tmp_path)
    assert isinstance(error, ToolFailed)
    assert "invalid floating-point value: 'soon'" in error.message
    assert "correct what it names" in error.hint

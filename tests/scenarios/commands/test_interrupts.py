"""How a command ends when something comes in between: Ctrl-C, a reader that goes away, a full disk, another one."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from hero_build.install.layout import Root
from hero_build.install.root_lock import locked
from support import mirrors, worlds
from support.processes import LONG
from support.worlds import REPO, World

pytestmark = pytest.mark.usefixtures("two_apps")


class Stalling(BaseHTTPRequestHandler):
    """A forge that begins to send an asset and then sends no more until the test ends."""

    started: threading.Event
    end: threading.Event

    def do_GET(self) -> None:
        if self.path.endswith("/releases/latest"):
            name = mirrors.asset("web")
            url = f"http://{self.headers['Host']}/{name}"
            asset = {"name": name, "size": 1 << 20, "uuid": "u", "browser_download_url": url}
            self._answer(json.dumps({"tag_name": "v1", "assets": [asset]}).encode(), 0)
        else:
            self._answer(b"\x7fELF", (1 << 20) - 4)
            self.started.set()
            self.end.wait(LONG)

    def _answer(self, body: bytes, more: int) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + more))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def stalling() -> Iterator[tuple[str, threading.Event]]:
    started, end = threading.Event(), threading.Event()
    handler = type("Handler", (Stalling,), {"started": started, "end": end})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", started
        end.set()
        server.shutdown()
        thread.join()


def start(world: World, *words: str, **more: Any) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "hero_build", *words]
    return subprocess.Popen(
        command, env=world.environ(), cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more
    )


def test_an_interrupt_is_130_in_words_and_changes_nothing(world: World, stalling: tuple[str, threading.Event]) -> None:
    url, started = stalling
    with start(world, "--forge", url, "install", "web", "--json") as process:
        assert started.wait(LONG)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LONG)
    assert process.returncode == 130
    assert worlds.valid(json.loads(out), "error")["error"]["kind"] == "Interrupted"
    assert "error: interrupted; nothing changed: nothing is installed" in err
    assert "Traceback" not in err
    assert not (world.root.path / "bin").exists()
    assert "nothing is installed" in world.ok("status")
    assert "generation 1: web v1" in world.ok("install", "web", "--version", "v1", "--forge", world.mirror.as_uri())


def test_an_interrupt_names_the_generation_that_stays(world: World, stalling: tuple[str, threading.Event]) -> None:
    url, started = stalling
    world.ok("install", "db")
    with start(world, "--forge", url, "install", "web") as process:
        assert started.wait(LONG)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LONG)
    assert "error: interrupted; nothing changed: still generation 1\n  hint: Downloaded data is kept" in err


@pytest.mark.parametrize("words", [["list"], ["list", "--json"], ["install", "@both", "-v"], ["--help"], ["--version"]])
def test_a_reader_that_went_away_is_no_error(words: list[str], world: World) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "hero_build", *words]
    done = subprocess.run(
        command, env=world.environ(), cwd=REPO, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=LONG
    )
    os.close(writing)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
    assert done.returncode == 0


def test_progress_that_nobody_reads_stops_no_install(world: World) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "hero_build", "install", "@both"]
    done = subprocess.run(
        command, env=world.environ(), cwd=REPO, stderr=writing, stdout=subprocess.PIPE, text=True, timeout=LONG
    )
    os.close(writing)
    assert done.returncode == 0
    assert "generation 1" in done.stdout


@pytest.mark.parametrize("words", [["list"], ["list", "--json"]])
def test_an_answer_that_cannot_be_written_is_8(words: list[str], world: World) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "hero_build", *words]
        done = subprocess.run(
            command, env=world.environ(), cwd=REPO, stdout=full, stderr=subprocess.PIPE, text=True, timeout=LONG
        )
    assert done.returncode == 8
    assert "cannot write the answer to stdout" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_root_that_another_one_changes_is_7(world: World) -> None:
    world.ok("install", "db", "--version", "v1")
    with locked(Root(world.root.path)):
        done = world.run("rollback", "0", "--json", "--wait", "0")
    assert done.code == 7
    assert worlds.valid(done.document, "error")["error"]["kind"] == "LockHeld"
    assert "--wait SECONDS" in done.err


def test_wait_waits_for_the_other_one(world: World) -> None:
    world.ok("install", "db", "--version", "v1")
    with locked(Root(world.root.path)):
        process = start(world, "install", "db", "--wait", "60")
        assert process.stderr
        while not (line := process.stderr.readline()).startswith("db: downloaded and verified"):
            assert line, "it ended without waiting for the lock"
    out, err = process.communicate(timeout=LONG)
    assert process.returncode == 0, err
    assert "generation 2: db v1 -> v2" in out


def test_a_name_that_the_terminal_cannot_show(world: World) -> None:
    world.recipe("web", needs='("näed",)')
    done = world.run("install", "web", env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert done.code == 0
    assert "needs n\\xe4ed" in done.err

"""One signal ends a publication whose server lets it wait; nothing is published.

The server lets it wait until the test has ended, and a server that stalls is given an hour: what ends it is the signal.
"""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from support import publish_cli
from support.fault_server import FaultServer, answer, dripping_headers
from support.forge_server import ForgeServer
from support.limits import TOKEN
from support.processes import until
from support.server_releases import CuttingProxy, ProxyRequest, seen
from support.worlds import REPO, World

SOON = 50  # seconds, for a busy machine: an API is given 60 for an answer, and three further attempts


def patient(folder: Path) -> World:
    """A world with hero_db whose limits are an hour."""
    world = publish_cli.hero_db(folder)
    settings = world.root.path / "cfg" / "hero_build.toml"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text("connect = 3600\nstall = 3600\n")
    return world


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("wait", ["dripping-headers", "retry-after"])
def test_a_signal_while_the_server_lets_wait(
    wait: str, number: signal.Signals, code: int, tmp_path: Path, faults: FaultServer
) -> None:
    world = patient(tmp_path)
    behaviour = dripping_headers() if wait == "dripping-headers" else answer(503, b"busy", {"Retry-After": "3600"})
    for path in ("", "/releases/tags/v1", "/releases", "/tag_protections", "/branches"):
        faults.on(f"/api/v1/repos/lhumina_code/hero_db{path}", behaviour)
    words = [
        "publish",
        "hero_db",
        "--tag",
        "v1",
        "--from",
        publish_cli.dist(tmp_path / "dist", publish_cli.PLATFORM),
        "--to",
        faults.url,
    ]
    command = [sys.executable, "-m", "hero_build", *words]
    environ = world.environ(FORGEJO_TOKEN=TOKEN)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environ, cwd=REPO, stdout=pipe, stderr=pipe, text=True) as process:
        assert until(lambda: bool(faults.seen) or process.poll() is not None)
        process.send_signal(number)
        _, err = process.communicate(timeout=SOON)
    assert process.returncode == code, err
    assert err.count("error: ") == 1
    assert "Traceback" not in err
    assert {request.method for request in faults.seen} == {"GET"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("stall", ["the server reads nothing", "the server does not respond"])
def test_a_signal_while_an_upload_stalls(
    stall: str, number: signal.Signals, code: int, tmp_path: Path, forge_server: ForgeServer
) -> None:
    """Nobody sees a release then, and the next run completes it."""
    world = patient(tmp_path)
    repo = publish_cli.pushed(forge_server, world)
    recipe = world.recipes / "hero_db.py"
    recipe.write_text(recipe.read_text().replace("lhumina_code/hero_db", repo))
    large = publish_cli.built("hero_db", "v1", publish_cli.PLATFORM) + bytes(32 << 20)  # more than sockets buffer
    folder = publish_cli.dist(tmp_path / "dist", publish_cli.PLATFORM, changed={"hero_db": large})
    stalled, end = threading.Event(), threading.Event()

    def wait(asked: ProxyRequest) -> None:
        if asked.method == "POST" and "/assets" in asked.path:
            stalled.set()
            end.wait(600)

    def wait_for_body(asked: ProxyRequest, body: bytes) -> bytes:
        wait(asked)
        return body

    with CuttingProxy(forge_server.url) as proxy:
        if stall == "the server reads nothing":
            proxy.answers = wait  # it answers nothing
        else:
            proxy.spoil = wait_for_body
        words = ["publish", "hero_db", "--tag", "v1", "--from", folder, "--to", proxy.url, "-j", "2"]
        command = [sys.executable, "-m", "hero_build", *words]
        environ = world.environ(FORGEJO_URL=forge_server.url, FORGEJO_TOKEN=forge_server.token)
        pipe = subprocess.PIPE
        try:
            with subprocess.Popen(command, env=environ, cwd=REPO, stdout=pipe, stderr=pipe, text=True) as process:
                assert until(lambda: stalled.is_set() or process.poll() is not None)
                process.send_signal(number)
                _, err = process.communicate(timeout=SOON)
        finally:
            end.set()
    assert process.returncode == code, err
    assert err.count("error: ") == 1
    assert "Traceback" not in err
    assert seen(forge_server, repo, "v1") is None

"""One signal ends a publication whose server lets it wait; nothing is published."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support import publish_cli
from support.fault_server import FaultServer, answer, dripping_headers
from support.limits import TOKEN
from support.processes import until
from support.worlds import REPO


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("wait", ["dripping-headers", "retry-after"])
def test_a_signal_while_the_server_lets_wait(
    wait: str, number: signal.Signals, code: int, tmp_path: Path, faults: FaultServer
) -> None:
    world = publish_cli.hero_db(tmp_path)
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
        _, err = process.communicate(timeout=20)
    assert process.returncode == code, err
    assert err.count("error: ") == 1
    assert "Traceback" not in err
    assert {request.method for request in faults.seen} == {"GET"}

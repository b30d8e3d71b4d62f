"""The same start, upgrade and rollback where the real zinit has the services."""

import subprocess
from collections.abc import Iterator

import pytest

from hero_build.supervisors import log_files
from support import rust_world, zinit_crate
from support.processes import until
from support.rpc_server import serving
from support.service_world import ServiceWorld
from support.worlds import Done

pytestmark = zinit_crate.marks


class ZinitStack:
    """A stack whose commands name zinit as the supervisor."""

    def __init__(self, stack: ServiceWorld) -> None:
        self.stack = stack

    def run(self, *words: str) -> Done:
        return self.stack.run(*words, env={"HERO_SUPERVISOR": "zinit"})

    def service(self) -> dict[str, object]:
        done = self.run("status", "app", "--json")
        assert done.code == 0, done.err
        (service,) = done.document["apps"][0]["services"]
        return dict(service)


@pytest.fixture
def zinit(stack: ServiceWorld) -> Iterator[ZinitStack]:
    socket = stack.root.path / "var" / "zinit.sock"
    (socket.parent / "zinit").mkdir(parents=True)
    command = [str(zinit_crate.binaries() / "zinit-server"), "-s", str(socket), "-c", str(socket.parent / "zinit")]
    with subprocess.Popen(command, stdin=-3, stdout=-3, stderr=-3) as process:
        try:
            assert until(lambda: rust_world.listens(socket))
            own = ZinitStack(stack)
            yield own
            own.run("stop", "app")
        finally:
            process.terminate()


def test_zinit_runs_upgrades_and_rolls_back(zinit: ZinitStack) -> None:
    zinit.stack.service("app", start_timeout=3.0)
    zinit.stack.install("app")
    done = zinit.run("start", "app")
    assert (done.code, done.out) == (0, "1 service started\n"), done.err
    row = zinit.service()
    assert (row["state"], row["version_running"], row["supervisor"]) == ("running", "v1", "zinit")
    assert zinit.run("start", "app").out == "1 service already healthy\n"
    zinit.stack.release_of("app", "v2")
    assert zinit.run("upgrade").code == 0
    assert (zinit.service()["version_running"], zinit.service()["program"]) == ("v2", "running")
    zinit.stack.release_of("app", "v3", "exit:3")
    done = zinit.run("upgrade", "--json")
    assert (done.code, done.document["result"]) == (9, "rolled_back"), done.err
    row = zinit.service()
    assert (row["state"], row["version_installed"], row["version_running"]) == ("running", "v2", "v2")
    done = zinit.run("stop", "app")
    assert (done.code, done.out) == (0, "1 service stopped\n"), done.err
    assert until(lambda: not zinit.stack.running())


def test_a_log_that_grows_under_zinit_is_rotated_while_its_service_runs(zinit: ZinitStack) -> None:
    """By the server; a start does it, too."""
    log = zinit.stack.root.path / "var" / "log" / "app_server.log"
    zinit.stack.install("app", behaviour="flood:12")
    assert zinit.run("start", "app").code == 0
    pid = zinit.service()["pid"]
    assert until(lambda: log.stat().st_size > log_files.LOG_BYTES)
    with serving(zinit.stack, "--supervisor", "zinit", "--probe-interval", "0.3"):
        assert until(lambda: log.stat().st_size < log_files.LOG_BYTES)
    assert log.with_name("app_server.log.1").stat().st_size <= 2 * log_files.LOG_BYTES
    assert zinit.service()["pid"] == pid
    assert zinit.run("logs", "app", "--json").document["logs"][0]["lines"]

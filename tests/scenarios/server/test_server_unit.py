"""The server as a unit of a real systemd: the system's, and that of a user without rights."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from support.processes import LONG, first_child, until
from support.rpc_server import RpcClient
from support.supervisor_stacks import STACKS, SupervisorStack

UNIT = "hero-build.service"


@pytest.fixture(params=["systemd", "user"])
def front(request: pytest.FixtureRequest) -> Iterator[SupervisorStack]:
    with STACKS[request.param]() as made:
        yield made


def inside(front: SupervisorStack, program: str, *words: str) -> "subprocess.CompletedProcess[str]":
    manager = "--user" if "setpriv" in front.prefix else "--system"
    return subprocess.run([*front.prefix, program, manager, *words], capture_output=True, text=True, timeout=LONG)


def shown(front: SupervisorStack, *names: str) -> dict[str, str]:
    done = inside(front, "systemctl", "show", f"--property={','.join(names)}", UNIT)
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


def test_it_is_installed_ready_restarted_and_stopped(front: SupervisorStack) -> None:
    front.app("app")
    front.ok("install", "app")
    front.ok("start", "app")
    front.ok("serve", "--install-unit", "--probe-interval", "0.5", "--wait", "20")
    started = shown(front, "Type", "SubState", "UnitFileState", "MainPID", "ExecStart")
    assert (started["Type"], started["SubState"], started["UnitFileState"]) == ("notify", "running", "enabled")
    assert f"serve --root {front.stack.root.path} --wait 20 --probe-interval 0.5 ;" in started["ExecStart"]
    done = inside(front, "systemd-analyze", "verify", "--man=no", UNIT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    client = RpcClient(front.stack.socket("hero_build", "service"))
    assert client.is_well(), "it was ready when the command ended"
    _work(front, client)
    pid = front.services()["app_server"]["pid"]
    assert inside(front, "systemctl", "restart", UNIT).returncode == 0
    assert client.is_well()
    again = shown(front, "MainPID")["MainPID"]
    assert again not in ("0", started["MainPID"])
    assert inside(front, "systemctl", "kill", "--signal=KILL", UNIT).returncode == 0
    assert until(lambda: shown(front, "SubState", "MainPID", "NRestarts")["NRestarts"] == "1")
    assert until(lambda: shown(front, "SubState")["SubState"] == "running")
    assert client.is_well()
    assert inside(front, "systemctl", "stop", UNIT).returncode == 0
    assert shown(front, "SubState", "Result") == {"SubState": "dead", "Result": "success"}
    assert not client.path.exists()
    assert front.services()["app_server"]["pid"] == pid, "what it serves runs on"


def test_a_unit_that_does_not_start_is_an_error_that_says_why(front: SupervisorStack) -> None:
    """Another server has the socket."""
    command = [*front.prefix, sys.executable, "-m", "hero_build", "serve", "--json"]
    environ = front.stack.environ(HERO_SUPERVISOR="auto")
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline()
        done = front.run("serve", "--install-unit")
        assert done.code == 9
        assert f"{UNIT} does not start\n" in done.err
        assert "another hero-build" in done.err
        assert f"status {UNIT}` says more" in done.err
        os.kill(first_child(other.pid), signal.SIGTERM)


def _work(front: SupervisorStack, client: RpcClient) -> None:
    """What it does as a unit, hardened: restart, define anew, install, roll back."""
    before = front.services()["app_server"]["pid"]
    assert client.result("service.restart", name="app")["failed"] == []
    assert front.services()["app_server"]["pid"] != before
    front.stack.release_of("app", "v2")
    assert client.result("service.upgrade", name="app")["after"] == 2
    assert front.versions() == {"app_server": ("running", "v2", "v2")}
    front.stack.release_of("app", "v3", "exit:3")
    assert client.error("service.upgrade", name="app")["code"] == -32008
    assert front.versions() == {"app_server": ("running", "v2", "v2")}

"""A pack starts real services and the server as a unit of systemd; both outlive the file of the pack."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from support import packs
from support.processes import LONG, until
from support.rpc_server import RpcClient
from support.supervisor_stacks import STACKS, SupervisorStack
from support.worlds import Done

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # may fetch wheels first
UNIT = "hero-build.service"


def run(front: SupervisorStack, pack: Path, *words: str) -> Done:
    kept = front.stack.environ(HERO_SUPERVISOR="auto")
    environ = {name: value for name, value in kept.items() if name not in ("HERO_RECIPES", "FORGEJO_URL")}
    command = [*front.prefix, str(pack), *words]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=600)
    return Done(done.returncode, done.stdout, done.stderr)


def test_services_and_the_unit_outlive_the_pack() -> None:
    with STACKS["systemd"]() as front:
        front.app("app")
        pack = packs.make(front.stack, front.stack.folder / "app.pyz", "app")
        front.stack.mirror.rename(front.stack.mirror.with_name("gone"))
        for words in (("install",), ("start", "app"), ("serve", "--install-unit")):
            done = run(front, pack, *words)
            assert done.code == 0, done.err
        pid = front.services()["app_server"]["pid"]
        tools = front.stack.root.state / "tools"
        (tool,) = tools.iterdir()
        pack.unlink()
        _outlives(front, tool)
        assert front.services()["app_server"]["pid"] == pid
        front.ok("stop", "app")
        fragment = systemctl(front, "show", "--property=FragmentPath", "--value", UNIT)
        systemctl(front, "disable", "--now", UNIT)
        subprocess.run([*front.prefix, "rm", fragment], check=True, timeout=LONG)
        assert tool not in _after_gc(front, tools), "nothing names it"


def _outlives(front: SupervisorStack, tool: Path) -> None:
    client = RpcClient(front.stack.socket("hero_build", "service"))
    assert client.is_well()
    systemctl(front, "restart", UNIT)
    assert until(client.is_well), "started anew, without the pack"
    systemctl(front, "stop", UNIT)
    assert tool in _after_gc(front, tool.parent), "the unit that is stopped names it"
    systemctl(front, "start", UNIT)
    assert until(client.is_well)


def _after_gc(front: SupervisorStack, tools: Path) -> set[Path]:
    for path in tools.iterdir():
        os.utime(path, (time.time() - 7200,) * 2)
    front.ok("gc")
    return set(tools.iterdir())


def systemctl(front: SupervisorStack, *words: str) -> str:
    command = [*front.prefix, "systemctl", "--system", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONG)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()

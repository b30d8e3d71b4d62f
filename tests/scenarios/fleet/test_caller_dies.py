"""A health-gated install from a lock file comes to its end on the machine, also when who called it is gone."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hero_build.services.upgrade_journal import read_upgrade
from support.processes import LONG, until
from support.service_world import ServiceWorld
from support.worlds import REPO


@pytest.mark.parametrize(("behaviour", "version"), [("bind-at-gate", "v2"), ("never-bind", "v1")])
def test_a_cut_connection_ends_nothing_half_way(
    stack: ServiceWorld, tmp_path: Path, behaviour: str, version: str
) -> None:
    """As when ssh is cut: nobody reads the pipes, and the session gets a hang-up."""
    stack.service("app", start_timeout=6.0)
    stack.install("app")
    stack.ok("start", "app")
    stack.release_of("app", "v2", behaviour)
    file = tmp_path / "app.lock"
    stack.ok("lock", "app", "-o", str(file))
    words = ("install", "--locked", str(file), "--restart", "--rollback-on-failure", "--json")
    command = subprocess.Popen(
        [sys.executable, "-m", "hero_build", *words],
        env=stack.environ(),
        cwd=REPO,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert until(lambda: (state := read_upgrade(stack.root)) is not None and state.step == "restarting")
    for pipe in (command.stdout, command.stderr):
        assert pipe is not None
        pipe.close()
    os.killpg(command.pid, signal.SIGHUP)
    stack.open_gate("app")
    assert command.wait(LONG) == (0 if version == "v2" else 9)
    service = stack.services()["app_server"]
    assert (service["state"], service["version_installed"], service["version_running"]) == ("running", version, version)
    assert not stack.root.upgrade.exists()

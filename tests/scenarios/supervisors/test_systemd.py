"""systemd as PID 1: it is chosen where it runs the machine, and starts with the machine what was started."""

import json
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from hero_build.supervisors.protocol import Timeouts
from hero_build.supervisors.systemd import Systemd
from hero_build.supervisors.systemd_client import system_manager
from support import systemd_container
from support.processes import until
from support.supervised import Supervised, private_root
from support.systemd_container import Container
from support.worlds import REPO


def supervised(container: Container, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Supervised:
    monkeypatch.setenv("PATH", str(container.wrappers), prepend=":")
    root = private_root(folder)
    manager = replace(system_manager(), units=container.units)
    return Supervised(Systemd(root, manager, Timeouts(call=30, change=60)), root, container.host_pid)


def test_it_is_chosen_where_it_runs_the_machine(tmp_path: Path) -> None:
    with systemd_container.running(tmp_path) as container:
        command = (sys.executable, "-m", "hero_build", "supervisor", "current", "--json")
        root = str(tmp_path / "shared" / "hero")
        done = container.run(*command, HERO_ROOT=root, PYTHONPATH=str(REPO), PYTHONDONTWRITEBYTECODE="1")
        assert done.returncode == 0, done.stderr
        document = json.loads(done.stdout)
        assert (document["supervisor"], document["why"], document["stored"]) == (
            "systemd",
            "it runs this machine",
            False,
        )


def test_what_was_started_runs_again_after_a_reboot_and_what_was_stopped_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with systemd_container.running(tmp_path) as container:
        first = supervised(container, monkeypatch, tmp_path / "shared")
        for name in ("app_server", "other_server"):
            first.run(name)
            first.wait(name, "running")
        first.supervisor.stop("other_server")
        first.wait("other_server", "stopped")
    with systemd_container.running(tmp_path) as container:
        again = Supervised(first.supervisor, first.root, container.host_pid)
        again.wait("app_server", "running")
        assert again.executable("app_server").endswith("/sleep")
        assert again.supervisor.status("other_server").state == "stopped"
        again.end()
        assert until(lambda: not list(container.units.rglob("hero-*")))

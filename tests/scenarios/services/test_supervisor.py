"""`supervisor use` moves running services between real supervisors; `current` and `doctor` say which it is."""

import os
import signal
from pathlib import Path

import pytest

from hero_build.install.layout import Root
from hero_build.services import journal
from hero_build.supervisors.zinit_entries import ZinitEntries
from support import zinit_crate, zinit_server
from support.processes import alive, gone, until
from support.service_world import ServiceWorld
from support.worlds import valid

pytestmark = zinit_crate.marks


def test_services_move_to_another_supervisor_and_back(
    stack: ServiceWorld, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stack.install("app")
    stack.ok("start", "app")
    before = stack.pid("app_server")
    home = tmp_path_factory.mktemp("z")
    zinit = {"ZINIT_SOCKET": str(zinit_server.socket_path(home)), "HERO_SUPERVISOR": "auto"}
    with zinit_server.running(zinit_crate.binaries() / "zinit-server", home):
        assert stack.run("supervisor", "current", env=zinit).out == "supervisord: it has the services of this root\n"
        moved = valid(stack.run("supervisor", "use", "zinit", "--json", env=zinit).document)
        assert [(item["service"], item["result"]) for item in moved["services"]] == [("app_server", "started")]
        assert gone([before])
        (row,) = valid(stack.run("status", "--json", env=zinit).document)["apps"][0]["services"]
        assert (row["supervisor"], row["state"], row["wanted"]) == ("zinit", "running", "running")
        assert alive(row["pid"])
        shown = valid(stack.run("supervisor", "current", "--json", env=zinit).document)
        assert (shown["supervisor"], shown["stored"]) == ("zinit", True)
        named = stack.run("status", env={**zinit, "HERO_SUPERVISOR": "supervisord"})
        assert named.code == 2
        assert "`hero-build supervisor use supervisord` moves them" in named.err
        back = stack.run("supervisor", "use", "supervisord", env={**zinit, "HERO_SUPERVISOR": "supervisord"})
        assert (back.code, back.out) == (0, "1 service started\n")
        assert gone([row["pid"]])
        moves = [(item.method, item.arguments["supervisor"]) for item in journal.operations(stack.root, "app", 2)]
        assert moves == [("supervisor use", "supervisord"), ("supervisor use", "zinit")]
        assert ZinitEntries(Root(stack.root.path)).all() == ()
    assert until(lambda: alive(stack.pid("app_server")))
    checks = valid(stack.run("doctor", "--json").document)["checks"]
    (check,) = [item for item in checks if item["name"] == "supervisor"]
    assert (check["state"], check["value"]) == ("ok", "supervisord: HERO_SUPERVISOR names it")


def test_services_leave_a_supervisor_that_is_gone(
    stack: ServiceWorld, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stack.install("app")
    home = tmp_path_factory.mktemp("z")
    zinit = {"ZINIT_SOCKET": str(zinit_server.socket_path(home)), "HERO_SUPERVISOR": "zinit"}
    with zinit_server.running(zinit_crate.binaries() / "zinit-server", home) as server:
        assert stack.run("start", "app", env=zinit).code == 0
        (row,) = valid(stack.run("status", "--json", env=zinit).document)["apps"][0]["services"]
        server.kill()
        server.wait()
        refused = stack.run("supervisor", "use", "supervisord", env=zinit)
        assert refused.code == 9
        assert f"and of its services there run: app_server (process {row['pid']})" in refused.err
        assert f"`kill {row['pid']}`" in refused.err
        assert alive(row["pid"])
        os.kill(row["pid"], signal.SIGKILL)
        assert gone([row["pid"]])
        moved = stack.run("supervisor", "use", "supervisord", env=zinit)
        assert (moved.code, moved.out) == (0, "1 service started\n"), moved.err
        assert "warning: zinit does not answer, and keeps its definitions of these services" in moved.err
    assert alive(stack.pid("app_server"))


def test_a_supervisor_that_is_not_there_gets_nothing(stack: ServiceWorld, tmp_path: Path) -> None:
    stack.install("app")
    stack.ok("start", "app")
    pid = stack.pid("app_server")
    missing = {"ZINIT_SOCKET": str(tmp_path / "zinit.sock")}
    done = stack.run("supervisor", "use", "zinit", env=missing)
    assert done.code == 9
    assert "zinit" in done.err
    assert "Start zinit, then use this command again." in done.err
    assert stack.run("supervisor", "use", "hero_router").code == 8
    assert stack.pid("app_server") == pid
    assert alive(pid)

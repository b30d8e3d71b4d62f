"""`start`, `status` and `stop` on a real supervisord, with real programs."""

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from support import rust_world
from support.processes import until
from support.service_world import ServiceWorld
from support.worlds import REPO, valid


def test_a_service_starts_is_healthy_and_stops(stack: ServiceWorld) -> None:
    stack.service("app", "app_server", "app_admin")
    stack.release_of("app", "v1", "ok", "app_server", "app_admin")
    stack.ok("install", "app")

    done = stack.run("start", "app")
    assert (done.code, done.out) == (0, "2 services started\n")
    assert sorted(line.split(",")[0] for line in done.err.splitlines()) == [
        "app_admin               ✓ healthy",
        "app_server              ✓ healthy",
    ]
    assert rust_world.health(stack.socket("app")) == {"status": "ok"}
    services = stack.services()
    assert {name: (item["state"], item["wanted"]) for name, item in services.items()} == {
        "app_admin": ("running", "running"),
        "app_server": ("running", "running"),
    }
    server = services["app_server"]
    assert (server["version_installed"], server["version_running"], server["program"]) == ("v1", "v1", "running")
    assert (server["supervisor"], server["restarts"], server["reason"]) == ("supervisord", 0, "")

    again = stack.run("start", "app")
    assert (again.code, again.out) == (0, "2 services already healthy\n")
    assert stack.services()["app_server"]["pid"] == server["pid"]

    stopped = stack.run("stop", "app")
    assert (stopped.code, stopped.out) == (0, "2 services stopped\n")
    assert until(lambda: not stack.running())
    assert {item["state"] for item in stack.services().values()} == {"stopped"}
    assert stack.run("stop", "app").out == "2 services already stopped\n"


def test_the_documents_of_start_stop_and_status_are_valid(stack: ServiceWorld) -> None:
    stack.install("app")
    before = datetime.now(UTC) - timedelta(milliseconds=1)  # `since` has milliseconds
    started = valid(stack.run("start", "app", "--json").document)
    (change,) = started["services"]
    assert (change["app"], change["service"], change["result"], change["tries"]) == ("app", "app_server", "started", 1)
    assert change["pid_after"] == stack.pid("app_server")
    (row,) = valid(stack.run("status", "--json").document)["apps"][0]["services"]
    assert row["pid"] == change["pid_after"]
    assert before <= datetime.fromisoformat(row["since"]) <= datetime.now(UTC)
    (change,) = valid(stack.run("stop", "app", "--json").document)["services"]
    assert (change["result"], change["pid_after"]) == ("stopped", 0)


def test_status_shows_services_below_the_apps(stack: ServiceWorld) -> None:
    stack.install("app")
    assert "app_server" not in stack.ok("status")
    stack.ok("start", "app")
    assert "app_server  running  v1" in stack.ok("status")


@pytest.mark.parametrize("killed", [False, True])
def test_a_first_start_that_is_not_done_is_known_to_other_commands(stack: ServiceWorld, *, killed: bool) -> None:
    """Also if it was killed: what runs is a service that `start` started."""
    stack.service("app", start_timeout=120.0)
    stack.install("app", "v1", "bind-at-gate")
    command = [sys.executable, "-m", "hero_build", "start", "app"]
    with subprocess.Popen(command, env=stack.environ(), cwd=REPO, stdout=subprocess.DEVNULL) as start:
        assert until(lambda: [item.binary for item in stack.running()] == ["app_server"])
        if killed:
            start.kill()
            start.wait()
        same = stack.run("install", "app", "--version", "v1", "--restart", "--json")
        assert (same.code, same.document["restart"]["restarted"]) == (0, []), same.err
        stack.open_gate("app")
        assert start.wait() == (-signal.SIGKILL if killed else 0)
    stack.release_of("app", "v2")
    assert stack.run("install", "app", "--version", "v2", "--restart").code == 0
    assert stack.services()["app_server"]["version_running"] == "v2"

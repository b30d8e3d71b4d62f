"""`uninstall` of apps whose services run: they are stopped and forgotten, or the app stays."""

import os
import signal
import subprocess

import pytest

from hero_build.catalog.loader import load
from hero_build.errors import DiskFull
from hero_build.events import silent
from hero_build.install import history
from hero_build.install.root_lock import locked
from hero_build.ops.uninstall import uninstall
from hero_build.services.open_run import open_run
from hero_build.settings import read
from support import roots, rust_world, strace
from support.processes import suspend, until
from support.service_world import ServiceWorld
from support.worlds import valid


def test_services_are_stopped_in_the_reverse_order_and_forgotten(stack: ServiceWorld) -> None:
    stack.service("client", attributes='needs = ("app",)')
    for app in ("app", "client", "other"):
        stack.install(app)
    stack.ok("start", "@all")
    done = stack.run("uninstall", "app", "client", "--json")
    report = valid(done.document)
    assert (done.code, [part["state"] for part in report["parts"]]) == (0, ["removed", "removed"])
    stopped = [(item["service"], item["result"]) for item in report["services"]]
    assert stopped == [("client_server", "stopped"), ("app_server", "stopped")]
    assert sorted(report["forgotten"]) == ["app_server", "client_server"]
    assert stack.supervisor.services() == ("other_server",)
    assert [item.binary for item in stack.running()] == ["other_server"]
    assert {part.app for part in roots.check(stack.root).records} == {"other"}
    page = " ".join(stack.ok("uninstall", "other").split())
    assert page.startswith("stopped: other_server ")
    assert "rollback 4, then hero-build start other" in page
    assert not stack.running()


def test_an_app_whose_service_does_not_stop_stays_installed(stack: ServiceWorld) -> None:
    stack.install("app")
    stack.ok("start", "app")
    settings = stack.root.path / "cfg" / "hero_build.toml"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text("stall = 1\nconnect = 1\n")
    supervisor = int((stack.supervisor.folder / "supervisord.pid").read_text())
    suspend(supervisor)
    try:
        done = stack.run("uninstall", "app", "--json")
    finally:
        os.kill(supervisor, signal.SIGCONT)
    settings.unlink()
    report = valid(done.document)
    assert (done.code, report["parts"], report["failed"][0]["kind"]) == (9, [], "RuntimeUnreachable")
    assert {part.app for part in roots.check(stack.root).records} == {"app"}
    stack.ok("uninstall", "app")
    assert not stack.running()


def test_while_another_command_changes_the_root_nothing_is_stopped(stack: ServiceWorld) -> None:
    stack.install("app")
    stack.ok("start", "app")
    with locked(stack.root):
        done = stack.run("uninstall", "app", "--wait", "0")
    assert done.code == 7
    assert stack.services()["app_server"]["state"] == "running"


def test_what_cannot_be_removed_runs_again(stack: ServiceWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.install("app")
    stack.ok("start", "app")
    before = stack.pid("app_server")

    def full(*_: object) -> None:
        raise DiskFull("no space is left", "Free some.")

    monkeypatch.setattr(history, "uninstall_locked", full)
    settings = read({}, stack.environ())
    run = open_run(settings, load(settings.recipes), silent)
    with pytest.raises(DiskFull):
        uninstall(["app"], stack.root, wait=0, run=lambda: run)
    assert stack.pid("app_server") not in (0, before)
    assert rust_world.health(stack.socket("app")) == {"status": "ok"}


def test_a_program_that_was_started_elsewhere_is_named(stack: ServiceWorld) -> None:
    stack.install("app")
    environ = {**os.environ, "HERO_SOCKET_DIR": str(stack.folder), "BEHAVIOUR": "never-bind"}
    with subprocess.Popen([stack.root.path / "bin" / "app_server"], env=environ, stdout=subprocess.DEVNULL) as program:
        assert until(lambda: bool(stack.running()))
        done = stack.run("uninstall", "app")
        assert done.code == 0
        assert f"app_server (process {program.pid}) runs on: it was not started by `hero-build start`" in done.err
        assert program.poll() is None
        program.kill()


@strace.traced
def test_killed_at_each_rename(stack: ServiceWorld) -> None:
    """The app is wholly there or gone; the same command goes on."""
    stack.install("app")
    stack.ok("start", "app")
    log = stack.folder / "strace.log"
    assert strace.run(stack, log, "uninstall", "app") == 0
    main = strace.renames(log)
    assert main >= 3
    for number in range(1, main + 1, main // 3):
        stack.ok("install", "app")
        stack.ok("start", "app")
        strace.run(stack, log, "uninstall", "app", kill_at=number)
        gone = not roots.check(stack.root).records
        assert not (gone and stack.running()), number
        again = stack.run("uninstall", "app")
        assert again.code == (3 if gone and not stack.supervisor.services() else 0), (number, again.err)
        assert not roots.check(stack.root).records
        assert (stack.running(), stack.supervisor.services()) == ([], ())

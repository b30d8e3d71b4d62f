"""An upgrade that is killed at any of its steps is finished or undone by the next command.

strace kills the command at a rename, by which every step of it becomes visible: the journal, the generation, the flip.
"""

import pytest

from hero_build import manifest
from hero_build.services import upgrade_journal
from hero_build.services.records import recorded_services
from hero_build.services.upgrade_journal import UpgradeState
from support import strace
from support.processes import until
from support.rpc_server import serving
from support.service_world import ServiceWorld


@strace.traced
@pytest.mark.parametrize(("behaviour", "version"), [("ok", "v2"), ("exit:3", "v1")])
def test_killed_at_each_rename(stack: ServiceWorld, behaviour: str, version: str) -> None:
    stack.service("app", start_timeout=60.0)
    stack.install("app")
    stack.ok("start", "app")
    stack.release_of("app", "v2", behaviour)
    log = stack.folder / "strace.log"
    assert strace.run(stack, log, "upgrade") == (0 if version == "v2" else 9)
    main = strace.renames(log)
    assert main > 4
    for number in range(1, main + 1, max(main // 3, 1)):
        stack.ok("install", "app", "--version", "v1", "--restart")
        stack.ok("start", "--reset", "app")
        strace.run(stack, log, "upgrade", kill_at=number)
        done = stack.run("start", "--reset", "app")
        assert done.code == 0, done.err
        service = stack.services()["app_server"]
        assert service["version_running"] == service["version_installed"], (number, done.err)
        assert service["version_running"] in ("v1", version), (number, done.err)
        assert not (stack.root.state / "upgrade.json").exists()
    stack.run("upgrade")
    assert stack.services()["app_server"]["version_running"] == version


@strace.traced
def test_exact_is_killed_between_the_stop_of_what_goes_and_the_end(stack: ServiceWorld) -> None:
    """Afterwards what is installed runs, and nothing else: an app that goes is there and runs, or is not."""
    for app in ("app", "other"):
        stack.service(app, start_timeout=60.0)
        stack.install(app)
    stack.ok("start", "app", "other")
    stack.release_of("app", "v2")
    lock, log = stack.folder / "app.lock", stack.folder / "strace.log"
    stack.ok("lock", "app", "-o", str(lock))
    words = ("install", "--locked", str(lock), "--exact", "--restart", "--rollback-on-failure")
    assert strace.run(stack, log, *words) == 0
    main, left = strace.renames(log), []
    assert main > 4
    for number in range(2, main + 1, max(main // 3, 1)):  # the first one is the journal
        stack.ok("install", "app", "other", "--version", "v1")
        stack.ok("start", "--reset", "app", "other")
        assert strace.run(stack, log, *words, kill_at=number) < 0
        done = stack.run("start", "--reset", "app")
        assert done.code == 0, (number, done.err)
        installed = {part.app for part in manifest.load(stack.root.path).records}
        assert {item.binary for item in stack.running()} == {f"{app}_server" for app in installed}, (number, done.err)
        assert {record.app for record in recorded_services(stack.root)} == installed, (number, done.err)
        assert not (stack.root.state / "upgrade.json").exists()
        left.append("other" in installed)
    assert set(left) == {True, False}, "a kill came before the commit, and one after it"


@strace.traced
def test_one_that_the_machine_cannot_finish_now_waits_for_the_next_command(stack: ServiceWorld) -> None:
    state = interrupted(stack)
    full_disk = (
        "strace",
        "-f",
        "-qq",
        "-o",
        str(stack.folder / "strace.log"),
        "-e",
        "trace=fsync",
        "-e",
        "inject=fsync:error=ENOSPC:when=1",
    )
    done = stack.run("gc", prefix=full_disk)
    assert done.code == 0, done.err
    assert "an interrupted upgrade of app waits for the next command: the disk is full" in done.err
    assert upgrade_journal.read_upgrade(stack.root) == state
    assert "an upgrade of app was interrupted: it is finished now, or undone" in stack.run("gc").err
    assert upgrade_journal.read_upgrade(stack.root) is None
    assert stack.services()["app_server"]["version_running"] == "v2"


def test_a_server_finishes_it_at_its_start(stack: ServiceWorld) -> None:
    interrupted(stack)
    with serving(stack):
        assert until(lambda: upgrade_journal.read_upgrade(stack.root) is None)
        assert stack.services()["app_server"]["version_running"] == "v2"


def interrupted(stack: ServiceWorld) -> UpgradeState:
    """An upgrade that was killed after its commit, while v1 runs."""
    stack.install("app")
    stack.ok("start", "app")
    stack.release_of("app", "v2")
    stack.ok("upgrade", "--no-restart")
    state = UpgradeState("restarting", before=1, apps=("app",), healthy=("app_server",), after=2)
    upgrade_journal.write_upgrade(stack.root, state)
    return state

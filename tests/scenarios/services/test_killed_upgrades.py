"""An upgrade that is killed at any of its steps is finished or undone by the next command.

strace kills the command at a rename, by which every step of it becomes visible: the journal, the generation, the flip.
"""

import pytest

from hero_build import manifest
from hero_build.services.records import recorded_services
from support import strace
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

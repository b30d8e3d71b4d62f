"""An upgrade that is killed at any of its steps is finished or undone by the next command.

strace kills the command at a rename, by which every step of it becomes visible: the journal, the generation, the flip.
"""

import pytest

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

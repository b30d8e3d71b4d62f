"""An upgrade that is killed at any of its steps is finished or undone by the next command.

strace kills the command at a rename, by which every step of it becomes visible: the journal, the generation, the flip.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.service_world import ServiceWorld
from support.worlds import REPO

CALLS = "?rename,?renameat,?renameat2"


def untraceable() -> str:
    if shutil.which("strace") is None:
        return "strace is not installed (Debian package strace)"
    tried = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True)
    return f"ptrace is not permitted: {tried.stderr.strip()}" if tried.returncode else ""


UNTRACEABLE = untraceable()


def upgrade(stack: ServiceWorld, log: Path, inject: str = "") -> int:
    """Run `upgrade` under strace; its exit code, negative after a signal."""
    words = ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={CALLS}", *(["-e", inject] if inject else [])]
    line = [*words, sys.executable, "-m", "hero_build", "upgrade"]
    return subprocess.run(line, env=stack.environ(), cwd=REPO, capture_output=True, timeout=120).returncode


@pytest.mark.skipif(bool(UNTRACEABLE), reason=UNTRACEABLE)
@pytest.mark.parametrize(("behaviour", "version"), [("ok", "v2"), ("exit:3", "v1")])
def test_killed_at_each_rename(stack: ServiceWorld, behaviour: str, version: str) -> None:
    stack.service("app", start_timeout=1.5)
    stack.install("app")
    stack.ok("start", "app")
    stack.release_of("app", "v2", behaviour)
    log = stack.folder / "strace.log"
    assert upgrade(stack, log) == (0 if version == "v2" else 9)
    pids = [line.split()[0] for line in log.read_text().splitlines() if re.search(r"\brename", line)]
    main = sum(pid == pids[0] for pid in pids)
    assert main > 4
    for number in range(1, main + 1, max(main // 3, 1)):
        stack.ok("install", "app", "--version", "v1", "--restart")
        stack.ok("start", "--reset", "app")
        upgrade(stack, log, f"inject={CALLS}:signal=KILL:when={number}")
        done = stack.run("start", "--reset", "app")
        assert done.code == 0, done.err
        service = stack.services()["app_server"]
        assert service["version_running"] == service["version_installed"], (number, done.err)
        assert service["version_running"] in ("v1", version), (number, done.err)
        assert not (stack.root.state / "upgrade.json").exists()
    stack.run("upgrade")
    assert stack.services()["app_server"]["version_running"] == version

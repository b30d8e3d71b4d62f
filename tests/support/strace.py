"""A command that strace kills at one of its system calls: by a rename every step of a change becomes visible."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.processes import LONG
from support.worlds import REPO, World

RENAMES = "?rename,?renameat,?renameat2"


def _untraceable() -> str:
    if shutil.which("strace") is None:
        return "strace is not installed (Debian package strace)"
    tried = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True)
    return f"ptrace is not permitted: {tried.stderr.strip()}" if tried.returncode else ""


UNTRACEABLE = _untraceable()
traced = pytest.mark.skipif(bool(UNTRACEABLE), reason=UNTRACEABLE)


def run(world: World, log: Path, *words: str, kill_at: int = 0) -> int:
    """Run `hero-build WORDS` under strace; its exit code, negative after a signal. `kill_at`: the rename at which it is
    killed.
    """
    inject = ["-e", f"inject={RENAMES}:signal=KILL:when={kill_at}"] if kill_at else []
    line = ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={RENAMES},execve", *inject]
    command = [*line, sys.executable, "-m", "hero_build", *words]
    environ = world.environ(PYTHONDONTWRITEBYTECODE="1")  # which renames files, too, where they are not there yet
    return subprocess.run(command, env=environ, cwd=REPO, capture_output=True, timeout=LONG).returncode


def renames(log: Path) -> int:
    """How many the command's own thread made."""
    lines = log.read_text().splitlines()
    own = lines[0].split()[0]  # which began as the program
    return sum(line.split()[0] == own for line in lines if re.search(r"\brename", line))

"""Mount namespaces: a command, or a function of a test module, run where other file systems are mounted."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.worlds import REPO

USER = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
NAMESPACE = ("unshare", *USER, "--mount")


def namespace(script: str, *words: str) -> tuple[str, ...]:
    """A prefix that runs a command after `script` in a mount namespace of its own."""
    mounted = subprocess.run([*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no mount namespace can be made here: {mounted.stderr.strip()}")
    return (*NAMESPACE, "sh", "-c", script, *words)


def inside(body: Callable[[Path], object], folder: Path, script: str, *words: str) -> None:
    """Run `body(folder)`, a function of a test module, after `script` in a mount namespace of its own."""
    module = Path(sys.modules[body.__module__].__file__ or "")
    call = f"import sys, pathlib, {module.stem} as here; here.{body.__name__}(pathlib.Path(sys.argv[1]))"
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join((str(REPO), str(REPO / "tests"), str(module.parent)))}
    command = [*namespace(script, *words), sys.executable, "-c", call, str(folder)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=800)
    assert done.returncode == 0, done.stderr

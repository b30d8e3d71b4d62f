"""What a test that failed has left open fails no other test."""

import os
import subprocess
import sys
from pathlib import Path

from support.worlds import REPO

TESTS = """import gc, socket

def test_that_fails():
    left = socket.socket()
    around = [left]
    around.append(around)
    raise ValueError

def test_that_is_innocent():
    gc.collect()
"""


def test_only_the_one_that_failed_has_failed(tmp_path: Path) -> None:
    (tmp_path / "test_two.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", "--rootdir", ".", "-v"]
    env = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
    env["PYTHONPATH"] = str(REPO / "tests")
    for more, failed in (["-p", "support.leftovers"], 1), ([], 2):
        done = subprocess.run([*command, *more], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.stdout.count(" FAILED ") == failed, done.stdout

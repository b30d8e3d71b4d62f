"""`make check` needs no network: its tests pass where there is none but loopback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
CHECKOUT = Path(__file__).parents[2]
LOOPBACK = """
import fcntl, os, socket, struct, sys
with socket.socket() as one:  # SIOCSIFFLAGS: IFF_UP | IFF_RUNNING, see netdevice(7)
    fcntl.ioctl(one, 0x8914, struct.pack("16sH14s", b"lo", 0x41, b""))
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def test_the_fast_tests_pass_without_a_network() -> None:
    alone = ("unshare", "--net") if os.geteuid() == 0 else ("unshare", "--map-root-user", "--net")
    pytest_words = ("-m", "pytest", "-q", "-n", "auto", "-m", "not slow", "-p", "no:cacheprovider")
    env = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
    command = [*alone, sys.executable, "-c", LOOPBACK, *pytest_words]
    done = subprocess.run(command, cwd=CHECKOUT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]

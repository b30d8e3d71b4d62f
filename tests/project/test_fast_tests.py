"""`make check` needs no network: its tests run where there is none but loopback."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from support import no_network

CHECKOUT = Path(__file__).parents[2]
INTERFACES = "import socket; print(*[name for _, name in socket.if_nameindex()])"
LOOPBACK = """
import fcntl, os, socket, struct, sys
with socket.socket() as one:  # SIOCSIFFLAGS: IFF_UP | IFF_RUNNING, see netdevice(7)
    fcntl.ioctl(one, 0x8914, struct.pack("16sH14s", b"lo", 0x41, b""))
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
IMPORTED_WITH = {name for _, name in socket.if_nameindex()}


def interfaces() -> set[str]:
    """Of this thread, of one that it starts, and of a program."""
    seen: list[str] = [name for _, name in socket.if_nameindex()]
    thread = threading.Thread(target=lambda: seen.extend(name for _, name in socket.if_nameindex()))
    thread.start()
    thread.join()
    output = subprocess.run([sys.executable, "-c", INTERFACES], capture_output=True, text=True, check=True).stdout
    return {*seen, *output.split()}


if no_network.possible():

    def test_a_fast_test_has_no_network() -> None:
        assert interfaces() == {"lo"}
        with socket.socket() as outside, pytest.raises(OSError, match="unreachable"):
            outside.connect(("192.0.2.1", 9))  # RFC 5737: nobody's

    def test_modules_of_tests_are_imported_without_a_network() -> None:
        assert {"lo"} == IMPORTED_WITH

    def test_it_has_loopback() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
            pass

    @pytest.mark.slow
    def test_a_slow_test_has_the_network_of_the_machine() -> None:
        assert os.readlink("/proc/thread-self/ns/net") == os.readlink(f"/proc/{os.getppid()}/ns/net")

else:

    @pytest.mark.slow
    @pytest.mark.timeout(1200)
    def test_the_fast_tests_pass_without_a_network() -> None:
        pytest_words = ("-m", "pytest", "-q", "-n", "auto", "-m", "not slow", "-p", "no:cacheprovider")
        env = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
        command = ["unshare", "--map-root-user", "--net", sys.executable, "-c", LOOPBACK, *pytest_words]
        done = subprocess.run(command, cwd=CHECKOUT, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-4000:]

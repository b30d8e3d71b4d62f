"""A port that a test chooses for something else to listen on is nobody else's until its process ends."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from support import ports

TESTS = Path(ports.__file__).parents[1]
RESERVE = "import sys; from support import ports; ports._reserve(int(sys.argv[1]))"


def reserved_by_another(port: int) -> bool:
    """Whether a process could have it, which has ended by now."""
    done = subprocess.run([sys.executable, "-c", RESERVE, str(port)], cwd=TESTS, capture_output=True, text=True)
    assert done.returncode == 0 or "Address already in use" in done.stderr
    return done.returncode == 0


def test_a_port_is_free_and_below_those_of_the_kernel() -> None:
    port = ports.free_port()
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert port < first
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_it_is_reserved_while_its_process_lives() -> None:
    port = ports.free_port()
    with pytest.raises(OSError, match="in use"):
        ports._reserve(port)
    assert not reserved_by_another(port)
    other = next(number for number in range(ports._FIRST, ports._END) if number != port and reserved_by_another(number))
    ports._reserve(other)

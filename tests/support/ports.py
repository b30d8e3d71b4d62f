"""Ports on which something is going to listen that a test does not start itself, or that ends and starts again.

They are below those that the kernel gives to connections and to whatever listens on port 0, so that none of these takes
one meanwhile. Of test processes that choose at the same time, each has its own: the name of a socket reserves a port
while its process lives.
"""

import random
import socket
from contextlib import suppress

_FIRST, _END = 20_000, 32_000  # the kernel gives 32768 and higher: net.ipv4.ip_local_port_range


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    while True:
        port = random.randrange(_FIRST, _END)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            _reserve(port)
            return port


def _reserve(port: int) -> None:
    """Fails if another process has it: abstract names are those of one network namespace, as ports are; see unix(7)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as kept:
        kept.bind(f"\0hero-build-test-port-{port}")
        kept.detach()

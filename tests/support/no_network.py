"""The fast tests need no network: each runs where there is nothing but loopback, in a network namespace of its worker.

The thread that runs the tests enters it before a fast test sets up and leaves it after that has torn down; what it
starts meanwhile, threads and programs, is in there, too. So a fast test that asks anybody else fails in every run.
The modules of all tests are imported in there.

Only root may do that here. For anybody else tests/project/test_fast_tests.py runs them once more.
"""

import ctypes
import fcntl
import functools
import os
import socket
import struct
import subprocess
from collections.abc import Generator

import pytest

_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


class _Namespaces:
    """The worker's own one and the one without a network, as open files; made at first use."""

    own = -1
    alone = -1


@functools.cache
def possible() -> bool:
    """Whether this process may leave its network, and return: root outside of a container."""
    return os.geteuid() == 0 and subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode == 0


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    if not possible():
        return (yield)
    _enter()
    try:
        return (yield)
    finally:
        _switch(_Namespaces.own)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool, bool]:
    if item.get_closest_marker("slow") or not possible():
        return (yield)
    _enter()
    try:
        return (yield)
    finally:
        _switch(_Namespaces.own)


def _enter() -> None:
    if _Namespaces.alone >= 0:
        _switch(_Namespaces.alone)
        return
    _Namespaces.own = _current()
    _check(_LIBC.unshare(_NEWNET))
    _Namespaces.alone = _current()
    with socket.socket() as one:  # SIOCSIFFLAGS: IFF_UP | IFF_RUNNING, see netdevice(7)
        fcntl.ioctl(one, 0x8914, struct.pack("16sH14s", b"lo", 0x41, b""))


def _current() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _switch(namespace: int) -> None:
    _check(_LIBC.setns(namespace, _NEWNET))


def _check(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

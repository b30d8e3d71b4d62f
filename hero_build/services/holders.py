"""Who holds a socket or a port: the process, its command and its user, from the kernel.

A Unix socket's listener is asked for by a connection (SO_PEERCRED, unix(7)); a port's by /proc/net/tcp and the file
descriptors of processes, of which other users' cannot be read.
"""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from hero_build.os_errors import raise_for_machine
from hero_build.supervisors import unix_socket

_CONNECT = 1.0  # seconds: the kernel accepts the connection, not the service
_LISTEN = "0A"
_CREDENTIALS = struct.Struct("3i")


class Holder(Struct, frozen=True):
    """`pid` is 0 where the process cannot be known: another user's, or one of another PID namespace."""

    pid: int
    command: str
    user: str

    def __str__(self) -> str:
        process = f"process {self.pid}, {self.command}" if self.pid else "a process that cannot be seen from here"
        return f"{process}, of user {self.user}"


def socket_holder(path: Path) -> Holder | None:
    """Who listens on a Unix socket; None: nobody. Raises OSError for one that may not be connected to."""
    try:
        with unix_socket.connect(path, _CONNECT) as sock:
            raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        return None
    pid, uid, _ = _CREDENTIALS.unpack(raw)
    return _holder(pid, uid)


def port_holder(port: int) -> Holder | None:
    """Who listens on a TCP port of this machine; None: nobody."""
    for inode, uid in _listeners(port):
        return _holder(_owner(inode), uid)
    return None


def process_command(pid: int) -> str:
    """A process's command line, at most 200 characters; its name where that cannot be read."""
    for file in ("cmdline", "comm"):
        try:
            words = Path(f"/proc/{pid}/{file}").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError as error:
            raise_for_machine(error)
            continue
        if words:
            return words[:200]
    return "?"


def user_name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _holder(pid: int, uid: int) -> Holder:
    return Holder(pid, process_command(pid) if pid else "", user_name(uid))


def _listeners(port: int) -> Iterator[tuple[str, int]]:
    """Inode and user of each socket that listens on a port (proc(5))."""
    for table in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        except OSError as error:
            raise_for_machine(error)
            continue
        for fields in map(str.split, lines):
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9], int(fields[7])


def _owner(inode: str) -> int:
    """The process that has a socket open; 0 where none can be seen."""
    target = f"socket:[{inode}]"
    for pid in (name for name in os.listdir("/proc") if name.isdecimal()):
        if target in _open_files(pid):
            return int(pid)
    return 0


def _open_files(pid: str) -> Iterator[str]:
    """What the descriptors of a process lead to; one that it closes meanwhile is left out, and no other."""
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError as error:  # it has ended, or is another user's
        raise_for_machine(error)
        return
    for name in names:
        with suppress(OSError):
            yield os.readlink(f"{folder}/{name}")

"""The socket that `serve` listens on: one server at a time, for this user only.

A lock file beside it decides who serves, since the kernel releases it however the server ends; the socket file that a
killed server left behind is replaced.
"""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hero_build.errors import LockHeld, MachineError, NotWritable
from hero_build.os_errors import machine_errors, raise_for_machine
from hero_build.settings import Settings
from hero_build.supervisors import unix_socket
from hero_build.system import filelock

FOLDER = "hero_build"
NAME = "service.sock"
_LOCK = "service.lock"
_BACKLOG = 1024
_CONNECT = 1.0  # seconds


def path_of(settings: Settings) -> Path:
    """`$HERO_SOCKET_DIR/hero_build/service.sock`."""
    return settings.sockets / FOLDER / NAME


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """A listening socket at `path`, mode 0600 in a folder of mode 0700; the file is removed at the end.

    Raises LockHeld where another server has it, MachineError.
    """
    _check_length(path)
    with machine_errors(path), _served(path), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        _remove_stale(path)
        mask = os.umask(0o177)
        try:
            server.bind(str(path))
        finally:
            os.umask(mask)
        server.listen(_BACKLOG)
        server.setblocking(False)
        inode = path.lstat().st_ino
        try:
            yield server
        finally:
            with suppress(OSError):
                if path.lstat().st_ino == inode:
                    path.unlink()


def _check_length(path: Path) -> None:
    if len(os.fsencode(path)) > unix_socket.MAX_ADDRESS:
        sentence = f"the path of the socket is over {unix_socket.MAX_ADDRESS} bytes, the most that a socket can have"
        raise MachineError(f"{sentence}: {path}", "Name a shorter folder with HERO_SOCKET_DIR.")


@contextmanager
def _served(path: Path) -> Iterator[None]:
    """Hold the lock of the one server."""
    _private_folder(path.parent)
    descriptor = os.open(path.parent / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if not filelock.attempt(descriptor) or _answers(path):
            hint = "Use that one, or stop it first (`systemctl --user stop hero-build` if a unit runs it)."
            raise LockHeld(f"another hero-build serves {path}", hint)
        yield
    finally:
        os.close(descriptor)


def _private_folder(folder: Path) -> None:
    """Only this user may reach what is in it: a wider mode is narrowed, another owner is refused."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat()
    if status.st_uid != os.geteuid():
        hint = "Move it away, or name another folder with HERO_SOCKET_DIR."
        raise NotWritable(f"{folder} belongs to another user (uid {status.st_uid})", hint)
    if stat.S_IMODE(status.st_mode) != 0o700:
        folder.chmod(0o700)


def _answers(path: Path) -> bool:
    """Whether somebody listens there without the lock, from another machine's view of this folder."""
    try:
        with unix_socket.connect(path, _CONNECT):
            return True
    except OSError as error:
        raise_for_machine(error)
        return False


def _remove_stale(path: Path) -> None:
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise NotWritable(f"{path} is in the way: it is not a socket", "Move it away, then run it again.")
    path.unlink()

"""Takes secrets out of where other processes of the same user can read them: /proc/<pid>/environ and memory.

unsetenv(3) removes a variable from the list, not its text from the block that the process was started with, which
/proc/<pid>/environ shows (proc(5): env_start and env_end in /proc/<pid>/stat).

A process that builds does not have the token at all: `restart_without_token` replaces the program by itself, with the
token in a sealed memory file (memfd_create(2)) that only this process and a git with the token can open.
"""

import fcntl
import os
import sys

from hero_build.system.environment import SEALED, SECRETS, TOKENS

TYPE_CHECKING = False  # the process that seals the token ends at once: contextlib alone would double its time
if TYPE_CHECKING:
    from collections.abc import Collection, MutableMapping

_PR_SET_DUMPABLE = 4
_ENV_START, _ENV_END = 47, 48  # fields 50 and 51 of /proc/<pid>/stat, counted from its third one
_MAX_BLOCK = 16 << 20
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def hide() -> None:
    """Zero the values of SECRETS in the block, and keep other processes of the user out of this one's memory.

    Without effect where the system does not allow it. What is in `os.environ` stays.
    """
    try:
        _erase(frozenset(name.encode() for name in SECRETS))
    except (OSError, ValueError, IndexError):
        return
    finally:
        _make_undumpable()


def restart_without_token() -> None:
    """Run this command anew in the same process, with the token in a sealed file, and without those that nobody uses.

    Returns where there is no (valid) token, or no such file or new start can be had.
    """
    token = os.environ.get(TOKENS[0], "").strip()
    if not token or any(not "!" <= character <= "~" for character in token):  # re would take longer than all of this
        return
    try:
        descriptor = sealed_file(token)
        os.set_inheritable(descriptor, True)
        kept = {name: value for name, value in os.environ.items() if name not in TOKENS}
        os.execve(sys.executable, sys.orig_argv, {**kept, SEALED: str(descriptor)})  # noqa: S606 - no shell
    except OSError:
        return


def take_sealed(environ: "MutableMapping[str, str]") -> int | None:
    """The descriptor of the token that `restart_without_token` sealed; its variable is removed. None: none was."""
    number = environ.pop(SEALED, "")
    try:
        descriptor = int(number)
        if fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) != _SEALS:
            return None
        os.set_inheritable(descriptor, False)
    except (OSError, ValueError):
        return None
    return descriptor


def sealed_file(value: str) -> int:
    """The descriptor of a memory file that has the value as its only line, and that nobody can change."""
    descriptor = os.memfd_create("hero-build", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(descriptor, f"{value}\n".encode())
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    return descriptor


def _erase(names: "Collection[bytes]") -> None:
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    start, end = int(fields[_ENV_START]), int(fields[_ENV_END])
    if not 0 < end - start <= _MAX_BLOCK:
        return
    memory = os.open("/proc/self/mem", os.O_RDWR | os.O_CLOEXEC)
    try:
        position = start
        for entry in os.pread(memory, end - start, start).split(b"\0"):
            name, separator, value = entry.partition(b"=")
            if separator and name in names:
                os.pwrite(memory, bytes(len(value)), position + len(name) + 1)
            position += len(entry) + 1
    finally:
        os.close(memory)


def _make_undumpable() -> None:
    """prctl(2): no ptrace, no core file, and /proc/<pid>/mem, environ and fd are closed to others of the same user."""
    import ctypes  # only for those that have a secret

    try:
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    except (OSError, AttributeError):
        return

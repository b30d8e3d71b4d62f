"""Started by a supervisor in place of a service's program: `python -I -S exec_shim.py FILE`.

Reads FILE (see exec_file.py), which names a file with the environment, then becomes the program: same process, so that
/proc/<pid>/exe is the installed file. It stands alone: a copy is kept in the root and run by the base interpreter, so
that services start when hero-build's own environment is gone. Only the standard library, and little of it.

Exit codes as a shell's: 126 the program cannot be executed, 127 it or a file is missing.
"""

import os
import sys
import time

_PR_SET_PDEATHSIG = 1
_SIGTERM, _SIGKILL = 15, 9
_STARTS_BYTES = 1 << 16
_LOG_BYTES, _LOG_BACKUPS = 10 << 20, 3


def main(path: str) -> None:
    held, parent_pid_file, log, starts, env_file, folder, count, *words = _fields(path)
    sockets, command = words[: int(count)], words[int(count) :]
    if held and os.path.exists(held):
        _fail("it is stopped, and `hero-build start` starts it", 0)
    if log:
        _write_to(log)
    environment = _environment(env_file) if env_file else dict(os.environb)
    if starts:
        _end_earlier(starts, environment)
        _record_start(starts)
    if parent_pid_file:
        _die_with_parent(parent_pid_file)
    for socket in sockets:
        _remove_stale(socket)
    try:
        os.chdir(folder)
    except OSError as error:
        _fail(f"the working folder {os.fsdecode(folder)} cannot be entered: {error.strerror}", 127)
    try:
        os.execve(command[0], command, environment)  # noqa: S606  (without a shell is what is meant)
    except OSError as error:
        code = 127 if isinstance(error, FileNotFoundError) else 126
        _fail(f"{os.fsdecode(command[0])} cannot be started: {error.strerror}", code)


def _environment(path: bytes) -> "dict[bytes, bytes]":
    return dict(entry.partition(b"=")[::2] for entry in _fields(path))


def _fields(path: "str | bytes") -> "list[bytes]":
    """The fields of a file, each ended by a NUL byte."""
    try:
        with open(path, "rb") as file:
            return file.read().split(b"\0")[:-1]
    except OSError as error:
        _fail(f"{os.fsdecode(path)} cannot be read: {error.strerror}", 127)
        return []


def _write_to(log: bytes) -> None:
    """Append stdout and stderr to a file, which is rotated first if it is large."""
    try:
        if os.path.exists(log) and os.path.getsize(log) > _LOG_BYTES:
            for number in range(_LOG_BACKUPS, 0, -1):
                older = log + b".%d" % (number - 1) if number > 1 else log
                if os.path.exists(older):
                    os.replace(older, log + b".%d" % number)
        descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    except OSError as error:
        _fail(f"{os.fsdecode(log)} cannot be opened: {error.strerror}", 127)
        return
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def _end_earlier(starts: bytes, environment: "dict[bytes, bytes]") -> None:
    """End what earlier starts of the service have left: a supervisor that counts no starts leaves it alive, too."""
    marks = {name + b"=" + environment[name] for name in (b"HERO_SERVICE", b"HERO_ROOT") if name in environment}
    for number, seconds in ((_SIGTERM, 2.0), (_SIGKILL, 2.0)):
        end = time.monotonic() + seconds
        pids = _left(starts, marks) if len(marks) == 2 else []
        for pid in pids:
            _send(pid, number)
        while pids and time.monotonic() < end:
            time.sleep(0.02)
            pids = _left(starts, marks)


def _left(starts: bytes, marks: "set[bytes]") -> "list[int]":
    """The processes of the groups that earlier starts led, and that have the service's variables."""
    left: list[int] = []
    try:
        with open(starts, "rb") as file:
            groups = {int(line.split()[0]) for line in file} - {os.getpid()}
    except OSError:
        return []
    for name in filter(str.isdecimal, os.listdir("/proc")) if groups else ():
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                group = int(file.read().rpartition(b")")[2].split()[2])
            if group in groups:
                with open(f"/proc/{name}/environ", "rb") as file:
                    left += [int(name)] if marks <= set(file.read().split(b"\0")) else []
        except OSError:  # it has ended
            continue
    return left


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except OSError:  # it has ended
        return


def _record_start(path: bytes) -> None:
    """Append the process and the time, in seconds since 1970, for a supervisor that counts no restarts."""
    try:
        with open(path, "ab") as file:
            if file.tell() < _STARTS_BYTES:
                file.write(b"%d %.6f\n" % (os.getpid(), time.time()))
    except OSError:  # a full disk stops no service
        return


def _die_with_parent(pid_file: bytes) -> None:
    """Get SIGTERM when the supervisor ends: what it leaves behind would write into closed pipes (prctl(2))."""
    import ctypes  # 10 ms, and only here

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGTERM)
    with open(pid_file, "rb") as file:
        if int(file.read()) != os.getppid():
            _fail("the supervisor has ended", 127)


def _remove_stale(path: bytes) -> None:
    """Remove the socket of a process that was killed: not every program binds one that exists."""
    try:
        if os.lstat(path).st_mode & 0o170000 != 0o140000:  # S_IFSOCK
            return
        import _socket  # 5 ms less than socket

        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        connection.settimeout(1)
        connection.connect(path)
    except ConnectionRefusedError:
        os.unlink(path)
    except OSError:  # none there, or another user's: the program says what it cannot bind
        return


def _fail(sentence: str, code: int) -> None:
    os.write(2, os.fsencode(f"hero-build: {sentence}\n"))
    os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1])

"""Child processes: a clean environment, lines as they arrive, and no process left behind.

Every child leads a process group and a session of its own: what ends a command ends all that the child started.
"""

import os
import re
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING, BinaryIO, Literal

from msgspec import Struct

from hero_build.errors import MachineError, MissingTool, ToolFailed
from hero_build.os_errors import TOO_FEW_THREADS, machine_errors, raise_for_machine
from hero_build.system.environment import GIT_LOCAL, SEALED, SECRETS

if TYPE_CHECKING:
    from subprocess import Popen as Popen  # costs 3 ms; a no-op that starts nothing need not pay

TAIL = 200
"""How many of the last lines of output an error has."""
_HIDDEN = frozenset((*SECRETS, SEALED, *GIT_LOCAL))
_END_OF_LINE = rb"\r?\n|\r"
_MAX_LINE = 1 << 20  # bytes; a longer line is split
_POLL = 0.1
_STOP_SIGNALS = ((signal.SIGINT, 0.4), (signal.SIGTERM, 0.2))  # a command ends within a second of an interrupt
_busy: set[int] = set()  # the threads that start or follow a child
_groups: set[int] = set()  # the process groups of the children that are followed
_INSTALL_HINTS = {
    "git": "Install git (Debian, Ubuntu: `apt install git`; Fedora: `dnf install git`).",
    "cargo": "Install Rust with rustup (https://rustup.rs), then open a new shell.",
    "rustc": "Install Rust with rustup (https://rustup.rs), then open a new shell.",
}

Line = Callable[[str], None]


class Cancelled(BaseException):  # like KeyboardInterrupt: `except Exception` does not catch it
    """The work was cancelled while a child ran; the child and all that it started have ended."""


class ProcessResult(Struct, frozen=True):
    """How a child ended: its exit code (negative: the signal), and the last lines it wrote, 200 at most."""

    code: int
    tail: tuple[str, ...]


class OutputWatch(Struct, frozen=True):
    """How a caller follows a running child.

    on_line: called with each line of its stdout and stderr. A line that ends in a carriage return alone (a progress
    bar) is passed on, but kept neither in the tail nor in the log.
    on_stdout: where stdout is data: called with its lines, which on_line, tail and log then do not get.
    log: a file for all lines that are kept, overwritten, or appended to (`more`).
    cancelled: called ten times a second; True ends the child.
    """

    on_line: Line | None = None
    on_stdout: Line | None = None
    log: Path | None = None
    cancelled: Callable[[], bool] | None = None
    more: bool = False


UNWATCHED = OutputWatch()


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a child: this process's own without tokens and without what git sets for hooks."""
    kept = {name: value for name, value in os.environ.items() if name not in _HIDDEN}
    return {**kept, **(more or {})}


def find(program: str, env: Mapping[str, str] | None = None) -> Path:
    """Where a program is. Raises MissingTool, whose hint says what to install."""
    path = (os.environ if env is None else env).get("PATH")
    import shutil  # not at the top: it loads four compressors

    location = shutil.which(program, path=path)
    if location is None:
        hint = _INSTALL_HINTS.get(Path(program).name, f"Install {Path(program).name}, or add its folder to PATH.")
        raise MissingTool(f"{Path(program).name} is not on this machine", hint)
    return Path(location)


def run(
    command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], watch: OutputWatch = UNWATCHED
) -> ProcessResult:
    """Run a program to its end. An interrupt ends its whole process group, then propagates.

    `env` is the child's whole environment. Raises MissingTool, ToolFailed (it does not start), Cancelled, MachineError.
    """
    import subprocess

    words = [str(find(str(command[0]), env)), *(str(word) for word in command[1:])]
    pipe, null = subprocess.PIPE, subprocess.DEVNULL

    with announced(watch):
        try:
            child = subprocess.Popen(
                words, cwd=cwd, env=dict(env), stdin=null, stdout=pipe, stderr=pipe, start_new_session=True
            )
        except OSError as error:
            raise_for_machine(error)
            if isinstance(error, BlockingIOError):  # fork(2), EAGAIN
                raise MachineError(*TOO_FEW_THREADS) from error
            sentence = f"{words[0]} cannot be started in {cwd}: {error.strerror}"
            raise ToolFailed(sentence, "Is it a program for this machine?") from error
        return attend(child, watch)


def capture(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    cancelled: Callable[[], bool] | None = None,
) -> str:
    """What a short query writes to stdout. Raises as `run`, and ToolFailed when it ends with another code than 0."""
    lines: list[str] = []
    done = run(command, cwd=cwd, env=env, watch=OutputWatch(on_stdout=lines.append, cancelled=cancelled))
    if done.code:
        name = " ".join((Path(command[0]).name, *(str(word) for word in command[1:3])))
        last_line = f": {done.tail[-1]}" if done.tail else ""
        sentence = f"`{name}` ended with {done.code} in {cwd}{last_line}"
        raise ToolFailed(sentence, "Run it there by hand to see more.", status=done.code, tail=done.tail)
    return "\n".join(lines)


@contextmanager
def announced(watch: OutputWatch) -> Iterator[None]:
    """Around the start of a child and `attend`: `end_children` waits for its end. Raises Cancelled."""
    _busy.add(get_ident())
    try:
        if watch.cancelled is not None and watch.cancelled():
            raise Cancelled
        yield
    finally:
        _busy.discard(get_ident())


def end_children() -> None:
    """Wait for the end of the children of other threads, which are cancelled; kill those that take too long."""
    end = time.monotonic() + sum(seconds for _, seconds in _STOP_SIGNALS) + 2 * _POLL
    try:
        while (_busy or _groups) and time.monotonic() < end:
            time.sleep(_POLL / 10)
    finally:
        for group in tuple(_groups):
            _signal(group, signal.SIGKILL)


def attend(child: "Popen[bytes]", watch: OutputWatch) -> ProcessResult:
    """Follow a child that leads its own process group, with pipes as stdout and stderr, to its end."""
    tail: deque[str] = deque(maxlen=TAIL)
    _groups.add(child.pid)
    with child:
        try:
            with _open_log(watch.log, "a" if watch.more else "w") as log:
                for line, data, kept in _lines(child, watch):
                    if data and watch.on_stdout is not None:
                        watch.on_stdout(line)
                        continue
                    if kept:
                        tail.append(line)
                        log(line)
                    if watch.on_line is not None:
                        watch.on_line(line)
            return ProcessResult(child.wait(), tuple(tail))
        except BaseException:
            stop(child)
            raise
        finally:
            _groups.discard(child.pid)


def stop(child: "Popen[bytes]") -> None:
    """End a child that leads a process group, and the whole group: SIGINT, SIGTERM, then SIGKILL."""
    if child.returncode is not None:
        return
    try:
        for number, seconds in _STOP_SIGNALS:
            _signal(child.pid, number)
            if _has_ended(child.pid, seconds):
                return
    finally:  # before the leader is reaped, so that the group's number is still its own
        _signal(child.pid, signal.SIGKILL)
        child.wait()


def _signal(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _has_ended(pid: int, seconds: float = 0) -> bool:
    """Whether a child has ended, without reaping it; waits up to `seconds`."""
    end = time.monotonic() + seconds
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() >= end:
            return False
        time.sleep(_POLL / 4)
    return True


@contextmanager
def _open_log(log: Path | None, mode: Literal["a", "w"]) -> Iterator[Line]:
    if log is None:
        yield lambda line: None
        return
    with machine_errors(log.parent):
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open(mode, encoding="utf-8", errors="surrogateescape") as file:
            yield lambda line: print(line, file=file)


def _lines(child: "Popen[bytes]", watch: OutputWatch) -> Iterator[tuple[str, bool, bool]]:
    """Each line, whether it came from stdout, and whether it is kept (and not a progress bar)."""
    rest: dict[BinaryIO, bytes] = {}
    last: dict[BinaryIO, bytes] = {}
    for pipe, chunk in _chunks(child, watch):
        start = last.get(pipe, b"") if chunk.startswith(b"\n") else rest.get(pipe, b"")  # a \r\n in two chunks
        *lines, rest[pipe] = _split(start + chunk)
        if len(rest[pipe]) > _MAX_LINE:
            lines, rest[pipe] = [*lines, rest[pipe] + b"\n"], b""
        last[pipe] = lines[-1] if lines and lines[-1].endswith(b"\r") and not rest[pipe] else rest[pipe]
        for line in lines:
            yield _text(line), pipe is child.stdout, line.endswith(b"\n")
    for pipe, text in rest.items():
        if text:
            yield _text(text), pipe is child.stdout, True


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r\n")


def _split(text: bytes) -> list[bytes]:
    """Lines with their line ends, and what follows the last one."""
    cuts = [0, *(match.end() for match in re.finditer(_END_OF_LINE, text)), len(text)]
    return [text[start:end] for start, end in pairwise(cuts)]


def _chunks(child: "Popen[bytes]", watch: OutputWatch) -> Iterator[tuple[BinaryIO, bytes]]:
    """The output as it arrives, until the child ends: a daemon that it leaves behind may hold the pipes open."""
    import selectors

    ended = False
    with selectors.DefaultSelector() as selector:
        for pipe in (child.stdout, child.stderr):
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ, pipe)
        while selector.get_map():
            if watch.cancelled is not None and watch.cancelled():
                raise Cancelled
            ready = selector.select(0 if ended else _POLL)
            if not ready and ended:
                break
            ended = ended or (not ready and _has_ended(child.pid))  # its last words may have come since the select
            for key, _ in ready:
                chunk = os.read(key.fd, 1 << 16)
                if chunk:
                    yield key.data, chunk
                else:
                    selector.unregister(key.fileobj)

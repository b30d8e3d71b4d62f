"""Where the time of a command goes: a run under bench/sampler.py, its samples sorted into kinds of work.

A sample's time is shared among the threads by the processor time that they have used since the one before. In the rest
of it the command waited: for the network, the disk, or a program it started.
"""

import linecache
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bench.measure import Command, Peer, once, seconds
from bench.result import Row

INTERPRETER, IMPORTS, OTHER, WAITING = "interpreter", "imports", "command line and answer", "waiting"
NETWORK, HASH, WRITE, SYNC, COMMIT = "network", "hash", "write", "sync", "commit"
PLANNING, CHECKS = "planning", "checks"
KINDS = (INTERPRETER, IMPORTS, OTHER, PLANNING, NETWORK, HASH, WRITE, SYNC, CHECKS, COMMIT, "git", "cargo")
"""In the order of the bars; other programs and what waits come after these."""
_SAMPLER = Path(__file__).with_name("sampler.py")
_RUNS = 3
_IDLE = ("threading.py", "queue.py", "selectors.py", "subprocess.py", "concurrent/futures/")
_LINES = (
    (HASH, ("sha256.update(", "digest.update(", "file_digest(", "hasher.update(")),
    (SYNC, ("fsync(", "syncfs(", "os.sync(", "sync_file_range(")),
    (WRITE, ("os.write(", "pwrite(", "posix_fadvise(", "copy_file_range(", "copyfile", "write_bytes(", ".writev(")),
)
_FILES = (
    (IMPORTS, ("<frozen importlib",)),
    (NETWORK, ("forge/deadline_socket.py", "forge/http_", "socket.py", "ssl.py")),
    (HASH, ("hashlib.py",)),
    (COMMIT, ("hero_build/install/",)),
    (CHECKS, ("hero_build/verify/",)),
    (PLANNING, ("hero_build/pipeline/", "hero_build/forge/", "hero_build/catalog/", "hero_build/source/", "recipes/")),
    (OTHER, ("hero_build/cli/", "hero_build/output/", "hero_build/ops/", "hero_build/queries/", "hero_build/publish/")),
)
Frame = tuple[str, str, int]


class Notes(Struct, frozen=True):
    """What the sampler writes: the seconds until its first line, and its samples; a thread is its
    identity, its stack, and the seconds for which it ran.
    """

    start: float
    stacks: tuple[tuple[Frame, ...], ...]
    samples: tuple[tuple[float, tuple[tuple[int, int, float | None], ...], tuple[str, ...]], ...]


def profile(peer: Peer, runs: int = _RUNS) -> dict[str, float]:
    """The seconds of each kind of work in a run of hero-build, the mean of several. They take longer than alone."""
    total: Counter[str] = Counter()
    if runs > 1:
        once(peer, seconds)  # what only the first run does, such as leaving a receipt, is not part of it
    for _ in range(runs):
        once(peer, lambda command: _add(total, command))
    return {kind: round(total[kind] / runs, 5) for kind in sorted(total, key=_rank) if total[kind] / runs > 1e-4}


def profiled(row: Row, peer: Peer, runs: int = _RUNS) -> Row:
    """The row with a profile of its peer hero-build."""
    return replace(row, profile=profile(peer, runs))


def _add(total: "Counter[str]", command: Command) -> float:
    with tempfile.TemporaryDirectory(prefix="hero-bench-") as folder:
        out = Path(folder) / "notes.json"
        took = seconds(_sampled(command, out))
        notes = msgspec.json.decode(out.read_bytes(), type=Notes)
    total.update(kinds(notes))
    return took


def _sampled(command: Command, out: Path) -> Command:
    python = Path(command.argv[0]).with_name("python")
    words = (str(python), "-P", str(_SAMPLER), str(out), str(time.monotonic()))
    return Command((*words, *command.argv), command.env, command.cwd)


def kinds(notes: Notes) -> dict[str, float]:
    """The seconds of each kind of work."""
    total: dict[str, float] = {INTERPRETER: notes.start}
    before: dict[int, str] = {}
    for took, threads, children in notes.samples:
        now = {ident: kind_of(notes.stacks[at]) for ident, at, _ in threads}
        halves = [
            (kinds.get(ident, now[ident]), (used or 0.0) / 2) for kinds in (before, now) for ident, _, used in threads
        ]
        before = now
        for kind, share in _shares(took, halves, children):
            total[kind] = total.get(kind, 0.0) + share
    return total


def _shares(took: float, threads: Sequence[tuple[str, float]], children: Sequence[str]) -> Iterator[tuple[str, float]]:
    """One sample's time: what threads have used of it, where they were at its start and at its end, and then what was
    waited for.
    """
    busy = sum(used for _, used in threads)
    on = min(took, busy)
    for kind, used in threads:
        if used:
            yield kind, on * used / busy
    waited_for = list(children) or [kind for kind, _ in threads if kind in (NETWORK, SYNC, WRITE)] or [WAITING]
    for kind in waited_for:
        yield kind, (took - on) / len(waited_for)


@cache
def kind_of(stack: tuple[Frame, ...]) -> str:
    """The kind of work of the innermost frame that has one."""
    for file, _, line in stack:
        text = linecache.getline(file, line)
        for kind, marks in _LINES:
            if any(mark in text for mark in marks):
                return kind
        if any(part in file for part in _IDLE) or (file.endswith("system/process.py") and "read" in text):
            return WAITING
        for kind, parts in _FILES:
            if any(part in file for part in parts):
                return kind
    return OTHER


def _rank(kind: str) -> int:
    return KINDS.index(kind) if kind in KINDS else len(KINDS) + (kind == WAITING)

"""Where the time of a command goes: a run under bench/sampler.py, its samples sorted into kinds of work.

A sample's time is shared among the threads, and the programs that they have started, by the processor time that they
have used since the one before. In the rest of it the command waited: for the network, the disk, or a program.
"""

import os
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from bench.kinds import (
    COMPILERS,
    INTERPRETER,
    NETWORK,
    OTHER,
    PROGRAMS,
    SERVICES,
    SYNC,
    WAITING,
    WRITE,
    Frame,
    kind_of,
    program_kind,
    rank,
)
from bench.measure import Command, Peer, once, seconds
from bench.result import Row

_SAMPLER = Path(__file__).with_name("sampler.py")
_RUNS = 3
_SMALL = 0.01  # of all time: a program that takes less is not named
_PACK = ".pyz"


class Notes(Struct, frozen=True):
    """What the sampler writes: when the command was started by the monotonic clock, the seconds until its first line,
    by the clock and of processor, those of processor that sampling took, and its samples; a thread is its identity,
    its stack, and the seconds for which it ran, a program its name and seconds.
    """

    begin: float
    start: float
    start_processor: float
    cost: float
    stacks: tuple[tuple[Frame, ...], ...]
    samples: tuple[tuple[float, tuple[tuple[int, int, float | None], ...], tuple[tuple[str, float], ...] | None], ...]

    @property
    def whole(self) -> float:
        """From the start of the command to its end, in seconds."""
        return self.start + sum(took for took, _, _ in self.samples)


class Times(Struct, frozen=True):
    """The seconds of each kind of work by the clock, those of processor, and in how many a compiler ran."""

    clock: Mapping[str, float]
    processor: Mapping[str, float]
    compiling: float


def sums() -> "defaultdict[str, float]":
    """Seconds by kind of work, to add to."""
    return defaultdict(float)


class _Group(Struct):
    """The samples between two looks at the programs. `rest`: where threads waited in the time that none has used."""

    took: float = 0.0
    used: "defaultdict[str, float]" = field(default_factory=sums)
    rest: "defaultdict[str, float]" = field(default_factory=sums)
    programs: tuple[tuple[str, float], ...] = ()

    def shares(self) -> Iterator[tuple[str, float]]:
        """Its time by the clock: what was used of it, and then what was waited for."""
        programs = sums()
        for name, used in self.programs:
            programs[program_kind(name)] += used
        busy = sums()
        for kind, used in (*self.used.items(), *programs.items()):
            busy[kind] += used
        on = min(self.took, sum(busy.values()))
        yield from _split(on, busy)
        others = programs if any(programs.values()) else self.rest if any(self.rest.values()) else {WAITING: 1.0}
        yield from _split(self.took - on, others)


class Recorder:
    """Measures how long commands take; runs of hero-build are sampled at the same time, and kept.

    follow: processes that work for hero-build without being its children.
    """

    def __init__(self, follow: Sequence[int] = (), notes: Iterable[Notes] = ()) -> None:
        self.notes = list(notes)
        self._follow = follow

    def __call__(self, command: Command) -> float:
        if Path(command.argv[0]).name != "hero-build" and not command.argv[0].endswith(_PACK):
            return seconds(command)
        with self.watching(command) as sampled:
            seconds(sampled)
        return self.notes[-1].whole

    @contextmanager
    def watching(self, command: Command) -> Iterator[Command]:
        """The command with a sampler, for a block in which it runs to its end."""
        with tempfile.TemporaryDirectory(prefix="hero-bench-") as folder:
            out = Path(folder) / "notes.json"
            yield _sampled(command, out, self._follow)
            self.keep(msgspec.json.decode(out.read_bytes(), type=Notes))

    def keep(self, notes: Notes) -> None:
        """Its lines of source are read now: they may be gone afterwards."""
        self.notes.append(notes)
        for stack in notes.stacks:
            kind_of(stack)

    def times(self, runs: int | None = None) -> Times:
        """The mean of the runs, or of `runs` that have several parts."""
        return mean([times(notes) for notes in self.notes], runs)

    def onto(self, row: Row, runs: int | None = None) -> Row:
        """The row with the profile of the runs that it was measured by, or of one that were so many."""
        each = [times(notes) for notes in self.notes]
        total = mean(each, runs)
        cost = sum(notes.cost for notes in self.notes) / sum(sum(one.processor.values()) for one in each)
        return replace(row, profile=total.clock, processor=total.processor, sampled=round(cost, 4))


def profile(peer: Peer, runs: int = _RUNS) -> Times:
    """Of runs of hero-build beside those that are measured. They take longer than alone."""
    if runs > 1:
        once(peer, seconds)  # what only the first run does, such as leaving a receipt, is not part of it
    recorder = Recorder()
    for _ in range(runs):
        once(peer, recorder)
    return recorder.times()


def profiled(row: Row, peer: Peer, runs: int = _RUNS) -> Row:
    """The row with a profile of its peer hero-build."""
    times = profile(peer, runs)
    return replace(row, profile=times.clock, processor=times.processor)


def _sampled(command: Command, out: Path, follow: Iterable[int] = ()) -> Command:
    """The command with its notes going to `out`. A pack is run by the Python that it would find."""
    path = command.env.get("PATH", os.defpath)
    python = shutil.which("python3", path=path) or "python3"
    if not command.argv[0].endswith(_PACK):
        python = str(Path(command.argv[0]).with_name("python"))
    words = (python, "-P", str(_SAMPLER), str(out), str(time.monotonic()), ",".join(map(str, follow)))
    return Command((*words, *command.argv), command.env, command.cwd)


def within(notes: Notes, first: float, last: float) -> Notes:
    """The samples between two moments of the monotonic clock."""
    ends = accumulate((took for took, _, _ in notes.samples), initial=notes.begin + notes.start)
    next(ends)
    kept = tuple(sample for sample, end in zip(notes.samples, ends, strict=True) if first < end <= last)
    return replace(notes, start=0.0, start_processor=0.0, samples=kept)


def times(notes: Notes) -> Times:
    clock, processor, compiling = sums(), sums(), 0.0
    clock[INTERPRETER], processor[INTERPRETER] = notes.start, notes.start_processor
    for group in _groups(notes):
        for kind, share in group.shares():
            clock[kind] += share
        for kind, used in group.used.items():
            processor[OTHER if kind == WAITING else kind] += used
        for name, used in group.programs:
            processor[program_kind(name)] += used
        if any(program_kind(name) in COMPILERS for name, _ in group.programs):
            compiling += group.took
    return Times(clock, processor, compiling)


def mean(several: Sequence[Times], runs: int | None = None) -> Times:
    """Of several runs, or of `runs` that have several parts; programs that hardly take time are not named."""
    clock, processor = (
        _added(kinds) for kinds in zip(*((each.clock, each.processor) for each in several), strict=True)
    )
    least = _SMALL * sum(clock.values())
    small = {kind for kind, took in clock.items() if rank(kind) >= rank(PROGRAMS) and kind != WAITING and took < least}
    number = runs or len(several)
    return Times(
        _rounded(clock, small, number), _rounded(processor, small, number), sum(t.compiling for t in several) / number
    )


def _added(several: Iterable[Mapping[str, float]]) -> Mapping[str, float]:
    total = sums()
    for one in several:
        for kind, took in one.items():
            total[kind] += took
    return total


def _rounded(total: Mapping[str, float], small: set[str], number: int) -> dict[str, float]:
    merged = sums()
    for kind, took in total.items():
        merged[PROGRAMS if kind in small else kind] += took / number
    return {kind: round(merged[kind], 5) for kind in sorted(merged, key=rank) if merged[kind] > 1e-5}


def _groups(notes: Notes) -> Iterator[_Group]:
    """The threads are where they were at a sample's start for half of its time, and where they are at its end."""
    group, before = _Group(), dict[int, str]()
    for took, threads, programs in notes.samples:
        now = {ident: kind_of(notes.stacks[at]) for ident, at, _ in threads}
        used = sums()
        for ident, _, ran in threads:
            for kind in (before.get(ident, now[ident]), now[ident]):
                used[kind] += (ran or 0.0) / 2
        before = now
        group.took += took
        for kind, share in used.items():
            group.used[kind] += share
        waits = [kind for kind in now.values() if kind in (NETWORK, SYNC, WRITE, SERVICES)] or [WAITING]
        for kind in waits:
            group.rest[kind] += max(took - sum(used.values()), 0.0) / len(waits)
        if programs is not None:
            group.programs = programs
            yield group
            group = _Group()
    if group.took:
        yield group


def _split(seconds: float, weights: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    total = sum(weights.values())
    for kind, weight in weights.items():
        if total and weight > 0:
            yield kind, seconds * weight / total

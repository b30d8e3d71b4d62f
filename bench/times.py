"""What the samples of a run say: the seconds of each kind of work, and in which of them cores had nothing to do.

A sample's time is shared among the threads, and the programs that they have started, by the processor time that they
have used since the one before. In the rest of it the command waited: for the network, the disk, or a program.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from msgspec import Struct, field
from msgspec.structs import asdict, replace

from bench.kinds import (
    CARGO,
    COMPILERS,
    INTERPRETER,
    NETWORK,
    PROGRAMS,
    RUSTC,
    SCCACHE,
    SERVICES,
    SYNC,
    THREADS,
    WAITING,
    WRITE,
    Frame,
    kind_of,
    program_kind,
    rank,
)

_SMALL = 0.01  # of all time: a program that takes less is not named
_GRAPH, _TOOLS, _ALONE = "graph", "tools", "alone"


class Program(Struct, frozen=True, array_like=True):
    """A program below: its name, the seconds for which it ran since the last look, and whether it still runs."""

    name: str
    used: float
    runs: bool


class Look(Struct, frozen=True, array_like=True):
    """At the programs below, and at the seconds for which the machine's cores had nothing to do since the last one."""

    programs: tuple[Program, ...]
    idle: float


class Sample(Struct, frozen=True, array_like=True):
    """The seconds since the sample before; threads: identity, stack, seconds for which each ran."""

    took: float
    threads: tuple[tuple[int, int, float | None], ...]
    look: Look | None = None


class Notes(Struct, frozen=True):
    """What the sampler writes: when the command was started by the monotonic clock, the seconds until its first line,
    by the clock and of processor, those of processor that sampling took, and its samples.
    """

    begin: float
    start: float
    start_processor: float
    cost: float
    stacks: tuple[tuple[Frame, ...], ...]
    samples: tuple[Sample, ...]

    @property
    def whole(self) -> float:
        """From the start of the command to its end, in seconds."""
        return self.start + sum(sample.took for sample in self.samples)


class Idle(Struct, frozen=True):
    """The seconds for which cores had nothing to do, of all cores together.

    graph: a compiler runs, and cargo waits for it before it starts the next. tools: a compiler or a wasm tool runs,
    and no cargo. alone: neither.
    """

    graph: float = 0.0
    tools: float = 0.0
    alone: float = 0.0


class Times(Struct, frozen=True):
    """The seconds of each kind of work by the clock and of processor, those in which a compiler ran, and idle ones."""

    clock: Mapping[str, float]
    processor: Mapping[str, float]
    compiling: float
    idle: Idle = Idle()


def sums() -> "defaultdict[str, float]":
    """Seconds by kind of work, to add to."""
    return defaultdict(float)


class _Group(Struct):
    """The samples between two looks at the programs. `rest`: where threads waited in the time that none has used."""

    took: float = 0.0
    used: "defaultdict[str, float]" = field(default_factory=sums)
    rest: "defaultdict[str, float]" = field(default_factory=sums)
    look: Look = Look((), 0.0)

    @property
    def running(self) -> set[str]:
        """The kinds of the programs that run at its end."""
        return {program_kind(program.name) for program in self.look.programs if program.runs}

    def programs(self) -> "defaultdict[str, float]":
        """What each kind of program has used. What began and ended between two looks has no name: cargo's is rustc."""
        used, unseen = sums(), RUSTC if CARGO in self.running else PROGRAMS
        for program in self.look.programs:
            used[program_kind(program.name) if program.name else unseen] += program.used
        return used

    def shares(self) -> Iterator[tuple[str, float]]:
        """Its time by the clock: what was used of it, and then what was waited for."""
        programs = self.programs()
        busy = sums()
        for kind, used in (*self.used.items(), *programs.items()):
            busy[kind] += used
        on = min(self.took, sum(busy.values()))
        yield from _split(on, busy)
        others = programs if any(programs.values()) else self.rest if any(self.rest.values()) else {WAITING: 1.0}
        yield from _split(self.took - on, others)

    def idle(self) -> str:
        """Which kind of idle time it has (`Idle`)."""
        if CARGO in self.running and self.running & {*COMPILERS, SCCACHE}:
            return _GRAPH
        return _TOOLS if self.running & {*COMPILERS} else _ALONE


def within(notes: Notes, first: float, last: float) -> Notes:
    """The samples between two moments of the monotonic clock."""
    ends = accumulate((sample.took for sample in notes.samples), initial=notes.begin + notes.start)
    next(ends)
    kept = tuple(sample for sample, end in zip(notes.samples, ends, strict=True) if first < end <= last)
    return replace(notes, start=0.0, start_processor=0.0, samples=kept)


def times(notes: Notes) -> Times:
    clock, processor, idle, compiling = sums(), sums(), sums(), 0.0
    clock[INTERPRETER], processor[INTERPRETER] = notes.start, notes.start_processor
    for group in _groups(notes):
        for kind, share in group.shares():
            clock[kind] += share
        for kind, used in group.used.items():
            processor[kind] += used
        for kind, used in group.programs().items():
            processor[kind] += used
        idle[group.idle()] += group.look.idle
        if group.running & {*COMPILERS}:
            compiling += group.took
    return Times(clock, processor, compiling, Idle(**idle))


def mean(several: Sequence[Times], runs: int | None = None) -> Times:
    """Of several runs, or of `runs` that have several parts; programs that hardly take time are not named."""
    clock, processor = _added(one.clock for one in several), _added(one.processor for one in several)
    least = _SMALL * sum(clock.values())
    small = {kind for kind, took in clock.items() if rank(kind) >= rank(PROGRAMS) and kind != WAITING and took < least}
    number = runs or len(several)
    idle = _added(asdict(one.idle) for one in several)
    return Times(
        _rounded(clock, small, number),
        _rounded(processor, small, number),
        sum(one.compiling for one in several) / number,
        Idle(**{kind: took / number for kind, took in idle.items()}),
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
    group, before, busy = _Group(), dict[int, str](), dict[int, str]()
    for sample in notes.samples:
        now = {ident: kind_of(notes.stacks[at]) for ident, at, _ in sample.threads}
        used = sums()
        for ident, _, ran in sample.threads:
            for kind in _between(before.get(ident, now[ident]), now[ident], busy.get(ident, THREADS)):
                used[kind] += (ran or 0.0) / 2
        before = now
        busy |= {ident: kind for ident, kind in now.items() if kind != WAITING}
        group.took += sample.took
        for kind, share in used.items():
            group.used[kind] += share
        waits = [kind for kind in now.values() if kind in (NETWORK, SYNC, WRITE, SERVICES)] or [WAITING]
        for kind in waits:
            group.rest[kind] += max(sample.took - sum(used.values()), 0.0) / len(waits)
        if sample.look is not None:
            group.look = sample.look
            yield group
            group = _Group()
    if group.took:
        yield group


def _between(before: str, now: str, busy: str) -> tuple[str, str]:
    """What a thread did between two samples, half by half: what it was seen at. A thread that waits uses no processor:
    where it waited at one of them, it did what it did at the other one, and at both, what it did last.
    """
    kinds = tuple(kind for kind in (before, now) if kind != WAITING) or (busy,)
    return kinds[0], kinds[-1]


def _split(seconds: float, weights: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    total = sum(weights.values())
    for kind, weight in weights.items():
        if total and weight > 0:
            yield kind, seconds * weight / total

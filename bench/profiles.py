"""Where the time of a command goes: a run under bench/sampler.py, and its bar."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec.structs import replace

from bench.kinds import kind_of
from bench.measure import Command, Peer, once, seconds
from bench.result import Row
from bench.times import Notes, Times, mean, times

_SAMPLER = Path(__file__).with_name("sampler.py")
_RUNS = 3
_PACK = ".pyz"
_OFTEN, _RARELY = ("3", "0.08"), ("1", "0.5")
"""For how many seconds a run is sampled every millisecond, and how many lie between two looks at the programs after
that: for a run that is not timed, and for one that is.
"""


class Recorder:
    """Measures how long commands take; runs of hero-build are sampled at the same time, and kept.

    timed: the seconds are those of a row, so that sampling may hardly take any. follow: processes that work for
    hero-build without being its children.
    """

    def __init__(self, *, timed: bool = False, follow: Sequence[int] = (), notes: Iterable[Notes] = ()) -> None:
        self.notes = list(notes)
        self._timed, self._follow = timed, follow

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
            yield _sampled(command, out, _RARELY if self._timed else _OFTEN, self._follow)
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
        """The row with the profile of these runs, or of one that were so many."""
        each = [times(notes) for notes in self.notes]
        total = mean(each, runs)
        cost = sum(notes.cost for notes in self.notes) / sum(sum(one.processor.values()) for one in each)
        sampled = round(cost, 4) if self._timed else 0.0
        return replace(row, profile=total.clock, processor=total.processor, sampled=sampled)


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


def _sampled(command: Command, out: Path, pace: Iterable[str], follow: Iterable[int]) -> Command:
    """The command with its notes going to `out`. A pack is run by the Python that it would find."""
    path = command.env.get("PATH", os.defpath)
    python = shutil.which("python3", path=path) or "python3"
    if not command.argv[0].endswith(_PACK):
        python = str(Path(command.argv[0]).with_name("python"))
    words = (python, "-P", str(_SAMPLER), str(out), str(time.monotonic()), *pace, ",".join(map(str, follow)))
    return Command((*words, *command.argv), command.env, command.cwd)

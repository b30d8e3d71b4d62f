"""What was measured: rows of samples with the targets they are held to, and their JSON form."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import msgspec
from msgspec import Struct

HERO = "hero-build"


class Target(Struct, frozen=True):
    """`peer`'s share of `against` (or, without it, its value in the row's unit) should be at most `most`."""

    most: float
    against: str = ""
    peer: str = HERO


class Floor(Struct, frozen=True):
    """The least that the work of a row takes in any program: `what` that is, the `kinds` of a profile in it, and the
    seconds of what else the sampled run did, where these add up to its time.
    """

    seconds: float
    what: str
    kinds: tuple[str, ...]
    above: Mapping[str, float] = {}


class Imports(Struct, frozen=True):
    """How many modules a command imports, in how many milliseconds, and the packages that take most of them."""

    modules: int
    milliseconds: float
    heaviest: Mapping[str, float]


class Row(Struct, frozen=True):
    """One kind of work. `samples` holds each peer's values, in the order of the rounds, so that they pair up."""

    key: str
    title: str
    unit: str
    samples: Mapping[str, tuple[float, ...]]
    targets: tuple[Target, ...] = ()
    facts: tuple[tuple[str, bool], ...] = ()
    """Sentences, and whether they are true."""
    notes: tuple[str, ...] = ()
    run: str = ""
    """The commit that it was measured on."""
    profile: Mapping[str, float] = {}
    """The seconds of each kind of work (kinds.py) in a run of hero-build, by the clock."""
    processor: Mapping[str, float] = {}
    """Those of processor time."""
    sampled: float = 0.0
    """What sampling added to the processor time of the runs that were measured; 0: runs of their own were sampled."""
    barless: str = ""
    """Why there is no profile, where there can be none."""
    floor: Floor | None = None
    imports: Imports | None = None
    """Of a row that stands in the table of imports alone."""

    def middle(self, peer: str) -> float:
        return median(self.samples[peer])

    def ratios(self, peer: str, against: str) -> tuple[float, ...]:
        """Round by round: what the two did right after one another."""
        return tuple(a / b for a, b in zip(self.samples[peer], self.samples[against], strict=True))


class Results(Struct, frozen=True):
    """The rows that were measured last, and by its commit the machine of each run that a row is of."""

    machines: Mapping[str, Mapping[str, str]]
    rows: tuple[Row, ...]

    @property
    def compared(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.imports is None)


def merge(kept: Results, new: Results, order: Sequence[str]) -> Results:
    """The new rows, and those kept ones that were not measured again; `order`: keys, an unknown one comes last."""
    rows = {row.key: row for row in (*kept.rows, *new.rows)}
    ranks = {key: number for number, key in enumerate(order)}
    ordered = sorted(rows.values(), key=lambda row: ranks.get(row.key, len(ranks)))
    machines = {**kept.machines, **new.machines}
    used = {row.run for row in ordered}
    return Results({run: facts for run, facts in machines.items() if run in used}, tuple(ordered))


def value(row: Row, target: Target) -> float | None:
    """What was measured for a target; None when one of its peers was not there."""
    if target.peer not in row.samples or (target.against and target.against not in row.samples):
        return None
    return median(row.ratios(target.peer, target.against)) if target.against else row.middle(target.peer)


def shown(number: float, unit: str) -> str:
    """A value with its unit, to three digits that matter."""
    if unit == "s":
        return f"{number:.2f} s" if number >= 0.1 else f"{number * 1000:.0f} ms"
    return f"{number:.0f} {unit}"


def reach(row: Row, target: Target) -> str:
    limit = f"{target.most:.3g}"
    return f"≤ {limit} × {target.against}" if target.against else f"≤ {limit} {row.unit}"


def write(path: Path, results: Results) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(msgspec.to_builtins(results), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(path: Path) -> Results:
    """What is kept of earlier runs; no rows: nothing was measured yet, or by a benchmark that kept it otherwise."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Results)
    except (FileNotFoundError, msgspec.ValidationError):
        return Results({}, ())

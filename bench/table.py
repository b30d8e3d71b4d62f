"""The results as the page docs/benchmarks.md."""

from collections.abc import Iterator, Sequence
from statistics import quantiles

from bench import how, misses
from bench.imports import TITLE
from bench.peers import CURL, CURL_AGAIN
from bench.result import Imports, Results, Row, Target, reach, shown, value

_HEAD = """# Benchmarks

How fast hero-build does its work beside others, measured by `make bench`, which writes this page. A row that misses its
target says so, and [what it misses it by](#misses) is below. Nothing in the tests depends on any of it.

![The medians as bars, with the targets as marks](benchmarks.svg)

"""
_COLUMNS = "| work | measured | against | ratio | reach | |\n|---|---|---|---|---|---|\n"
_FACTS = """
## What is checked beside the times

"""
_NOTES = """
## Notes on single rows

"""
_BARS = """
## Where the time goes

![A stacked bar for each row: which part of hero-build's time each kind of work takes](profiles.svg)

hero-build is sampled while it runs (`bench/sampler.py`): where each of its threads is, every millisecond, and after
three seconds every 40; and which programs run below it, at any depth, with the processor time of each. A program that
ended between two looks is counted by the process that waited for it, so that no processor time is missing. The time
between two samples is shared among threads and programs by the processor time that they have used; a thread that waits
for another one is counted for what it did before. In the rest of it hero-build waited: for a program, the network or
the disk, which the bar then names, or for something else (`waiting`). `interpreter` is the time until Python runs the
first line.

A bar is the mean of three runs beside those that are measured, which take somewhat longer than without samples; that of
a cold build of half a minute is one such run. Builds of a minute and more are sampled in the very runs that are
measured, twice a second after the first one{sampled}. Rows of processor time have bars of it, and those of memory none.
[Where the time goes](where-the-time-goes.md) says what follows from it.
"""
_IMPORTS = """
## Imports

`python -X importtime` of each command, the least of several runs; it takes about twice as long as without. The
milliseconds of a package are those of its own modules. `publish` starts a second interpreter, without the token in its
environment: both are counted.

| command | modules | all | the five heaviest, ms |
|---|---|---|---|
"""


def page(results: Results) -> str:
    lines = [line for row in results.compared for line in _lines(row)]
    facts = [f"- {text}: {'yes' if held else 'no'}" for row in results.rows for text, held in row.facts]
    notes = [f"- {row.title}: {note}" for row in results.rows for note in row.notes]
    machine = [line for run in results.machines for line in _run(run, results)]
    table = _HEAD + _COLUMNS + "\n".join(lines) + "\n"
    runs = "\n## Runs\n\nEach row is of the last run that measured it; in brackets, how many rounds count.\n"
    said = misses.section(results) + _section(_FACTS, facts) + _section(_NOTES, notes)
    return table + said + _profiles(results) + how.text() + runs + "\n".join(machine) + "\n"


def _section(head: str, lines: Sequence[str]) -> str:
    return head + "\n".join(lines) + "\n" if lines else ""


def _profiles(results: Results) -> str:
    """The bars of the rows that have a profile, why others have none, and the table of imports."""
    added = max((row.sampled for row in results.rows), default=0.0)
    sampled = f": at most {added:.1%} of their processor time is the sampler's" if added else ""
    bars = _BARS.format(sampled=sampled) if any(row.profile for row in results.rows) else ""
    barless = [f"- {row.title}: {reason}" for row in results.compared if (reason := without_bar(row))]
    imports = [line for row in results.rows if row.imports for line in _imports(row, row.imports)]
    return bars + _section("\nWithout a bar:\n\n", barless) + _section(_IMPORTS, imports)


def without_bar(row: Row) -> str:
    """Why a row of times has no bar; empty where it has one, and for rows of memory."""
    if row.profile or row.unit != "s":
        return ""
    return row.barless or f"it was measured on {row.run}, before it had one"


def _imports(row: Row, imports: Imports) -> Iterator[str]:
    heaviest = ", ".join(f"{name.replace('_', chr(92) + '_')} {took:.1f}" for name, took in imports.heaviest.items())
    yield f"| {row.title.removeprefix(TITLE)} | {imports.modules} | {imports.milliseconds:.0f} ms | {heaviest} |"


def _run(run: str, results: Results) -> list[str]:
    """What was measured on a commit, and on which machine."""
    rows = [row for row in results.rows if row.run == run]
    titles = "; ".join(f"{row.title} ({max(map(len, row.samples.values()))})" for row in rows)
    facts = [f"- {name}: {text}" for name, text in results.machines[run].items()]
    return ["", f"### {run}", "", f"{titles}.", "", *facts]


def _lines(row: Row) -> list[str]:
    lines = [_line(row, target) for target in row.targets]
    if CURL_AGAIN in row.samples:
        lines.append(
            f"| | {_value(row, CURL_AGAIN)} | {_value(row, CURL)} | {_ratio(row, CURL_AGAIN, CURL)} | *noise* | |"
        )
    named = {peer for target in row.targets for peer in (target.peer, target.against)} | {CURL_AGAIN}
    lines += [f"| | {_value(row, peer)} | | | | |" for peer in row.samples if peer not in named]
    return [f"| {row.title} {lines[0][2:]}" if number == 0 else line for number, line in enumerate(lines)]


def _line(row: Row, target: Target) -> str:
    found = value(row, target)
    if found is None:
        return f"| | {_value(row, target.peer)} | {target.against}: not at hand | | {reach(row, target)} | |"
    verdict = "hit" if found <= target.most else "**miss**"
    against = _value(row, target.against) if target.against else ""
    ratio = _ratio(row, target.peer, target.against) if target.against else ""
    return f"| | {_value(row, target.peer)} | {against} | {ratio} | {reach(row, target)} | {verdict} |"


def _value(row: Row, peer: str) -> str:
    return f"{peer} {shown(row.middle(peer), row.unit)}"


def _ratio(row: Row, peer: str, against: str) -> str:
    ratios = sorted(row.ratios(peer, against))
    low, middle, high = quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"

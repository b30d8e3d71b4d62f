"""The results as the page docs/benchmarks.md."""

from collections.abc import Iterator
from statistics import quantiles

from bench.imports import TITLE
from bench.peers import CURL, CURL_AGAIN
from bench.result import HERO, Imports, Results, Row, Target, value

_HEAD = """# Benchmarks

How fast hero-build does its work beside others, measured by `make bench`, which writes this page. A row that misses its
target says so. Nothing in the tests depends on any of it.

![The medians as bars, with the targets as marks](benchmarks.svg)

"""
_COLUMNS = "| work | measured | against | ratio | reach | |\n|---|---|---|---|---|---|\n"
_BARS = """
## Where the time goes

![A stacked bar for each row: which part of hero-build's time each kind of work takes](profiles.svg)

One more run of hero-build, or the mean of three, with a sample of all threads each millisecond (`bench/sampler.py`;
each 10 ms after three seconds). The time between two samples is shared among the threads by the processor time that
they have used. In the rest of it hero-build waited: for a program that it has started, which the bar then names, for
the network, or for the disk. `interpreter` is the time until Python runs the first line. Such a run takes somewhat
longer than one without samples.
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
_HOW = """
## How it is measured

One nginx on loopback serves the files, and a forge's API as static documents; all of it is in the page cache. In each
round every peer runs once, in shuffled order, into an empty folder on the disk; a first round is not counted. What is
shown is the median, and for ratios the median over the rounds with the middle half of them in brackets: each compares
two runs of the same round. One peer is named twice: how far it seems to differ from itself is how much the rest may be
trusted.

- **{hero}** is installed from a wheel and runs with its defaults. Its time holds everything: it resolves each app by
  the API, reads the checksums, downloads, hashes, checks the ELF headers, syncs every file to the disk and commits.
- **{curl}** is the bare work with equal durability: it has all addresses beforehand,
  `curl --parallel --parallel-max 16` fetches them, `openssl dgst -sha256` hashes the files and `sync` syncs each and
  their folder. Nothing is compared. **curl+openssl** is the same without the sync.
- **mise** installs by its forgejo backend, with 16 jobs: it, too, asks the API, compares with the published checksums
  and syncs.
- **ubi** (cargo's `ubi-cli`) is started once for each app, eight at once; it asks the API and downloads. It compares
  nothing with the published checksums, and syncs nothing.
- **Latency**: a proxy lets everything that clients send arrive late, so that each request costs a round trip; answers
  pass untouched.
- **Memory** is the most that the process had resident (VmHWM).
- **Nothing to do**: the same command again and again, after two runs that are not counted.
- **The forge asked**: without a lock file, so that each app's newest release is requested, and compared with the
  receipt of the run before. [Where the time goes](where-the-time-goes.md) has the profile of this and of a start.
- **A thousand apps**: that many recipes, and that many small apps installed from them in one root.
- **zinit from source**: its repository, made of its crate, from a mirror on the disk; what it depends on is fetched
  beforehand, and nobody has a network. cargo is given a clone and builds the same two programs into an empty target
  folder; hero-build clones, builds into an empty target folder, verifies, syncs and commits. There are three rounds of
  it at most, since a build takes minutes, and none that is not counted.
- **Nothing to do, from source**: the same command again, and `cargo build` again in the tree and the target folder that
  hero-build built in.
- **30 islands from source**: the workspace of `tests/archipelagos.py`, small islands with one crate in common, from a
  mirror on the disk; what they depend on is fetched beforehand. wasm-pack is given a clone and builds each island in
  turn, `wasm-pack build --target web --release --mode no-install`, all into one target folder, which is empty when it
  begins cold. hero-build clones, builds all of them, verifies, syncs and commits; the memory is that of its own
  process. For the edit one function of one island is changed: wasm-pack is run in that island, hero-build on all.
- **Islands of dioxus**: four islands and a shell with dioxus 0.7 and dioxus-bootstrap-css, in two repositories, as
  above; what they depend on takes minutes to compile, and so there is one cold round. For the row of both repositories
  hero-build builds the shell after the islands, with the target folder that its checkouts share; wasm-pack is run in
  each repository, which has a target folder of its own.
- **Shared cache**: sccache on the local disk. The first machine fills it; the second one has another root, other
  checkouts and another target folder, once at the same paths and once at other ones.
- **35 apps planned**: `install --dry-run`, which gathers every fact and changes nothing: releases and checksums from
  the server, state and fingerprint of checkouts (a small crate each), what is on disk. Where there is some of each, 17
  have no release.
- **Published**: to the real server of the tests, on loopback. hero-build takes the programs as they were built, hashes
  and verifies them, uploads them into a draft, gets every byte back from the server, compares and shows the release.
  curl sends the same files into a draft with 16 uploads at once, and gets nothing back; once more, it fetches them as
  well, and openssl hashes them.

cargo-binstall is in no row. It would need no registry: `--manifest-path` takes a `Cargo.toml` with `pkg-url` in
`[package.metadata.binstall]`, for one crate a call. But version 1.20, which Rust 1.95 compiles, refuses the address of
the program before it sends a request (`kind: Builder, source: BadScheme`): it takes https alone, and the rows are
served over http. `--allow-insecure-http` came with 1.22, whose lock file asks for Rust 1.96.
"""


def page(results: Results) -> str:
    lines = [line for row in results.compared for line in _lines(row)]
    facts = [f"- {text}: {'yes' if held else 'no'}" for row in results.rows for text, held in row.facts]
    notes = [f"- {row.title}: {note}" for row in results.rows for note in row.notes]
    machine = [line for run in results.machines for line in _run(run, results)]
    said = "\n".join(["", *facts, *notes, ""]) if facts or notes else ""
    how = _HOW.format(hero=HERO, curl=CURL)
    table = _HEAD + _COLUMNS + "\n".join(lines) + "\n"
    runs = "\n## Runs\n\nEach row is of the last run that measured it.\n" + "\n".join(machine) + "\n"
    return table + said + _profiles(results) + how + runs


def _profiles(results: Results) -> str:
    """The bars of the rows that have a profile, and the table of imports."""
    bars = _BARS if any(row.profile for row in results.rows) else ""
    imports = [line for row in results.rows if row.imports for line in _imports(row, row.imports)]
    return bars + (_IMPORTS + "\n".join(imports) + "\n" if imports else "")


def _imports(row: Row, imports: Imports) -> Iterator[str]:
    heaviest = ", ".join(f"{name.replace('_', chr(92) + '_')} {took:.1f}" for name, took in imports.heaviest.items())
    yield f"| {row.title.removeprefix(TITLE)} | {imports.modules} | {imports.milliseconds:.0f} ms | {heaviest} |"


def _run(run: str, results: Results) -> list[str]:
    """What was measured on a commit, and on which machine."""
    titles = "; ".join(row.title for row in results.rows if row.run == run)
    facts = [f"- {name}: {text}" for name, text in results.machines[run].items()]
    return ["", f"### {run}", "", f"{titles}.", "", *facts]


def shown(number: float, unit: str) -> str:
    """A value with its unit, to three digits that matter."""
    if unit == "s":
        return f"{number:.2f} s" if number >= 0.1 else f"{number * 1000:.0f} ms"
    return f"{number:.0f} {unit}"


def reach(row: Row, target: Target) -> str:
    limit = f"{target.most:.3g}"
    return f"≤ {limit} × {target.against}" if target.against else f"≤ {limit} {row.unit}"


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

"""`python -m bench [--only KEY]… [--repeat N] [--quick] [--docs]`"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from msgspec.structs import replace

from bench import bars, result, rust, tools, world
from bench.bench import DELAY, Bench
from bench.delay import proxy
from bench.measure import Failed
from bench.places import DOCS, OUT
from bench.plot import svg
from bench.result import Results, Row
from bench.rows import ROWS
from bench.server import NoServer, free_port, serve
from bench.table import page

_KEPT = DOCS / "benchmarks.json"
_TRIED = OUT / "results.json"
_SAMPLED = 0.003
"""What sampling may take of the processor time that is measured."""


def main() -> int:
    wanted = _parse(sys.argv[1:])
    kept = _KEPT if wanted.docs else _TRIED
    results, missing = result.read(kept), list[str]()
    if not wanted.render:
        try:
            new = _measured(wanted.only or list(ROWS), 1 if wanted.quick else wanted.repeat)
        except (NoServer, Failed) as error:
            print(error, file=sys.stderr)
            return 1
        results = result.merge(results, new, [row.key for row in (*results.rows, *new.rows)])
        result.write(kept, results)
        missing = [*without_profile(new.rows), *slowed(new.rows)]
    folder = DOCS if wanted.docs else OUT
    folder.mkdir(parents=True, exist_ok=True)
    text = page(results)
    (folder / "benchmarks.md").write_text(text, encoding="utf-8")
    (folder / "benchmarks.svg").write_text(svg(results), encoding="utf-8")
    if any(row.profile for row in results.rows):
        (folder / "profiles.svg").write_text(bars.svg(results), encoding="utf-8")
    print(text)
    for fault in missing:
        print(fault, file=sys.stderr)
    return 1 if missing else 0


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure hero-build beside its peers.")
    parser.add_argument("--only", action="append", choices=list(ROWS), help="this kind of work; may be given again")
    parser.add_argument("--repeat", type=int, default=7, metavar="N", help="rounds that count (default: 7)")
    parser.add_argument("--quick", action="store_true", help="one round: a trial of the benchmark, not a measurement")
    parser.add_argument("--render", action="store_true", help="measure nothing: render what was measured last")
    parser.add_argument(
        "--docs",
        action="store_true",
        help="write docs/benchmarks.*, not those in bench/out/",
    )
    return parser.parse_args(words)


def _measured(keys: Sequence[str], rounds: int) -> Results:
    _say("preparing programs and files")
    at_hand = tools.prepare()
    world.build()
    with _bench(at_hand, rounds) as bench:
        rows = [row for key in ROWS if key in keys for row in _rows(key, bench)]
    run = tools.commit()
    machine = {**tools.machine(at_hand), **rust.versions()}
    return Results({run: machine}, tuple(replace(row, run=run) for row in rows))


def without_profile(rows: Sequence[Row]) -> list[str]:
    """A sentence for each row of times that has neither a profile nor a reason."""
    bare = [row for row in rows if row.unit == "s" and not (row.profile or row.barless)]
    return [f"{row.title}: measured without a profile" for row in bare]


def slowed(rows: Sequence[Row]) -> list[str]:
    """A sentence for each row whose times sampling has changed by more than the rows' own noise."""
    return [
        f"{row.title}: sampling took {row.sampled:.1%} of what was measured" for row in rows if row.sampled > _SAMPLED
    ]


def _rows(key: str, bench: Bench) -> list[Row]:
    begin = time.monotonic()
    rows = ROWS[key](bench)
    _say(f"{key} took {time.monotonic() - begin:.0f} s")
    return rows


@contextmanager
def _bench(at_hand: tools.Tools, rounds: int) -> Iterator[Bench]:
    behind = free_port()
    with proxy(behind, DELAY) as far, proxy(behind, 0) as direct, serve(behind, _loopback(far)) as server:
        yield Bench(server, context=at_hand, rounds=rounds, direct=_loopback(direct))


def _loopback(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _say(text: str) -> None:
    print(f"[bench] {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())

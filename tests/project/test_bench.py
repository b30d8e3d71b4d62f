"""The benchmark's own measuring: profiles of real runs, and tables and bars made of them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from msgspec.structs import replace

from bench import bars, imports, kinds, misses, plot, profiles, result, sampler, table
from bench.__main__ import without_profile
from bench.kinds import HASH, IMPORTS, INTERPRETER, LINKER, NETWORK, SCRIPTS, WAITING
from bench.places import DOCS
from bench.profiles import Notes
from bench.result import HERO, Floor, Imports, Results, Row, Target
from support.processes import until
from support.worlds import REPO

_HASHING = (str(REPO / "hero_build" / "forge" / "partial_file.py"), "_hash_existing", 1)
_RECEIVING = ("hero_build/forge/deadline_socket.py", "receive", 1)
_IDLE = ("threading.py", "wait", 1)
_TWO = [Path("/bin/sleep").resolve().name] * 2


def test_a_run_is_sampled(tmp_path: Path) -> None:
    """It does its work, its kinds of work are all of its time, and imports are some of it."""
    out, program = tmp_path / "notes.json", Path(sys.executable).with_name("hero-build")
    words = ["-P", str(REPO / "bench" / "sampler.py"), str(out), str(time.monotonic()), "", str(program), "list"]
    environ = {**os.environ, "HERO_ROOT": str(tmp_path / "root"), "HERO_BUILD_CACHE": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, *words], env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, "hero_db" in done.stdout) == (0, True), done.stderr
    notes = msgspec.json.decode(out.read_bytes(), type=Notes)
    times = profiles.times(notes)
    assert sum(times.clock.values()) == pytest.approx(notes.whole)
    assert times.clock[INTERPRETER] > 0
    assert times.clock[IMPORTS] > 0


_THREE = ((1, 0, 0.6), (2, 1, 0.2), (3, 2, 0.0))
"""Three threads: one hashes, one receives, one is idle."""


@pytest.mark.parametrize(
    ("threads", "programs", "clock", "compiling"),
    [
        (_THREE, (), {HASH: 0.6, NETWORK: 0.4}, 0.0),
        (((1, 0, 2.0), (2, 1, 2.0)), (), {HASH: 0.5, NETWORK: 0.5}, 0.0),  # two cores
        (((3, 2, 0.0),), (("cargo", 0.1), ("rustc", 0.3)), {"cargo": 0.25, "rustc": 0.75}, 1.0),
        (((1, 0, 1.0),), (("git-upload-pack", 1.0),), {HASH: 0.5, "git": 0.5}, 0.0),
        (((3, 2, 0.0),), (("supervisord", 0.0),), {WAITING: 1.0}, 0.0),  # it waits, too
        (((3, 2, None),), (), {WAITING: 1.0}, 0.0),
    ],
)
def test_whose_a_second_is(
    threads: tuple[tuple[int, int, float | None], ...],
    programs: tuple[tuple[str, float], ...],
    clock: dict[str, float],
    compiling: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("linecache.getline", lambda file, _: "sha256.update(" if "partial_file" in file else "")
    kinds.kind_of.cache_clear()
    notes = _notes((1.0, threads, programs))
    times = profiles.times(notes)
    kinds.kind_of.cache_clear()
    assert {kind: seconds for kind, seconds in times.clock.items() if seconds} == pytest.approx(clock)
    assert times.compiling == compiling


def _notes(*samples: tuple[float, tuple[tuple[int, int, float | None], ...], tuple[tuple[str, float], ...]]) -> Notes:
    return Notes(
        begin=0.0,
        start=0.0,
        start_processor=0.0,
        cost=0.0,
        stacks=((_HASHING,), (_RECEIVING,), (_IDLE,)),
        samples=samples,
    )


def test_only_the_samples_of_a_while() -> None:
    notes = _notes(*((1.0, (), (("rustc", float(number)),)) for number in range(5)))
    kept = profiles.within(notes, 1.0, 3.0)
    assert [programs for _, _, programs in kept.samples] == [(("rustc", 1.0),), (("rustc", 2.0),)]


def test_a_program_has_its_own_name() -> None:
    """Neither that of the loader that loads it nor that of the interpreter that runs it; of a grandchild, too."""
    loader = next(Path("/lib64").glob("ld-linux-*"), None) or next(Path("/lib").glob("ld-*"))
    script = 'sleep 600 & exec "$0" --library-path /lib /bin/sleep 601'
    with subprocess.Popen(["/bin/sh", "-c", script, str(loader)], start_new_session=True) as child:
        try:
            assert until(lambda: [sampler.name(number) for number in (child.pid, *sampler.children(child.pid))] == _TWO)
            assert sampler.clock(child.pid) > 0
        finally:
            os.killpg(child.pid, signal.SIGKILL)


def test_a_tool_that_a_loader_starts_has_one_name() -> None:
    assert kinds.program_kind("x86_64-linux-gnu-gcc-12") == kinds.program_kind("ld.lld") == LINKER
    assert kinds.program_kind("build-script-build") == SCRIPTS
    assert kinds.program_kind("wasm-opt") == "wasm-opt"


def test_imports_by_package() -> None:
    text = (
        b"import time: self [us] | cumulative | imported package\nimport time:       500 |        500 |   re._parser\n"
    )
    text += b"import time:      1500 |       2000 | re\nimport time:      1000 |       1000 | socket\nwarning: x\n"
    assert imports.parse(text) == Imports(3, 3.0, {"re": 2.0, "socket": 1.0})


def test_bars_and_table() -> None:
    profile = {IMPORTS: 0.1, "wasm-opt": 0.2, WAITING: 0.1}
    rows = (
        Row("a", title="some `work`", unit="s", samples={HERO: (0.4,)}, profile=profile, run="x"),
        Row("imports-b", title="`list`", unit="ms", samples={HERO: (3,)}, imports=Imports(2, 3, {"_re": 3}), run="x"),
    )
    results = Results({"x": {}}, rows)
    picture = ElementTree.fromstring(bars.svg(results))
    assert {"some work", "50%", "wasm-opt"} <= {element.text for element in picture.iter()}
    page = table.page(results)
    assert "profiles.svg" in page
    assert "| `list` | 2 | 3 ms | \\_re 3.0 |" in page


def test_a_miss_has_its_floor_and_what_is_beside_it() -> None:
    profile = {IMPORTS: 0.2, "rustc": 0.6, WAITING: 0.2}
    row = Row(
        "a",
        title="a build",
        unit="s",
        samples={"cargo": (1.0,), HERO: (2.0,)},
        targets=(Target(1.5, "cargo"), Target(3.0, "cargo")),
        profile=profile,
        floor=Floor(1.6, "rustc alone", ("rustc",)),
        run="x",
    )
    (sentence,) = [line for line in misses.section(Results({}, (row,))).splitlines() if line.startswith("- ")]
    assert "2.00 × cargo (target: ≤ 1.5)" in sentence
    assert "1.60 s, 1.60 × cargo, for rustc alone" in sentence
    assert "0.40 s above it. The target lies below the floor." in sentence
    assert "waiting 0.40 s, imports 0.40 s" in sentence
    assert "rustc " not in sentence.rpartition("Beside it")[2]
    hit = Row("b", title="", unit="s", samples=row.samples, targets=(Target(3.0, "cargo"),))
    assert misses.section(Results({}, (hit,))).endswith("No row misses its target.\n")


def test_the_page_shows_what_was_measured() -> None:
    results = result.read(DOCS / "benchmarks.json")
    assert results.rows
    assert (DOCS / "benchmarks.md").read_text(encoding="utf-8") == table.page(results)
    assert (DOCS / "benchmarks.svg").read_text(encoding="utf-8") == plot.svg(results)
    assert (DOCS / "profiles.svg").read_text(encoding="utf-8") == bars.svg(results)


def test_each_row_of_times_has_a_bar_or_says_why_not() -> None:
    results = result.read(DOCS / "benchmarks.json")
    page = (DOCS / "benchmarks.md").read_text(encoding="utf-8")
    picture = ElementTree.fromstring((DOCS / "profiles.svg").read_text(encoding="utf-8"))
    texts = {element.text for element in picture.iter()}
    for row in results.compared:
        if row.unit == "s":
            reason = table.without_bar(row)
            assert f"- {row.title}: {reason}" in page if reason else row.title.replace("`", "") in texts, row.title
        if misses.missed(row):
            assert f"- **{row.title}**: " in page


def test_a_new_row_without_a_bar_is_named() -> None:
    bare = Row("a", title="some work", unit="s", samples={HERO: (1.0,)})
    explained, memory = replace(bare, barless="nothing runs"), replace(bare, unit="MB")
    assert without_profile([bare, explained, memory]) == ["some work"]

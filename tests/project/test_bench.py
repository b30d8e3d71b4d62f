"""The benchmark's own measuring: profiles of real runs, and tables and bars made of them."""

import itertools
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

from bench import bars, floors, how, imports, kinds, misses, plot, result, sampler, table, times
from bench.__main__ import slowed, without_profile
from bench.kinds import HASH, IMPORTS, INTERPRETER, LINKER, NETWORK, SCRIPTS, THREADS, WAITING
from bench.places import DOCS
from bench.result import HERO, Floor, Imports, Results, Row, Target
from bench.rows import ROWS
from bench.times import Look, Notes, Program, Sample
from support import cockpit
from support.processes import until
from support.worlds import REPO

_HASHING = (str(REPO / "hero_build" / "forge" / "partial_file.py"), "_hash_existing", 1)
_RECEIVING = ("hero_build/forge/deadline_socket.py", "receive", 1)
_IDLE = ("threading.py", "wait", 1)
_TWO = [Path("/bin/sleep").resolve().name] * 2


def test_a_run_is_sampled(tmp_path: Path) -> None:
    """It does its work, its kinds of work are all of its time, and imports are some of it."""
    out, program = tmp_path / "notes.json", Path(sys.executable).with_name("hero-build")
    sampled = (str(REPO / "bench" / "sampler.py"), str(out), str(time.monotonic()), "3", "0.08", "")
    words = ["-P", *sampled, str(program), "list"]
    environ = {**os.environ, "HERO_ROOT": str(tmp_path / "root"), "HERO_BUILD_CACHE": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, *words], env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, "hero_db" in done.stdout) == (0, True), done.stderr
    notes = msgspec.json.decode(out.read_bytes(), type=Notes)
    spent = times.times(notes)
    assert sum(spent.clock.values()) == pytest.approx(notes.whole)
    assert spent.clock[INTERPRETER] > 0
    assert spent.clock[IMPORTS] > 0


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
        (((1, 0, 0.5), (3, 2, 0.5)), (), {HASH: 0.5, THREADS: 0.5}, 0.0),  # it has just been started
        (
            ((3, 2, 0.0),),
            (("cargo", 0.0), ("rustc", 0.5), ("", 0.5)),
            {"rustc": 1.0},
            1.0,
        ),  # too short to be seen
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
    spent = times.times(_notes(Sample(1.0, threads, _look(*programs))))
    kinds.kind_of.cache_clear()
    assert {kind: seconds for kind, seconds in spent.clock.items() if seconds} == pytest.approx(clock)
    assert spent.compiling == compiling


def test_what_a_waiting_thread_has_used_is_what_it_did_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linecache.getline", lambda file, _: "sha256.update(" if "partial_file" in file else "")
    kinds.kind_of.cache_clear()
    hashing, waiting = Sample(1.0, ((1, 0, 0.5),)), Sample(1.0, ((1, 2, 0.5),))
    spent = times.times(_notes(hashing, waiting, waiting))
    kinds.kind_of.cache_clear()
    assert spent.processor[HASH] == pytest.approx(1.5)


def test_idle_cores_by_what_runs_beside_them() -> None:
    ended = Look((Program("cargo", 0.0, runs=True), Program("rustc", 0.5, runs=False)), 0.4)
    spent = times.times(
        _notes(
            Sample(1.0, (), _look(("cargo", 0.0), ("rustc", 1.0), idle=0.9)),
            Sample(1.0, (), _look(("cargo", 0.0), ("sccache", 0.1), idle=0.8)),
            Sample(1.0, (), ended),
            Sample(1.0, (), _look(("wasm-opt", 1.0), idle=1.0)),
            Sample(1.0, (), _look(idle=1.5)),
        )
    )
    assert (spent.idle.graph, spent.idle.tools, spent.idle.alone) == pytest.approx((1.7, 1.0, 1.9))
    assert times.mean([spent, spent]).idle == spent.idle


def test_the_floor_of_a_build_and_the_rest_are_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here both cores are accounted for; and sccache is part of the floor where it is used."""
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    processor = {IMPORTS: 0.4, HASH: 0.2, "git": 0.2, "cargo": 0.6, "rustc": 8.0, "wasm-opt": 2.0, "dash": 0.2}
    spent = times.Times({}, processor, 0.0, times.Idle(graph=4.0, tools=2.0, alone=0.4))
    row = Row("a", title="a build", unit="s", samples={HERO: (9.0,), "cargo": (9.0,)}, targets=(Target(0.5, "cargo"),))
    built = floors.built(row, spent)
    assert built.floor is not None
    assert built.floor.seconds == pytest.approx(7.0)
    assert built.floor.seconds + sum(built.floor.above.values()) == pytest.approx(9.0)
    (sentence,) = [line for line in misses.section(Results({}, (built,))).splitlines() if line.startswith("- ")]
    assert "shared by 2 cores (5.00 s), and the time in which cores are idle while cargo waits" in sentence
    assert "2.00 s were beside the floor: cores idle beside the last wasm tools 1.00 s, hero-build's own" in sentence
    shared = floors.built(row, replace(spent, processor={**processor, "sccache": 1.0})).floor
    assert shared is not None
    assert shared.seconds == pytest.approx(7.5)


_ACCOUNTED = """
import json, os, subprocess, sys, time
from bench import sampler
from support.processes import until
watcher = sampler.Sampler(time.monotonic(), fine=3.0, every=0.08, follow=())
spin = "import time\\nwhile time.process_time() < 0.3: pass"
with subprocess.Popen([sys.executable, "-c", spin + "\\ninput()"], stdin=subprocess.PIPE) as child:
    assert until(lambda: sampler.clock(child.pid) > 0.3)
    watcher.take(0)
    child.communicate(b"\\n")
subprocess.run([sys.executable, "-c", spin], check=True)
watcher.take(0)
after = os.times()
looks = [program for _, _, look in watcher.samples if look for program in look[0]]
print(json.dumps([looks, after.children_user + after.children_system]))
"""


def test_a_program_that_has_ended_is_accounted_for() -> None:
    """To the tick, whether it was seen while it ran or not. In a process that has no other children."""
    path = os.pathsep.join(str(folder) for folder in (REPO, REPO / "tests"))
    run = subprocess.run(
        [sys.executable, "-c", _ACCOUNTED], env={**os.environ, "PYTHONPATH": path}, check=True, stdout=subprocess.PIPE
    )
    looks, used = msgspec.json.decode(run.stdout)
    assert sum(took for _, took, _ in looks) == pytest.approx(used, abs=0.05)
    assert [runs for _, _, runs in looks] == [True, False]


def _look(*programs: tuple[str, float], idle: float = 0.0) -> Look:
    """At programs that all run."""
    return Look(tuple(Program(name, used, runs=True) for name, used in programs), idle)


def _notes(*samples: Sample) -> Notes:
    return Notes(
        begin=0.0,
        start=0.0,
        start_processor=0.0,
        cost=0.0,
        stacks=((_HASHING,), (_RECEIVING,), (_IDLE,)),
        samples=samples,
    )


def test_only_the_samples_of_a_while() -> None:
    notes = _notes(*(Sample(1.0, (), _look(("rustc", float(number)))) for number in range(5)))
    kept = times.within(notes, 1.0, 3.0)
    assert [sample.look for sample in kept.samples] == [_look(("rustc", 1.0)), _look(("rustc", 2.0))]


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
    texts = " ".join(element.text or "" for element in picture.iter())
    for row in results.compared:
        if row.unit == "s":
            reason = table.without_bar(row)
            assert f"- {row.title}: {reason}" in page if reason else row.title.replace("`", "") in texts, row.title
        if misses.missed(row):
            assert f"- **{row.title}**: " in page


@pytest.mark.slow
@pytest.mark.skipif(cockpit.CHROMIUM is None, reason="chromium is not installed")
def test_no_text_of_a_picture_covers_another_part_of_it() -> None:
    """On a phone and on a screen; the shares in the bars are meant to."""
    with cockpit.browser() as browser:
        page = browser.new_page()
        for name, width in itertools.product(("benchmarks", "profiles"), (390, 1280)):
            drawing = (DOCS / f"{name}.svg").read_text(encoding="utf-8")
            page.set_viewport_size({"width": width, "height": 800})
            page.set_content(f"<style>body{{margin:0}} svg{{max-width:100%;height:auto}}</style>{drawing}")
            assert page.locator("svg text").count() > 30
            assert page.evaluate(_COVERED) == [], (name, width)


_COVERED = """() => {
  const at = element => [element, element.getBoundingClientRect()];
  const texts = [...document.querySelectorAll('svg text:not([font-size="10"])')].map(at);
  const parts = [...document.querySelectorAll('svg rect')].slice(1).map(at);
  const paper = document.querySelector('svg').getBoundingClientRect();
  const beside = (a, b) => a.right <= b.left + 0.5 || a.bottom <= b.top + 0.5;
  const meet = (a, b) => !beside(a, b) && !beside(b, a);
  const covered = texts.filter(([, box], number) => box.left < paper.left || box.right > paper.right
    || [...texts.slice(number + 1), ...parts].some(([, other]) => meet(box, other)));
  return covered.map(([text]) => text.textContent);
}"""


def test_a_new_row_without_a_bar_is_named() -> None:
    bare = Row("a", title="some work", unit="s", samples={HERO: (1.0,)})
    explained, memory = replace(bare, barless="nothing runs"), replace(bare, unit="MB")
    assert without_profile([bare, explained, memory]) == ["some work: measured without a profile"]


def test_a_row_that_sampling_made_slower_is_named() -> None:
    rows = [Row("a", title="a build", unit="s", samples={HERO: (1.0,)}, sampled=taken) for taken in (0.0, 0.003, 0.004)]
    assert slowed(rows) == ["a build: sampling took 0.4% of what was measured"]


def test_each_kind_of_row_is_explained_on_the_page() -> None:
    """Imports have a part of their own."""
    assert {*how.EXPLAINED} == {*ROWS} - {"imports"}
    text = how.text()
    assert [words for words in how.EXPLAINED.values() if f"**{words}**" not in text] == []

"""The benchmark's own measuring: profiles of real runs, and tables and bars made of them."""

import os
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from bench import bars, imports, profiles, table
from bench.profiles import HASH, IMPORTS, INTERPRETER, NETWORK, WAITING, Notes
from bench.result import HERO, Imports, Results, Row
from support.worlds import REPO

_HASHING = (str(REPO / "hero_build" / "forge" / "partial_file.py"), "_hash_existing", 1)
_RECEIVING = ("hero_build/forge/deadline_socket.py", "receive", 1)
_IDLE = ("threading.py", "wait", 1)


def test_a_run_is_sampled(tmp_path: Path) -> None:
    """It does its work, its kinds of work are all of its time, and imports are some of it."""
    out, program = tmp_path / "notes.json", Path(sys.executable).with_name("hero-build")
    words = ["-P", str(REPO / "bench" / "sampler.py"), str(out), str(time.monotonic()), str(program), "list"]
    environ = {**os.environ, "HERO_ROOT": str(tmp_path / "root"), "HERO_BUILD_CACHE": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, *words], env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, "hero_db" in done.stdout) == (0, True), done.stderr
    notes = msgspec.json.decode(out.read_bytes(), type=Notes)
    kinds = profiles.kinds(notes)
    assert sum(kinds.values()) == pytest.approx(notes.start + sum(took for took, _, _ in notes.samples))
    assert kinds[INTERPRETER] > 0
    assert kinds[IMPORTS] > 0


@pytest.mark.parametrize(
    ("threads", "children", "kinds"),
    [
        (((1, 0, 0.6), (2, 1, 0.2), (3, 2, 0.0)), (), {HASH: 0.6, NETWORK: 0.4}),
        (((1, 0, 2.0), (2, 1, 2.0)), ("cargo",), {HASH: 0.5, NETWORK: 0.5}),  # two cores
        (((3, 2, 0.0),), ("cargo",), {"cargo": 1.0}),
        (((3, 2, None),), (), {WAITING: 1.0}),
    ],
)
def test_whose_a_second_is(
    threads: tuple[tuple[int, int, float | None], ...],
    children: tuple[str, ...],
    kinds: dict[str, float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("linecache.getline", lambda file, _: "sha256.update(" if "partial_file" in file else "")
    profiles.kind_of.cache_clear()
    notes = Notes(0.0, ((_HASHING,), (_RECEIVING,), (_IDLE,)), ((1.0, threads, children),))
    shares = {kind: seconds for kind, seconds in profiles.kinds(notes).items() if seconds}
    profiles.kind_of.cache_clear()
    assert shares == pytest.approx(kinds)


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

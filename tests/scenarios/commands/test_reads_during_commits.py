"""`status`, `verify` and the plan of an install read one generation, whatever another command commits meanwhile."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hero_build import manifest
from hero_build.catalog.loader import Catalog
from hero_build.install import gc, history, seal, snapshot
from hero_build.install.layout import Root
from hero_build.install.root_lock import locked
from hero_build.model.installed import Generation, PartId
from hero_build.model.steps import Installed
from hero_build.queries.status import status
from hero_build.queries.verify import verify
from support import roots
from support.processes import LONG
from support.worlds import REPO

ROUNDS = 25
NO_RECIPES = Catalog({}, {})


def commit_all_the_time(folder: Path) -> None:
    """Programs come, change and go, and each time the generations before are deleted."""
    root = Root(folder)
    for number in range(ROUNDS):
        roots.install(root, "db", f"v{number}", "db", *(["db_admin"] if number % 2 else []), wait=LONG)
        roots.install(root, "web", f"v{number}", wait=LONG)
        history.uninstall(root, ["web"], wait=LONG)
        gc.collect(root, keep=1, wait=LONG)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    root = Root(tmp_path / "hero")
    roots.install(root, "db", "v0")
    return root


@pytest.fixture
def writer(root: Root) -> Iterator["subprocess.Popen[bytes]"]:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (REPO, REPO / "tests", Path(__file__).parent)))}
    call = f"import sys, pathlib, {Path(__file__).stem} as here; here.commit_all_the_time(pathlib.Path(sys.argv[1]))"
    with subprocess.Popen([sys.executable, "-c", call, str(root.path)], env=environ) as process:
        try:
            yield process
        finally:
            process.kill()


def state(root: Root) -> list[object]:
    report = status(root, NO_RECIPES, ())
    return [app.damage for app in report.apps if app.damage]


def contents(root: Root) -> list[object]:
    report = verify(root, NO_RECIPES, ())
    return [*report.damaged, *report.stray]


@pytest.mark.parametrize("read", [state, contents])
def test_nothing_is_reported(
    read: Callable[[Root], list[object]], root: Root, writer: "subprocess.Popen[bytes]"
) -> None:
    seen, reads = set(), 0
    while writer.poll() is None:
        assert read(root) == []
        seen.add(manifest.load(root.path).number)
        reads += 1
    assert writer.returncode == 0
    assert reads > 10
    assert len(seen) > 5
    roots.settled(root)


def test_a_commit_between_the_manifest_and_the_files(root: Root) -> None:
    """Another version, the old generation deleted: the newer one is examined, and it alone is reported."""
    rounds: list[int] = []

    def look(generation: Generation) -> dict[PartId, Installed]:
        rounds.append(generation.number)
        if len(rounds) == 1:
            roots.install(root, "db", "v1")
            gc.collect(root, keep=1)
        return seal.inspect(root, generation, list(generation.records))

    parts = snapshot.examine(root, look, lambda parts: any(item.damage for item in parts.values()))
    assert rounds == [1, 2]
    assert parts[PartId("db")].record.origin.version == "v1"
    assert parts[PartId("db")].damage == ()


def test_damage_is_reported_although_a_command_commits(root: Root) -> None:
    """It is in what is current afterwards, too."""
    rounds: list[int] = []
    (root.current / "bin" / "db").write_text("rotten")

    def look(generation: Generation) -> dict[PartId, Installed]:
        rounds.append(generation.number)
        if len(rounds) == 1:
            roots.install(root, "web", "v1")
        return seal.inspect(root, generation, list(generation.records))

    parts = snapshot.examine(root, look, lambda parts: any(item.damage for item in parts.values()))
    assert rounds == [1, 2]
    assert parts[PartId("db")].damage[0].startswith("bin/db has 6 bytes instead of")
    assert parts[PartId("web")].damage == ()


def test_a_manifest_that_is_deleted_while_it_is_read(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    read, committed = manifest.read, list[Path]()

    def late(folder: Path) -> Generation:
        if folder.name == "1" and not committed:
            committed.append(folder)
            roots.install(root, "db", "v1")
            gc.collect(root, keep=1)
        return read(folder)

    with monkeypatch.context() as patched:
        patched.setattr(manifest, "read", late)
        assert manifest.load(root.path).number == 2


def test_unfinished_work_of_a_command_that_runs_is_not_a_leftover(root: Root) -> None:
    with locked(root):
        (root.staging / "7").mkdir()
        (root.path / "bin" / "new").symlink_to("../var/hero_build/current/bin/new")
        assert verify(root, NO_RECIPES, ()).stray == ()
    (root.staging / "7").mkdir(exist_ok=True)
    assert len(verify(root, NO_RECIPES, ()).stray) == 2

"""A pack that is killed while it unpacks its tool: what is used afterwards is whole, and `gc` deletes what was left."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support import packs, strace, worlds
from support.packs import Machine
from support.worlds import World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), strace.traced]  # may fetch wheels first
KILLS = ("write:when=300", "?syncfs", "?rename,?renameat,?renameat2")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = worlds.empty(tmp_path_factory.mktemp("packed"))
    world.recipe("db")
    world.release("db", "v1")
    return world


@pytest.fixture(scope="module")
def pack(world: World) -> Path:
    return packs.make(world, world.folder / "db.pyz", "db")


def machine(folder: Path) -> Machine:
    folder.mkdir()
    return Machine(folder)


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("kill", KILLS, ids=["written", "synced", "renamed"])
def test_a_killed_pack_leaves_no_half_tool(pack: Path, tmp_path: Path, kill: str) -> None:
    whole, killed = machine(tmp_path / "whole"), machine(tmp_path / "killed")
    whole.ok(pack, "--version")
    calls, _, when = kill.partition(":")
    inject = f"inject={calls}:signal=KILL:when={when.removeprefix('when=') or '1'}"
    line = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={calls}", "-e", inject, sys.executable, str(pack)]
    done = subprocess.run([*line, "--version"], env=killed.environ({}), capture_output=True, timeout=600)
    assert done.returncode == -9, done.stderr
    left = [path for path in killed.tools.iterdir() if path.name.startswith(".new-")]
    killed.ok(pack, "install")
    (tool,), (expected,) = ([path for path in side.tools.iterdir() if path not in left] for side in (killed, whole))
    assert (tool.name, tree(tool)) == (expected.name, tree(expected))
    for path in left:
        os.utime(path, (time.time() - 7200,) * 2)
    freed = worlds.valid(killed.run(pack, "gc", "--json").document)["freed"]
    assert {item["path"] for item in freed} == {str(path) for path in left}
    assert list(killed.tools.iterdir()) == [tool]


def test_gc_deletes_tools_that_nothing_uses(pack: Path, world: World, tmp_path: Path) -> None:
    home = machine(tmp_path / "home")
    home.ok(pack, "install")
    (own,) = home.tools.iterdir()
    old, running, python = (home.tools / name for name in ("0.0.1-old-cp311", "0.0.2-runs-cp311", "python-0123"))
    for folder in (old, running, python):
        shutil.copytree(own / "hero_build" / "system", folder)
        os.utime(folder, (time.time() - 7200,) * 2)
    program = [sys.executable, "-c", "import sys; sys.stdin.read()", str(running / "x")]
    with subprocess.Popen(program, stdin=subprocess.PIPE) as process:
        dry = worlds.valid(home.run(pack, "gc", "-n", "--json").document)
        assert [item["path"] for item in dry["freed"]] == [str(old)]
        home.ok(pack, "gc")
        assert set(home.tools.iterdir()) == {own, running, python}
        assert process.poll() is None
        process.communicate()
    os.utime(own, (time.time() - 7200,) * 2)
    world.ok("--root", str(home.root.path), "gc")
    assert set(home.tools.iterdir()) == {python}, "of another hero-build, which is not running"
    assert "intact" in home.ok(pack, "status")

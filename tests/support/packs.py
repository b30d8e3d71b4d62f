"""Packs for tests: one of two small apps, made once for a module, and the machine on which one is run."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from hero_build.install.layout import Root
from hero_build.pack import wheels
from hero_build.pack.interpreter import interpreter
from hero_build.pack.starter import PYTHONS
from support import worlds
from support.worlds import REPO, Done, World

CACHE = REPO / "cache"
"""Keeps the wheels that pip downloads for packs, and the interpreter of --standalone."""
SHARED = """from ._names import PROGRAM
from hero_build.recipe import Recipe, cli


class App(Recipe):
    repo = "o/web"
    binaries = (cli(PROGRAM),)
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a pack is run: a home of its own, and only what `environ` adds to PATH."""

    folder: Path

    @property
    def root(self) -> Root:
        return Root(self.folder / "hero")

    @property
    def tools(self) -> Path:
        return self.root.state / "tools"

    def run(self, pack: Path, *words: str, prefix: tuple[str, ...] = (), env: Mapping[str, str] | None = None) -> Done:
        done = subprocess.run(
            [*prefix, str(pack), *words],
            env=self.environ(env or {}),
            cwd=self.folder,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=900,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def ok(self, pack: Path, *words: str, prefix: tuple[str, ...] = ()) -> str:
        done = self.run(pack, *words, prefix=prefix)
        assert done.code == 0, done.err
        return done.out

    def environ(self, more: Mapping[str, str]) -> dict[str, str]:
        own = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8"}
        return {**own, "HERO_SUPERVISOR": "supervisord", **more}


def prepare() -> None:
    """Fetch what packs are made of."""
    for python in PYTHONS:
        wheels.download(CACHE, python)
    interpreter(CACHE)


def find_links(folder: Path) -> Path:
    """A folder with all wheels of packs, for pip's --find-links on a machine that reaches no index."""
    folder.mkdir()
    for python in PYTHONS:
        for wheel in wheels.download(CACHE, python).glob("*.whl"):
            shutil.copy2(wheel, folder)
    return folder


def make(world: World, file: Path, *words: str) -> Path:
    done = world.run("pack", *words, "-o", str(file), env={"HERO_BUILD_CACHE": str(CACHE)})
    assert done.code == 0, done.err
    return file


@pytest.fixture(scope="module")
def packing(tmp_path_factory: pytest.TempPathFactory) -> World:
    """`db` (db, db_admin) in v1 and v2, and `web` in v1, whose recipe takes its program from a module beside it;
    the set `small` has `web` alone.
    """
    world = worlds.empty(tmp_path_factory.mktemp("packing"))
    world.recipe("db", "db", "db_admin")
    (world.recipes / "_names.py").write_text('PROGRAM = "web"\n')
    (world.recipes / "_sets.py").write_text('SETS = {"small": ("web",)}\n')
    (world.recipes / "web.py").write_text(SHARED)
    world.release("db", "v1", "db", "db_admin")
    world.release("db", "v2", "db", "db_admin")
    world.release("web", "v1")
    return world


@pytest.fixture(scope="module")
def tester(packing: World) -> Path:
    """A pack of both apps, in a folder with a space."""
    folder = packing.folder / "a stick"
    folder.mkdir()
    return make(packing, folder / "tester.pyz", "db", "web")


@pytest.fixture(scope="module")
def standalone(packing: World) -> Path:
    """The same, with an interpreter of its own."""
    return make(packing, packing.folder / "standalone", "db", "web", "--standalone")

"""SIGKILL at every system call that changes a root, without any hook in the product.

For each command: record which calls a whole run makes below the root, then run it again once for each of them on a
fresh root and kill it there, before the call. Where the call before that one changed nothing (a lock, a sync, what
failed), the root is as it was then, and is not looked at twice. After each kill every app is wholly old or wholly new
and the manifest agrees with the disk; then the same command runs once more, and the root is as after an uninterrupted
run.

strace counts `when` per thread and per call, so a call is named by its thread, its name and its number.
"""

import compileall
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from hero_build.catalog.loader import load
from hero_build.context import Context
from hero_build.events import silent
from hero_build.forge.open_forge import open_forge
from hero_build.install import gc, history
from hero_build.install.layout import Root
from hero_build.model.steps import Request
from hero_build.ops.install import apply, plan
from hero_build.settings import read
from hero_build.source.git.checkouts import open_checkouts
from support import bundle_roots, mirrors, roots
from support.processes import LONG
from support.worlds import REPO

CALLS = (
    "?rename,?renameat,?renameat2,?link,?linkat,?symlink,?symlinkat,?unlink,?unlinkat,?rmdir,?mkdir,?mkdirat,"
    "?open,?openat,?creat,?write,?pwrite64,?writev,?ftruncate,?fsync,?fdatasync,?chmod,?fchmod,?fchmodat,"
    "?utimensat,?flock,?copy_file_range,?sendfile"
)
LINE = re.compile(r"^(?P<pid>\d+) +(?P<call>\w+)\((?P<rest>.*)$")
FAILED = re.compile(r"\) += -1 E\w+ \(.*\)$")
STRACE = shutil.which("strace")


def untraceable() -> str:
    """Why nothing can be killed at a system call here; empty where it can."""
    if STRACE is None:
        return "strace is not installed (Debian package strace)"
    tried = subprocess.run([STRACE, "-o", "/dev/null", "true"], capture_output=True, text=True)
    return f"ptrace is not permitted: {tried.stderr.strip()}" if tried.returncode else ""


UNTRACEABLE = untraceable()
FOREIGN = "another tool"
BUNDLES = "bundles"  # in place of a command: an island and the shell, as tests/support/bundle_roots.py installs them


@dataclass(frozen=True, slots=True)
class World:
    """A mirror with two versions of an app, the recipes for it, and where its roots go."""

    folder: Path

    @property
    def root(self) -> Root:
        return Root(self.folder / "hero")

    def environ(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("HERO_", "FORGEJO_", "PYTHON"))}
        return kept | {
            "HERO_ROOT": str(self.root.path),
            "HERO_RECIPES": str(self.folder / "recipes"),
            "FORGEJO_URL": (self.folder / "mirror").as_uri(),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join(str(Path(__file__).parents[up]) for up in (3, 2)),  # hero_build, support
        }

    def context(self) -> Context:
        settings = read({}, self.environ())
        return Context(
            settings,
            root=self.root,
            catalog=load(settings.recipes),
            forge=open_forge(settings, silent),
            emit=silent,
            checkouts=open_checkouts(settings, silent, "read"),
        )

    def install(self, version: str) -> None:
        """In this process: the way to a root that a test starts from."""
        context = self.context()
        outcome = apply(plan([Request("db", "download", version)], context), context, f"install {version}")
        assert not outcome.failed

    def command(self, *words: str) -> list[str]:
        if words[0] == BUNDLES:
            return [sys.executable, bundle_roots.__file__, str(self.root.path), words[1]]
        return [sys.executable, "-m", "hero_build", "--jobs", "1", *words]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A root to start from, a command, and the states of the root that may be seen after a kill."""

    words: Sequence[str]
    prepare: Callable[[World], None]
    versions: frozenset[str | None]
    note: str = ""
    """A foreign file that must be there whenever no version is installed."""


def nothing(world: World) -> None:
    del world


def foreign(world: World) -> None:
    """A foreign file and a foreign folder at names of the app."""
    (world.root.path / "bin" / "db_admin").mkdir(parents=True)
    (world.root.path / "bin" / "db_admin" / "note").write_text("mine")
    (world.root.path / "bin" / "db").write_text("mine")


def first(world: World) -> None:
    world.install("v1")


def second(world: World) -> None:
    world.install("v1")
    world.install("v2")


def adopted(world: World) -> None:
    foreign(world)
    world.install("v1")


def many(world: World) -> None:
    for version in ("v1", "v2") * 3:
        world.install(version)
    assert gc.collect(world.root, dry_run=True).generations == (1,)


def plain_folder(world: World) -> None:
    """A folder of somebody else's where the islands go."""
    (world.root.path / "share" / "hero_os" / "islands").mkdir(parents=True)
    (world.root.path / "share" / "hero_os" / "islands" / "note").write_text("mine")


def first_bundles(world: World) -> None:
    bundle_roots.state(world.root, "v1")


def replaced(world: World) -> None:
    """Another tool has put a file over the link."""
    world.install("v1")
    (world.root.path / "bin" / "db").unlink()
    (world.root.path / "bin" / "db").write_text(FOREIGN)


SCENARIOS = {
    "install": Scenario(["install", "db", "--mode", "download", "--version", "v1"], nothing, frozenset({None, "v1"})),
    "adopt": Scenario(["install", "db", "--mode", "download", "--version", "v1"], foreign, frozenset({None, "v1"})),
    "upgrade": Scenario(["install", "db", "--mode", "download"], first, frozenset({"v1", "v2"})),
    "heal": Scenario(["install", "db", "--mode", "download", "--version", "v1"], replaced, frozenset({FOREIGN, "v1"})),
    "rollback": Scenario(["rollback"], second, frozenset({"v1", "v2"})),
    "uninstall": Scenario(["uninstall", "db"], adopted, frozenset({None, "v1"})),
    "gc": Scenario(["gc"], many, frozenset({"v2"})),
    "bundles adopt": Scenario(
        [BUNDLES, "v1"], prepare=plain_folder, versions=frozenset({None, "v1"}), note="share/hero_os/islands/note"
    ),
    "bundles upgrade": Scenario([BUNDLES, "v2"], first_bundles, frozenset({"v1", "v2"})),
}


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """v1 has db, db_admin and db_old; v2 has db and db_admin: the recipe looks at the version's own marker file."""
    for code in ("hero_build", "tests/support"):  # else what other tests compile meanwhile changes the numbers of calls
        compileall.compile_dir(REPO / code, quiet=1)
    folder = tmp_path_factory.mktemp("crash")
    mirrors.recipe(folder / "recipes", "db", ("db", "db_admin"))
    for version in ("v1", "v2"):
        mirrors.release(folder / "mirror", app="db", tag=version, files=mirrors.programs(version, "db", "db_admin"))
    return folder


def fresh(published: Path, place: Path) -> World:
    place.mkdir()
    for name in ("recipes", "mirror"):
        (place / name).symlink_to(published / name)
    return World(place)


def strace(world: World, words: Sequence[str], *options: str) -> "subprocess.CompletedProcess[str]":
    assert STRACE
    return subprocess.run(
        [STRACE, "-f", "-qq", *options, *world.command(*words)],
        env=world.environ(),
        capture_output=True,
        text=True,
        timeout=LONG,
    )


def recorded(world: World, words: Sequence[str]) -> list[tuple[str, int]]:
    """Every (call, number in its thread) of a whole run that finds the root in a new state."""
    log = world.folder / "trace"
    done = strace(world, words, "-y", "-s", "4096", "-o", str(log), "-e", f"trace={CALLS}")
    assert done.returncode == 0, done.stderr
    counts: dict[tuple[str, str], int] = {}
    calls, kills, changed = set(), set(), True
    for line in log.read_text(errors="replace").splitlines():
        if match := LINE.match(line):
            key = (match["pid"], match["call"])
            counts[key] = counts.get(key, 0) + 1
            if _changes(match["call"], match["rest"], world.root):
                calls.add((match["call"], counts[key]))
                if changed:
                    kills.add((match["call"], counts[key]))
                changed = not _without_effect(match["call"], match["rest"])
    assert len(calls) >= 12, calls
    return sorted(kills)


def _changes(call: str, rest: str, root: Root) -> bool:
    if str(root.path) not in rest:
        return False
    return not call.startswith("open") or "O_WRONLY" in rest or "O_RDWR" in rest or "O_CREAT" in rest


def _without_effect(call: str, rest: str) -> bool:
    """Whether a call leaves the root as it is for the next process: SIGKILL loses nothing that was not synced."""
    opens = call.startswith("open") and "O_CREAT" not in rest and "O_TRUNC" not in rest
    return opens or call in ("flock", "fsync", "fdatasync") or bool(FAILED.search(rest))


def state(world: World) -> str | None:
    """Which version the root shows, asserting that it shows one, wholly, and as the manifest says."""
    place = world.root.path / "bin" / "db"
    if place.is_file() and place.read_bytes() == FOREIGN.encode():
        return FOREIGN
    generation = roots.check(world.root)
    versions = {record.origin.version for record in generation.records.values()}
    outputs = pages(world)
    for name in ("db", "db_admin"):
        path = world.root.path / "bin" / name
        if path.is_file() and path.read_bytes().startswith(b"\x7fELF"):
            outputs.add(subprocess.run([path], check=True, capture_output=True, text=True).stdout.split()[1])
    assert len(versions) <= 1
    assert outputs == versions, f"the programs are {outputs}, the manifest says {versions}"
    return next(iter(versions), None)


def pages(world: World) -> set[str]:
    """The versions of the bundles that a page would load: an island for each version, and the shell."""
    folder = world.root.path / "share" / "hero_os"
    packages = [
        path for path in (*folder.glob("islands/*/package.json"), folder / "shell" / "package.json") if path.exists()
    ]
    assert len(packages) in (0, 2), packages
    return {json.loads(path.read_text())["version"] for path in packages}


def mine(world: World) -> bool:
    """Whether the foreign file and folder are where they were before the install."""
    place = world.root.path / "bin"
    return (place / "db").read_text() == "mine" and (place / "db_admin" / "note").read_text() == "mine"


def end(world: World) -> Mapping[str, str]:
    """What the root looks like in the end, without what differs from run to run."""
    return {key: value for key, value in roots.visible(world.root).items() if not key.startswith("manifest:")}


@pytest.mark.timeout(1800)  # a hundred runs of the program, on a machine that may be busy
@pytest.mark.skipif(bool(UNTRACEABLE), reason=UNTRACEABLE)
@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_killed_at_every_change(name: str, published: Path, tmp_path: Path) -> None:
    scenario = SCENARIOS[name]
    whole = fresh(published, tmp_path / "whole")
    scenario.prepare(whole)
    calls = recorded(whole, scenario.words)
    expected, version = end(whole), state(whole)
    seen = set()
    for number, (call, when) in enumerate(calls):
        world = fresh(published, tmp_path / f"{number}")
        scenario.prepare(world)
        inject = f"inject={call}:signal=SIGKILL:when={when}"
        killed = strace(world, scenario.words, "-o", "/dev/null", "-e", f"trace={call}", "-e", inject)
        assert killed.returncode == -9, f"{call} {when} was not reached: {killed.stderr}"
        after = state(world)
        assert after in scenario.versions, f"killed at {call} {when}"
        assert after is not None or scenario.prepare not in (foreign, adopted) or mine(world)
        assert after is not None or not scenario.note or (world.root.path / scenario.note).read_text() == "mine"
        seen.add(after)
        again(world, scenario=scenario, name=name, version=version, after=after)
        assert end(world) == expected, f"killed at {call} {when}"
        shutil.rmtree(world.folder)
    assert seen == scenario.versions


def again(world: World, scenario: Scenario, name: str, version: str | None, after: str | None) -> None:
    """The next run succeeds; where the killed one had finished its work, another change does."""
    words = scenario.words
    if after == version and name in ("rollback", "uninstall"):
        words = ["gc"]
    if words[0] == BUNDLES:  # what is done in a process of its own only to be killed
        bundle_roots.state(world.root, words[1])
    else:
        done = subprocess.run(world.command(*words), env=world.environ(), capture_output=True, text=True, timeout=LONG)
        assert done.returncode == 0, done.stderr
    roots.settled(world.root)
    assert state(world) == version


def test_uninstall_restores_adopted_files(published: Path, tmp_path: Path) -> None:
    world = fresh(published, tmp_path / "one")
    adopted(world)
    history.uninstall(world.root, ["db"])
    assert mine(world)

"""Source builds for tests: apps with a repository in a mirror, and programs on PATH that record their calls.

upstream = source_builds.add_app(world)                # recipe and repo of `app`, with two programs
spies = source_builds.spies(folder, "git", "cargo")    # spies.path() is a PATH for the command
world.run("install", "app"); spies.calls("cargo")
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

from support import git_repos, refusals, roots, rust_crates
from support.processes import until
from support.worlds import REPO, Done, World

COMPILES = 600
"""Seconds: far more than a first build of a small app takes on a busy machine whose caches are empty."""
SCHEMA = REPO / "docs" / "manifest.schema.json"
SOURCE = ("install", "app", "--mode", "source")
BROKEN = "fn main() { let number: u32 = words; }\n"
"""A program that does not compile."""
PROGRAMS = ("app", "app_server")
OWN_TARGET = {".cargo/config.toml": '[build]\ntarget-dir = "target"\n'}
"""A repository whose output goes into its checkout."""
_GATED_BUILD_SCRIPT = """use std::{env, fs, path::Path, process, thread, time::Duration};

fn main() {
    println!("cargo:rerun-if-env-changed=GATE");
    let gate = env::var("GATE").unwrap();
    fs::write(Path::new(&gate).join("pid"), format!("{}\\n", process::id())).unwrap();
    while !Path::new(&gate).join("open").exists() {
        thread::sleep(Duration::from_millis(10));
    }
}
"""
GATED_APP = {**rust_crates.APP, "build.rs": _GATED_BUILD_SCRIPT}
"""APP, whose build waits for a Gate."""
_SPY = '#!/bin/sh\necho "$@" >>{notes}\nexec {real} "$@"\n'


@dataclass(frozen=True, slots=True)
class Spies:
    """A folder of programs that record each call, and run the real program."""

    folder: Path

    def path(self) -> str:
        return f"{self.folder}{os.pathsep}{os.environ['PATH']}"

    def calls(self, name: str) -> list[str]:
        """The words of each call since `forget`."""
        notes = self.folder / f"{name}.calls"
        return notes.read_text().splitlines() if notes.exists() else []

    def builds(self) -> list[list[str]]:
        return [words for call in self.calls("cargo") if (words := call.split())[0] == "build"]

    def forget(self) -> None:
        for notes in self.folder.glob("*.calls"):
            notes.unlink()


@dataclass(frozen=True, slots=True)
class Gate:
    """What a build of GATED_APP waits for. `environ` is for the command that builds."""

    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        return {"GATE": str(self.folder)}

    def reached(self) -> int:
        """Wait until a build is there; the pid of its build script."""
        pid = self.folder / "pid"
        assert until(lambda: pid.exists() and pid.read_text().endswith("\n"), COMPILES), "no build came to the gate"
        return int(pid.read_text())

    def open(self) -> None:
        (self.folder / "open").touch()


def spies(folder: Path, *names: str) -> Spies:
    folder.mkdir(parents=True)
    for name in names:
        script = _SPY.format(notes=folder / f"{name}.calls", real=shutil.which(name))
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    return Spies(folder)


def path_without(folder: Path, *names: str) -> dict[str, str]:
    """An environment whose PATH has every program of this machine's but these; cargo's home is empty."""
    folder.mkdir(parents=True)
    for place in reversed(os.environ["PATH"].split(os.pathsep)):
        for program in Path(place).iterdir() if Path(place).is_dir() else ():
            if program.name not in names:
                (folder / program.name).unlink(missing_ok=True)
                (folder / program.name).symlink_to(program)
    return {"PATH": str(folder), "CARGO_HOME": str(folder / "cargo-home")}


def add_app(
    world: World, name: str = "app", files: Mapping[str, str] = rust_crates.APP, **recipe: str
) -> git_repos.Upstream:
    """`o/<name>` in the mirror, with the recipe of its two programs."""
    world.recipe(name, *PROGRAMS, **recipe)
    return git_repos.upstream(world.mirror, f"o/{name}", files)


def checkout_path(world: World, name: str = "app") -> Path:
    return world.root.path / "code0" / "o" / name


def shared_target(world: World) -> Path:
    """The folder for cargo's output that the checkouts of a world share."""
    (folder,) = (path for path in (world.folder / "cache" / "target").iterdir() if path.is_dir())
    return folder


def clone_checkout(world: World, name: str = "app") -> Path:
    """A checkout that a user cloned before hero-build ran."""
    path = checkout_path(world, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    git_repos.git(path.parent, "clone", "--quiet", str(world.mirror / f"o/{name}.git"), str(path))
    return path


def user_state(path: Path) -> Mapping[str, object]:
    """The user's state of a checkout: its files except cargo's, HEAD, and git's output about it."""
    kept = {name: text for name, text in git_repos.files(path).items() if not name.startswith("target/")}
    output = {
        words: git_repos.git(path, *words.split()) for words in ("rev-parse HEAD", "status --porcelain", "stash list")
    }
    return {**kept, **output, "HEAD": (path / ".git" / "HEAD").read_text()}


def program_output(world: World, name: str = "app") -> str:
    """What an installed program prints."""
    program = world.root.path / "bin" / name
    return subprocess.run([program], check=True, capture_output=True, text=True).stdout.strip()


def manifest(world: World) -> Any:
    """The current manifest.json, validated against its schema."""
    found = json.loads((world.root.current / "manifest.json").read_text())
    jsonschema.validate(found, json.loads(SCHEMA.read_text()))
    return found


def installed_app(world: World, name: str = "app") -> Any:
    return manifest(world)["apps"][name]


def assert_refused(world: World, refusal: refusals.Refusal, *words: str, env: Mapping[str, str] = {}) -> Done:
    """The command fails with this error, and leaves root and checkouts unchanged."""
    before, trees = refusals.snapshot(world.root), _trees(world)
    done = world.run(*words, env=env)
    refusals.check_refusal(done, refusal, as_json="--json" in words)
    assert refusals.snapshot(world.root) == before
    assert _trees(world) == trees
    refusals.check_consistent(world.root)
    return done


@contextmanager
def start_command(world: World, *words: str, **env: str) -> Iterator["subprocess.Popen[str]"]:
    """`hero-build WORDS`, running; killed if it still does when the block ends."""
    command = [sys.executable, "-m", "hero_build", *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=world.environ(**env), cwd=REPO, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _trees(world: World) -> Mapping[str, object]:
    """The user's state of every checkout; for one that git cannot read, its files."""
    found = sorted(path for path in (world.root.path / "code0").glob("*/*") if path.parent.name != ".hero-build")
    return {str(path): _tree(path) for path in found if path.name != ".hero-build"}


def _tree(path: Path) -> object:
    try:
        return user_state(path)
    except (AssertionError, OSError):
        return roots.tree(path)

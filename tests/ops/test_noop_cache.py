"""A locked install with nothing to do is remembered, and made anew as soon as anything it rests on has changed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import mirrors
from support.processes import until


@dataclass(frozen=True, slots=True)
class World:
    folder: Path

    def run(self, *words: str, imports: bool = False) -> "subprocess.CompletedProcess[str]":
        usual = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
        environ = usual | {
            "HERO_ROOT": str(self.folder / "hero"),
            "HERO_RECIPES": str(self.folder / "recipes"),
            "FORGEJO_URL": (self.folder / "mirror").as_uri(),
        }
        python = [sys.executable, *(["-X", "importtime"] if imports else []), "-m", "hero_build"]
        return subprocess.run([*python, *words], env=environ, capture_output=True, text=True)

    def locked(self) -> "subprocess.CompletedProcess[str]":
        return self.run("install", "--locked", str(self.folder / "hero.lock"), imports=True)

    @property
    def receipt(self) -> Path:
        return self.folder / "hero" / "var" / "hero_build" / "receipt"


def recalled(done: "subprocess.CompletedProcess[str]") -> bool:
    """Was the answer read off the receipt? Then click was never imported."""
    assert done.returncode == 0, done.stderr
    return " click" not in done.stderr


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    for app in ("db", "code"):
        mirrors.recipe(tmp_path / "recipes", app)
        mirrors.release(tmp_path / "mirror", app=app, tag="v1", files=mirrors.programs("v1", app))
    for words in (["install", "db", "code"], ["lock", "db", "code", "-o", str(tmp_path / "hero.lock")]):
        done = made.run(*words)
        assert done.returncode == 0, done.stderr
    assert until(lambda: recalled(made.locked()))
    return made


def test_the_second_time_the_answer_is_recalled_and_is_the_same(world: World) -> None:
    world.receipt.unlink()
    first, second = world.locked(), world.locked()
    assert recalled(second)
    assert not recalled(first)
    assert second.stdout == first.stdout
    assert "nothing to do" in second.stdout


def touch_recipe(world: World) -> None:
    with (world.folder / "recipes" / "db.py").open("a") as file:
        file.write("# changed\n")


def truncate(world: World) -> None:
    os.truncate((world.folder / "hero" / "bin" / "db").resolve(), 64)


def overwrite_alike(world: World) -> None:
    path = (world.folder / "hero" / "bin" / "db").resolve()
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def write_config(world: World) -> None:
    (world.folder / "hero" / "cfg").mkdir()
    (world.folder / "hero" / "cfg" / "hero_build.toml").write_text("jobs = 3\n")


def replace_link(world: World) -> None:
    link = world.folder / "hero" / "bin" / "db"
    link.unlink()
    link.write_text("another tool")


CHANGES: dict[str, Callable[[World], object]] = {
    "recipe changed": touch_recipe,
    "recipe added": lambda world: mirrors.recipe(world.folder / "recipes", "another"),
    "config written": write_config,
    "lock file rewritten": lambda world: world.run("lock", "db", "-o", str(world.folder / "hero.lock")),
    "another generation": lambda world: world.run("uninstall", "code"),
    "file truncated": truncate,
    "file of equal size": overwrite_alike,
    "link replaced": replace_link,
    "link removed": lambda world: (world.folder / "hero" / "bin" / "db").unlink(),
    "sets changed": lambda world: (world.folder / "recipes" / "_sets.py").write_text('SETS = {"a": ("db",)}\n'),
    "manifest touched": lambda world: os.utime(world.folder / "hero/var/hero_build/current/manifest.json"),
    "work interrupted": lambda world: (world.folder / "hero" / "var" / "hero_build" / "staging" / "x").mkdir(),
    "receipt broken": lambda world: world.receipt.write_text('{"asked": '),
    "receipt of something else": lambda world: world.receipt.write_text("[]"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen(world: World, change: str) -> None:
    assert recalled(world.locked())
    CHANGES[change](world)
    assert not recalled(world.locked())
    assert world.run("verify").returncode == 0


def test_other_words_are_another_question(world: World) -> None:
    assert recalled(world.locked())
    done = world.run("install", "db", "--locked", str(world.folder / "hero.lock"), "--json", imports=True)
    assert " click" in done.stderr
    assert json.loads(done.stdout)["exit"] == 0


def test_a_receipt_holds_no_token(world: World) -> None:
    os.environ["FORGEJO_TOKEN"] = "hush-hush"
    try:
        world.receipt.unlink()
        assert until(lambda: recalled(world.locked()))
    finally:
        del os.environ["FORGEJO_TOKEN"]
    assert "hush" not in world.receipt.read_text()

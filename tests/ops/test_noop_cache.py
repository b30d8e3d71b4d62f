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
class InstalledApps:
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

    def locked(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return self.run("install", "--locked", str(self.folder / "hero.lock"), *words, imports=True)

    @property
    def receipt(self) -> Path:
        return self.folder / "hero" / "var" / "hero_build" / "receipt"


def recalled(done: "subprocess.CompletedProcess[str]") -> bool:
    """Was the answer read off the receipt? Then the settings were never read."""
    assert done.returncode == 0, done.stderr
    return "hero_build.settings" not in done.stderr


@pytest.fixture
def installed(tmp_path: Path) -> InstalledApps:
    made = InstalledApps(tmp_path)
    for app in ("db", "code"):
        mirrors.recipe(tmp_path / "recipes", app)
        mirrors.release(tmp_path / "mirror", app=app, tag="v1", files=mirrors.programs("v1", app))
    for words in (["install", "db", "code"], ["lock", "db", "code", "-o", str(tmp_path / "hero.lock")]):
        done = made.run(*words)
        assert done.returncode == 0, done.stderr
    assert until(lambda: recalled(made.locked()))
    return made


def test_the_second_time_the_answer_is_recalled_and_is_the_same(installed: InstalledApps) -> None:
    installed.receipt.unlink()
    first, second = installed.locked(), installed.locked()
    assert recalled(second)
    assert not recalled(first)
    assert second.stdout == first.stdout
    assert "nothing to do" in second.stdout


def test_the_json_document_is_recalled_and_is_the_same(installed: InstalledApps) -> None:
    """With --exact, as a machine of a fleet converges."""
    words = ("--exact", "--json")
    assert until(lambda: recalled(installed.locked(*words)))
    remembered = installed.locked(*words)
    assert recalled(remembered)
    installed.receipt.unlink()
    decided = installed.locked(*words)
    assert not recalled(decided)
    assert decided.stdout == remembered.stdout
    document = json.loads(decided.stdout)
    assert (document["before"] - document["after"], document["failed"]) == (0, [])
    assert [part["state"] for part in document["parts"]] == ["kept", "kept"]
    assert until(lambda: recalled(installed.locked(*words)))
    assert "nothing to do" in installed.locked().stdout, "the page is another answer"
    assert installed.run("hold", "db").returncode == 0
    held = installed.locked(*words)
    assert not recalled(held)
    assert [warning["text"] for warning in json.loads(held.stdout)["warnings"]] != []
    assert not recalled(installed.locked(*words)), "a document with a warning is not remembered"


def test_services_that_may_have_to_be_restarted_are_looked_at_each_time(installed: InstalledApps) -> None:
    words = ("--restart", "--rollback-on-failure", "--json")
    assert not recalled(installed.locked(*words))
    assert not recalled(installed.locked(*words))


def touch_recipe(installed: InstalledApps) -> None:
    with (installed.folder / "recipes" / "db.py").open("a") as file:
        file.write("# changed\n")


def truncate(installed: InstalledApps) -> None:
    os.truncate((installed.folder / "hero" / "bin" / "db").resolve(), 64)


def overwrite_alike(installed: InstalledApps) -> None:
    path = (installed.folder / "hero" / "bin" / "db").resolve()
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def write_config(installed: InstalledApps) -> None:
    (installed.folder / "hero" / "cfg").mkdir()
    (installed.folder / "hero" / "cfg" / "hero_build.toml").write_text("jobs = 3\n")


def replace_link(installed: InstalledApps) -> None:
    link = installed.folder / "hero" / "bin" / "db"
    link.unlink()
    link.write_text("another tool")


CHANGES: dict[str, Callable[[InstalledApps], object]] = {
    "recipe changed": touch_recipe,
    "recipe added": lambda installed: mirrors.recipe(installed.folder / "recipes", "another"),
    "config written": write_config,
    "lock file rewritten": lambda installed: installed.run("lock", "db", "-o", str(installed.folder / "hero.lock")),
    "another generation": lambda installed: installed.run("uninstall", "code"),
    "file truncated": truncate,
    "file of equal size": overwrite_alike,
    "link replaced": replace_link,
    "link removed": lambda installed: (installed.folder / "hero" / "bin" / "db").unlink(),
    "sets changed": lambda installed: (installed.folder / "recipes" / "_sets.py").write_text('SETS = {"a": ("db",)}\n'),
    "manifest touched": lambda installed: os.utime(installed.folder / "hero/var/hero_build/current/manifest.json"),
    "work interrupted": lambda installed: (installed.folder / "hero" / "var" / "hero_build" / "staging" / "x").mkdir(),
    "receipt broken": lambda installed: installed.receipt.write_text('{"asked": '),
    "receipt of something else": lambda installed: installed.receipt.write_text("[]"),
}


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen(installed: InstalledApps, change: str) -> None:
    assert recalled(installed.locked())
    CHANGES[change](installed)
    assert not recalled(installed.locked())
    assert installed.run("verify").returncode == 0


def test_other_words_are_another_question(installed: InstalledApps) -> None:
    assert recalled(installed.locked())
    done = installed.run("install", "db", "--locked", str(installed.folder / "hero.lock"), "--json", imports=True)
    assert "hero_build.settings" in done.stderr
    assert json.loads(done.stdout)["exit"] == 0


def test_a_receipt_holds_no_token(installed: InstalledApps) -> None:
    os.environ["FORGEJO_TOKEN"] = "hush-hush"
    try:
        installed.receipt.unlink()
        assert until(lambda: recalled(installed.locked()))
    finally:
        del os.environ["FORGEJO_TOKEN"]
    assert "hush" not in installed.receipt.read_text()

"""Foreign files, links and folders at names of an app: kept, and restored when no app needs the name."""

import os
import subprocess
from pathlib import Path

import pytest

from hero_build import manifest
from hero_build.install import history, seal
from hero_build.install.layout import Root
from hero_build.model.installed import PartId
from support import roots


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "hero")


def output(root: Root, name: str) -> str:
    return subprocess.run([root.path / "bin" / name], check=True, capture_output=True, text=True).stdout


def damage(root: Root, app: str) -> tuple[str, ...]:
    generation = manifest.load(root.path)
    return seal.inspect(root, generation, [PartId(app)])[PartId(app)].damage


def test_a_foreign_file_is_adopted_and_restored(root: Root) -> None:
    foreign = root.path / "bin" / "db"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("mine")
    foreign.chmod(0o640)
    inode = foreign.stat().st_ino
    before, after = roots.install(root, "db", "v1")
    assert (before.number, after.number) == (0, 2)
    assert output(root, "db") == "db v1\n"
    assert [item.path for item in after.adopted] == ["bin/db"]
    roots.install(root, "db", "v2")
    history.uninstall(root, ["db"])
    assert foreign.read_text() == "mine"
    assert foreign.stat().st_ino == inode
    assert foreign.stat().st_mode & 0o7777 == 0o640
    assert roots.settled(root).adopted == ()


def test_a_foreign_folder_and_a_foreign_link_are_adopted_and_restored(root: Root) -> None:
    (root.path / "bin" / "db" / "deep").mkdir(parents=True)
    (root.path / "bin" / "db" / "deep" / "note").write_text("mine")
    (root.path / "bin" / "code").symlink_to("/nowhere")
    roots.install(root, "hero", "v1", "db", "code")
    assert output(root, "db") == "db v1\n"
    history.rollback(root, 0)
    assert (root.path / "bin" / "db" / "deep" / "note").read_text() == "mine"
    assert os.readlink(root.path / "bin" / "code") == "/nowhere"
    roots.settled(root)


def test_rollback_to_before_the_adoption_restores_the_file(root: Root) -> None:
    roots.install(root, "code", "v1")
    (root.path / "bin" / "db").write_text("mine")
    roots.install(root, "db", "v1")
    history.rollback(root, 1)
    assert (root.path / "bin" / "db").read_text() == "mine"
    roots.settled(root)


def test_a_second_file_adopted_at_one_name_does_not_lose_the_first(root: Root) -> None:
    (root.path / "bin").mkdir(parents=True)
    (root.path / "bin" / "db").write_text("first")
    roots.install(root, "db", "v1")
    (root.path / "bin" / "db").unlink()
    (root.path / "bin" / "db").write_text("second")
    assert damage(root, "db") == ("bin/db was replaced by something else",)
    roots.install(root, "db", "v1")
    assert output(root, "db") == "db v1\n"
    history.uninstall(root, ["db"])
    assert (root.path / "bin" / "db").read_text() == "second"
    assert (root.path / "bin" / "db.~1~").read_text() == "first"


def test_a_newer_foreign_file_is_not_overwritten_by_the_adopted_one(root: Root) -> None:
    (root.path / "bin").mkdir(parents=True)
    (root.path / "bin" / "db").write_text("adopted")
    roots.install(root, "db", "v1")
    (root.path / "bin" / "db").unlink()
    (root.path / "bin" / "db").write_text("newer")
    history.uninstall(root, ["db"])
    assert (root.path / "bin" / "db").read_text() == "newer"
    (root.path / "bin" / "db").unlink()
    roots.install(root, "code", "v1")
    assert (root.path / "bin" / "db").read_text() == "adopted"

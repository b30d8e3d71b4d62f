"""The commit protocol without kills: what each change leaves, and that nothing of a user's is lost."""

import os
import subprocess
from pathlib import Path

import pytest

from hero_build.errors import RecipeError
from hero_build.install.commit import commit
from hero_build.install.layout import Root
from hero_build.install.root_lock import locked
from hero_build.install.store import stage
from hero_build.model.installed import Generation, PartId
from support import roots


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "hero")


def output(root: Root, name: str) -> str:
    return subprocess.run([root.path / "bin" / name], check=True, capture_output=True, text=True).stdout


def test_an_install_is_one_generation_with_links_that_run(root: Root) -> None:
    before, after = roots.install(root, "db", "v1", "db", "db_server")
    assert (before.number, after.number) == (0, 1)
    assert output(root, "db_server") == "db_server v1\n"
    assert os.readlink(root.path / "bin" / "db") == "../var/hero_build/current/bin/db"
    assert roots.settled(root).records[PartId("db")].origin.version == "v1"


def test_an_upgrade_keeps_other_apps_inodes_and_times(root: Root) -> None:
    roots.install(root, "db", "v1")
    roots.install(root, "code", "v1")
    kept = (root.path / "bin" / "code").stat()
    roots.install(root, "db", "v2")
    now = (root.path / "bin" / "code").stat()
    assert (now.st_ino, now.st_mtime_ns) == (kept.st_ino, kept.st_mtime_ns)
    assert output(root, "db") == "db v2\n"
    assert roots.settled(root).number == 3


def test_what_is_installed_already_makes_no_generation(root: Root) -> None:
    roots.install(root, "db", "v1")
    before, after = roots.install(root, "db", "v1")
    assert before == after
    assert before.number == 1


def test_equal_content_replaces_the_store_file_and_older_generations_keep_theirs(root: Root) -> None:
    roots.install(root, "db", "v1")
    first = (root.path / "bin" / "db").stat()
    roots.install(root, "db", "v2")
    roots.install(root, "db", "v1")
    third = (root.path / "bin" / "db").stat()
    assert third.st_mtime_ns > first.st_mtime_ns
    assert root.generation(1).joinpath("bin/db").stat().st_ino == first.st_ino != third.st_ino


def test_a_binary_that_left_the_set_is_removed_after_the_flip(root: Root) -> None:
    roots.install(root, "db", "v1", "db", "db_ui")
    roots.install(root, "db", "v2", "db")
    assert not os.path.lexists(root.path / "bin" / "db_ui")
    assert set(roots.settled(root).records) == {PartId("db")}


def test_a_path_belongs_to_one_part(root: Root) -> None:
    roots.install(root, "db", "v1", "tool")
    before = roots.tree(root.path / "bin")
    with pytest.raises(RecipeError, match="code and db both install bin/tool") as caught:
        roots.install(root, "code", "v1", "tool")
    assert "uninstall db" in caught.value.hint
    assert roots.tree(root.path / "bin") == before


def test_two_new_parts_of_one_commit_cannot_share_a_path(root: Root) -> None:
    one, other = (
        roots.ready(root, app="db", version="v1", names=["tool"]),
        roots.ready(root, app="code", version="v2", names=["tool"]),
    )
    with pytest.raises(RecipeError, match="both install bin/tool"), locked(root) as locked_root:
        commit(locked_root, [stage(locked_root, one), stage(locked_root, other)], "install")
    assert roots.settled(root) == Generation(0)

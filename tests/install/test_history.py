"""Rollback and uninstall: what each restores or removes, and what they refuse."""

import os
import subprocess
from pathlib import Path

import pytest

from hero_build.errors import GenerationNotFound, NotFound, RootDamaged
from hero_build.install import gc, history
from hero_build.install.layout import Root
from hero_build.model.installed import Generation
from support import roots


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "hero")


def output(root: Root, name: str) -> str:
    return subprocess.run([root.path / "bin" / name], check=True, capture_output=True, text=True).stdout


def test_rollback_restores_versions_and_removes_newer_apps(root: Root) -> None:
    roots.install(root, "db", "v1")
    roots.install(root, "db", "v2", "db", "db_admin")
    before, after = history.rollback(root)
    assert (before.number, after.number) == (2, 3)
    assert output(root, "db") == "db v1\n"
    assert not os.path.lexists(root.path / "bin" / "db_admin")
    history.rollback(root, 2)
    assert output(root, "db_admin") == "db_admin v2\n"
    assert [item.action for item in history.list_generations(root) if isinstance(item, Generation)][2:] == [
        "rollback to 1",
        "rollback to 2",
    ]
    roots.settled(root)


def test_rollback_of_the_first_install_empties_the_root(root: Root) -> None:
    roots.install(root, "db", "v1")
    history.rollback(root)
    assert roots.settled(root).records == {}
    assert os.listdir(root.path / "bin") == []


def test_rollback_to_equal_content_changes_nothing(root: Root) -> None:
    roots.install(root, "db", "v1")
    assert history.rollback(root, 1)[1].number == 1


@pytest.mark.parametrize("number", [7, -1])
def test_rollback_to_a_generation_that_does_not_exist(root: Root, number: int) -> None:
    roots.install(root, "db", "v1")
    roots.install(root, "db", "v2")
    with pytest.raises(GenerationNotFound) as caught:
        history.rollback(root, number)
    assert "Choose 1, or 0 for" in caught.value.hint
    assert roots.settled(root).number == 2


def test_rollback_without_an_earlier_generation_never_means_the_empty_root(root: Root) -> None:
    roots.install(root, "db", "v1")
    roots.install(root, "db", "v2")
    gc.collect(root, keep=1)
    with pytest.raises(GenerationNotFound, match="no earlier generation"):
        history.rollback(root)
    assert output(root, "db") == "db v2\n"


def test_rollback_passes_over_a_generation_that_failed_and_was_undone(root: Root) -> None:
    """1 and 3 are v1, 2 and 4 are v2; 6 is 4 again, after 5, which failed."""
    for version in ("v1", "v2", "v1", "v2", "v3", "v2"):
        roots.install(root, "db", version)
    assert history.earlier_number(root) == 5
    assert history.earlier_number(root, failed={5}) == 3
    history.rollback(root, failed={5})
    assert output(root, "db") == "db v1\n"
    history.rollback(root, 5, failed={5})
    assert output(root, "db") == "db v3\n"


def test_rollback_does_not_restore_what_failed_for_want_of_another(root: Root) -> None:
    for version in ("v1", "v2", "v1"):
        roots.install(root, "db", version)
    with pytest.raises(GenerationNotFound, match="but 2, whose services did not come up,") as caught:
        history.rollback(root, failed={2})
    assert "Choose one of 1, 2, or 0 for" in caught.value.hint
    assert output(root, "db") == "db v1\n"


def test_rollback_refuses_damaged_content(root: Root) -> None:
    roots.install(root, "db", "v1")
    roots.install(root, "db", "v2")
    old = root.generation(1) / "bin" / "db"
    old.write_bytes(b"rotten")
    with pytest.raises(RootDamaged, match="generation 1 is damaged: bin/db has 6 bytes"):
        history.rollback(root)
    assert output(root, "db") == "db v2\n"


def test_rollback_repairs_a_root_whose_manifest_is_broken(root: Root) -> None:
    roots.install(root, "db", "v1")
    roots.install(root, "db", "v2", "db", "extra")
    (root.generation(2) / "manifest.json").write_text("{")
    with pytest.raises(RootDamaged, match="cannot be read"):
        roots.install(root, "code", "v1")
    history.rollback(root, 1)
    assert output(root, "db") == "db v1\n"
    roots.settled(root)


def test_a_lost_current_is_not_taken_for_an_empty_root(root: Root) -> None:
    roots.install(root, "db", "v1")
    roots.install(root, "db", "v2")
    root.current.unlink()
    with pytest.raises(RootDamaged, match="is missing") as caught:
        roots.install(root, "code", "v1")
    assert "rollback 2" in caught.value.hint
    history.rollback(root, 2)
    assert output(root, "db") == "db v2\n"
    roots.settled(root)


def test_uninstall_removes_whole_apps(root: Root) -> None:
    roots.install(root, "db", "v1", "db", "db_server")
    roots.install(root, "code", "v1")
    history.uninstall(root, ["db"])
    assert os.listdir(root.path / "bin") == ["code"]
    roots.settled(root)


def test_uninstall_of_a_missing_app_lists_the_installed(root: Root) -> None:
    roots.install(root, "db", "v1")
    with pytest.raises(NotFound, match="cod is not installed") as caught:
        history.uninstall(root, ["db", "cod"])
    assert "db" in caught.value.hint
    assert roots.settled(root).number == 1

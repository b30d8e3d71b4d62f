"""Lock files that our own builds wrote: remembered by content, and never one that git tracks."""

from pathlib import Path

import pytest

from hero_build.source.git.paths import STATE_FOLDER
from hero_build.source.own_locks import own_locks, recording, writable_locks
from support import git_repos


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / STATE_FOLDER).mkdir()
    return git_repos.repository(tmp_path / "app", {"a": "a", "in/b": "b"})


def build(tree: Path, *folders: str, version: int = 1) -> None:
    with recording(tree, writable_locks(tree, [tree / name for name in folders])):
        for name in folders:
            (tree / name / "Cargo.lock").write_text(f"lock of {name} {version}")


def test_a_new_lock_file_is_our_own_until_it_changes(tree: Path) -> None:
    build(tree, "", "in")
    assert own_locks(tree) == (tree / "Cargo.lock", tree / "in" / "Cargo.lock")
    (tree / "Cargo.lock").write_text("edited")
    assert own_locks(tree) == (tree / "in" / "Cargo.lock",)
    build(tree, "", "in", version=2)
    assert own_locks(tree) == (tree / "in" / "Cargo.lock",), "the other was somebody's when the build began"


def test_a_lock_file_that_was_there_is_not_our_own(tree: Path) -> None:
    (tree / "Cargo.lock").write_text("theirs")
    build(tree, "")
    assert own_locks(tree) == ()


def test_a_committed_lock_file_is_not_our_own(tree: Path) -> None:
    build(tree, "")
    git_repos.commit(tree, {})
    assert own_locks(tree) == ()


def test_a_record_that_cannot_be_read_owns_nothing(tree: Path) -> None:
    build(tree, "")
    (tree.parent / STATE_FOLDER / "app.own-locks.json").write_text("{")
    assert own_locks(tree) == ()

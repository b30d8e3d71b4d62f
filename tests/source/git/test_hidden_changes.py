"""Changes that git status leaves out: by a mark, in every form of the index, or by what git was said to believe."""

from pathlib import Path

import pytest

from hero_build.source.git.status import read_tree, status
from support import git_repos
from support.git_repos import git

MARKS = ("--assume-unchanged", "--skip-worktree")
FORMS = {
    "version 2": ("update-index", "--index-version=2"),
    "version 4": ("update-index", "--index-version=4"),
    "split": ("update-index", "--split-index"),
}
LONG = "deep/" * 900 + "file.txt"
"""Longer than the index has a length for."""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = git_repos.repository(tmp_path / "tree", {"a.txt": "one\n", "ünï code.txt": "two\n", "z/b.txt": "three\n"})
    (folder / "link").symlink_to("a.txt")
    git_repos.commit(folder, {})
    return folder


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("form", FORMS)
def test_a_marked_file_that_differs_is_a_change(tree: Path, mark: str, form: str) -> None:
    git(tree, *FORMS[form])
    git(tree, "update-index", mark, "ünï code.txt", "z/b.txt", "link")
    assert status(tree).changes == ()
    (tree / "ünï code.txt").write_text("mine\n")
    (tree / "link").unlink()
    (tree / "link").symlink_to("z/b.txt")
    assert git(tree, "status", "--porcelain") == ""
    assert status(tree).changes == ("link", "ünï code.txt")
    assert read_tree(tree).dirty
    (tree / "ünï code.txt").write_text("two\n")
    (tree / "link").unlink()
    (tree / "link").write_text("a.txt")
    assert status(tree).changes == ("link",)


def test_a_marked_file_that_is_gone(tree: Path) -> None:
    """One of a sparse checkout need not be there."""
    git(tree, "update-index", "--assume-unchanged", "a.txt")
    git(tree, "update-index", "--skip-worktree", "z/b.txt")
    for name in ("a.txt", "z/b.txt"):
        (tree / name).unlink()
    assert status(tree).changes == ("a.txt",)
    git(tree, "checkout", "--", "a.txt")
    git(tree, "sparse-checkout", "set", "--no-cone", "/a.txt")
    assert status(tree).changes == ()


def test_filters_apply(tree: Path) -> None:
    git_repos.commit(tree, {".gitattributes": "*.txt text eol=crlf\n"})
    git(tree, "update-index", "--assume-unchanged", "a.txt")
    (tree / "a.txt").write_bytes(b"one\r\n")
    assert status(tree).changes == ()
    (tree / "a.txt").write_bytes(b"two\r\n")
    assert status(tree).changes == ("a.txt",)


def test_of_a_submodule(tree: Path, tmp_path: Path) -> None:
    git_repos.repository(tmp_path / "sub", {"s.txt": "s\n"})
    git(tree, "submodule", "--quiet", "add", str(tmp_path / "sub"), "sub")
    git_repos.commit(tree, {})
    git(tree / "sub", "update-index", "--assume-unchanged", "s.txt")
    assert status(tree).changes == ()
    (tree / "sub" / "s.txt").write_text("mine\n")
    assert status(tree).changes == ("sub",)


def test_of_digests_and_names_of_another_length(tmp_path: Path) -> None:
    (tmp_path / "wide").mkdir()
    git(tmp_path / "wide", "init", "--quiet", "--object-format=sha256")
    git_repos.commit(tmp_path / "wide", {"a.txt": "one\n", "b.txt": "two\n"})
    (short := git_repos.repository(tmp_path / "long", {"a.txt": "one\n"}))
    digest = git(short, "rev-parse", "HEAD:a.txt")
    git(short, "update-index", "--add", "--cacheinfo", f"100644,{digest},{LONG}")
    git(short, "update-index", "--skip-worktree", LONG)
    git(short, "commit", "--quiet", "-m", "a long name")
    for tree in (tmp_path / "wide", short):
        git(tree, "update-index", "--assume-unchanged", "a.txt")
        assert status(tree).changes == ()
        (tree / "a.txt").write_text("mine\n")
        assert status(tree).changes == ("a.txt",)


def test_a_file_monitor_is_not_believed(tree: Path, tmp_path: Path) -> None:
    """One that misses a change, as after an overflow of its queue."""
    monitor = tmp_path / "monitor"
    monitor.write_text("#!/bin/sh\nprintf 'token\\0'\n")
    monitor.chmod(0o755)
    git(tree, "config", "core.fsmonitor", str(monitor))
    git(tree, "status")
    (tree / "a.txt").write_text("mine\n")
    assert git(tree, "status", "--porcelain") == ""
    assert status(tree).changes == ("a.txt",)


def test_a_replaced_commit_does_not_hide_its_files(tree: Path) -> None:
    first = git(tree, "rev-parse", "HEAD")
    other = git_repos.commit(tree, {"a.txt": "other\n"})
    git(tree, "reset", "--quiet", "--hard", first)
    git(tree, "replace", first, other)
    git(tree, "reset", "--quiet", "--hard")
    assert (tree / "a.txt").read_text() == "other\n"
    assert git(tree, "status", "--porcelain") == ""
    assert status(tree).changes == ("a.txt",)

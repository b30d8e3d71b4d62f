"""What is read of a checkout without git is what git says, and git is asked where its files have more than that."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hero_build.errors import CheckoutRefused
from hero_build.source.git.status import may_track, remote_of, tracked_files
from support import git_repos
from support.git_repos import git
from support.spies import calls, record_calls

REPO = "o/app"
NESTED = {"Cargo.toml": "", "link": "", "crates/Cargo.lock": "", "crates/Cargo.toml": ""}
FLAT = {"Cargo.toml": "", "link": "", "src/sdir/MyCargo.toml": "", "src/Cargo.toml.old": ""}


def checkout(folder: Path, files: dict[str, str]) -> Path:
    return git_repos.upstream(folder / "mirror", repo=REPO, files=files).work


@pytest.mark.parametrize("files", [FLAT, NESTED])
@pytest.mark.parametrize("version", ["2", "3", "4", "split", "sparse"])
def test_a_manifest_that_git_tracks_below_the_root_is_always_seen(
    files: dict[str, str], version: str, tmp_path: Path
) -> None:
    tree = checkout(tmp_path, files)
    if version == "split":
        git(tree, "update-index", "--split-index")
    elif version == "sparse":
        git(tree, "sparse-checkout", "set", "--cone", "--sparse-index", "nowhere")
    else:
        git(tree, "update-index", f"--index-version={version}")
        if version == "3":  # which git writes only where an entry needs it
            git(tree, "update-index", "--skip-worktree", "Cargo.toml")
    tracked = [name for name in tracked_files(tree) if name.endswith("/Cargo.toml")]
    assert bool(tracked) is (files is NESTED)
    if tracked:
        assert may_track(tree, "Cargo.toml")
    elif version in ("2", "3"):
        assert not may_track(tree, "Cargo.toml")


@pytest.mark.parametrize("files", [FLAT, NESTED])
def test_a_folder_without_an_index_of_its_own_may_track_all(files: dict[str, str], tmp_path: Path) -> None:
    tree = checkout(tmp_path, files)
    git(tree, "worktree", "add", "--detach", str(tmp_path / "linked"))
    assert may_track(tmp_path / "linked", "Cargo.toml")
    assert may_track(tmp_path, "Cargo.toml")


def included(tree: Path) -> None:
    config = tree / ".git" / "config"
    (tree / ".git" / "more").write_text(config.read_text())
    config.write_text("[include]\n\tpath = more\n")


def quoted(tree: Path) -> None:
    config = tree / ".git" / "config"
    config.write_text(config.read_text().replace("url = ", 'url = "').replace(f"{REPO}.git", f'{REPO}.git" ; comment'))


def older(tree: Path) -> None:
    config = tree / ".git" / "config"
    config.write_text(config.read_text().replace('[remote "origin"]', "[remote.origin]"))


def plain(tree: Path) -> None:
    """As git wrote it."""


@pytest.mark.parametrize(("change", "started"), [(plain, 0), (included, 1), (quoted, 1), (older, 1)])
def test_the_remote_is_the_one_of_the_configuration(
    change: Callable[[Path], None], started: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = tmp_path / "app"
    upstream = git_repos.upstream(tmp_path / "mirror", repo=REPO, files=FLAT)
    git(tmp_path, "clone", "--quiet", str(tmp_path / "mirror" / f"{REPO}.git"), str(tree))
    branch = git(upstream.work, "branch", "--show-current").strip()
    change(tree)
    notes = record_calls(tmp_path / "path", "git", monkeypatch)
    assert remote_of(tree, REPO, branch) == "origin"
    with pytest.raises(CheckoutRefused, match="another repository"):
        remote_of(tree, "o/other", branch)
    assert len(calls(notes)) == 2 * started

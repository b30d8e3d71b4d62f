"""Checkouts from a mirror: where they go, what a clone begins with, and that what is there is taken as it is."""

import os
import shutil
import threading
from pathlib import Path

import pytest

from hero_build import settings
from hero_build.errors import (
    CheckoutRefused,
    MissingTool,
    NetworkError,
    NotWritable,
    RefNotFound,
    RepoNotFound,
    UnsafeName,
    UsageError,
)
from hero_build.events import GitProgress
from hero_build.model.steps import Tree
from hero_build.settings import Secret
from hero_build.source.git.credentials import GitAccess
from hero_build.source.git.ensure import CheckoutRequest, ensure
from hero_build.source.git.paths import STATE_FOLDER, Checkout, checkout, locate, sibling, url_matches
from hero_build.source.git.status import read_tree
from support import git_repos
from support.checkout_env import REPO, CheckoutEnv

HOSTILE = [
    "--upload-pack=touch pwned",
    "-x",
    "a\nb",
    "a\0b",
    "",
    "a..b",
    "a b",
    "@{-1}",
    "x.lock",
    "\x1b[31m",
    "a" * 999,
]


def test_a_fresh_clone_is_on_development_where_there_is_one(desk: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    made = upstream.commit({"b.txt": "b"}, "development")
    assert desk.ensure() == Tree(desk.path, commit=made, dirty=False, ref="development")
    assert git_repos.files(desk.path) == {"a.txt": b"one\n", "b.txt": b"b"}


def test_a_fresh_clone_is_on_the_default_branch_else(desk: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    upstream.commit({"b.txt": "b"}, "other")
    assert desk.ensure().ref == "main"


def test_a_fresh_clone_takes_the_branch_of_the_recipe(desk: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    upstream.commit({"b.txt": "b"}, "development")
    made = upstream.commit({"c.txt": "c"}, "next/two")
    assert desk.ensure(branch="next/two") == Tree(desk.path, commit=made, dirty=False, ref="next/two")


def test_a_clone_leaves_nothing_but_its_lock_beside_it(desk: CheckoutEnv) -> None:
    desk.ensure()
    assert [path.name for path in (desk.path.parent / STATE_FOLDER).iterdir()] == ["app.lock"]
    assert any(isinstance(event, GitProgress) and event.percent == 100 for event in desk.events)


def test_a_server_whose_head_leads_nowhere(desk: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    git_repos.git(upstream.bare, "symbolic-ref", "HEAD", "refs/heads/gone")
    assert desk.ensure().ref == "main"
    upstream.commit({"b.txt": "b"}, "other")
    shutil.rmtree(desk.path)
    with pytest.raises(RefNotFound, match="no default branch") as caught:
        desk.ensure()
    assert "main, other" in caught.value.hint
    assert not desk.path.exists()


@pytest.mark.parametrize("name", ["v1", "refs/tags/v1"])
@pytest.mark.parametrize("words", [(), ("--annotate", "-m", "one")])
def test_a_clone_at_a_tag(desk: CheckoutEnv, upstream: git_repos.Upstream, name: str, words: tuple[str, ...]) -> None:
    made = upstream.commit({"a.txt": "two"})
    upstream.tag("v1", *words)
    upstream.commit({"a.txt": "three"})
    assert desk.ensure(name) == Tree(desk.path, commit=made, dirty=False, ref="")


@pytest.mark.parametrize("length", [40, 8])
def test_a_clone_at_a_commit(desk: CheckoutEnv, upstream: git_repos.Upstream, length: int) -> None:
    made = upstream.commit({"a.txt": "two"})
    upstream.commit({"a.txt": "three"})
    assert desk.ensure(made[:length]) == Tree(desk.path, commit=made, dirty=False, ref="")


def test_a_tag_is_meant_where_a_branch_has_its_name(desk: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    tagged = upstream.commit({"a.txt": "tagged"})
    upstream.tag("v1")
    branched = upstream.commit({"a.txt": "branched"}, "v1x")
    git_repos.git(upstream.bare, "branch", "v1", branched)
    assert desk.ensure("v1").commit == branched
    assert desk.ensure("refs/tags/v1").commit == tagged


def test_a_commit_that_no_branch_leads_to(desk: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    lost = upstream.commit({"a.txt": "lost"})
    git_repos.git(upstream.work, "reset", "--quiet", "--hard", "HEAD~1")
    upstream.push()
    assert desk.ensure(lost).commit == lost
    desk.ensure("main")
    desk.git("gc", "--quiet", "--prune=now")
    assert desk.ensure(lost).commit == lost


def test_an_unknown_ref_names_what_is_near(desk: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    upstream.tag("v0.3.2")
    with pytest.raises(RefNotFound, match=r"no branch, tag or commit 'v0\.3\.3'") as caught:
        desk.ensure("v0.3.3")
    assert "v0.3.2" in caught.value.hint
    assert caught.value.code == 3
    assert not desk.path.exists()
    with pytest.raises(RefNotFound):
        desk.ensure("deadbeef" * 5)


@pytest.mark.parametrize("ref", HOSTILE)
def test_a_hostile_ref_is_refused(desk: CheckoutEnv, ref: str) -> None:
    for want in (CheckoutRequest(ref=ref), CheckoutRequest(branch=ref)):
        with pytest.raises(UnsafeName) as caught:
            ensure(checkout(desk.coderoot, REPO, desk.reach.forge), request=want, access=desk.reach, locks=desk.locks)
        assert caught.value.code == 2
    assert not desk.coderoot.exists()


@pytest.mark.parametrize("repo", ["../x", "o/..", "o/a/b", "o", "/etc", "o/-\n"])
def test_a_hostile_repo_is_refused(desk: CheckoutEnv, repo: str) -> None:
    with pytest.raises(UnsafeName):
        desk.ensure(repo=repo)


def test_a_repo_that_looks_like_an_option_is_only_a_name(desk: CheckoutEnv, tmp_path: Path) -> None:
    git_repos.upstream(tmp_path / "mirror", "-o/--upload-pack=x", {"a.txt": "odd"})
    assert desk.ensure(repo="-o/--upload-pack=x").path == desk.coderoot / "-o" / "--upload-pack=x"


def test_a_repo_without_a_commit(desk: CheckoutEnv, tmp_path: Path) -> None:
    git_repos.git(tmp_path, "init", "--quiet", "--bare", str(tmp_path / "mirror" / "o" / "empty.git"))
    with pytest.raises(RefNotFound, match="o/empty has no commit yet"):
        desk.ensure(repo="o/empty")
    assert not (desk.coderoot / "o" / "empty").exists()


def test_a_mirror_without_the_repo(desk: CheckoutEnv) -> None:
    with pytest.raises(RepoNotFound, match="no repository at file:") as caught:
        desk.ensure(repo="o/absent")
    assert "git clone --mirror" in caught.value.hint


def test_a_forge_that_does_not_answer(desk: CheckoutEnv) -> None:
    nowhere = GitAccess("http://127.0.0.1:9")
    with pytest.raises(NetworkError, match="cannot clone o/app") as caught:
        ensure(
            checkout(desk.coderoot, REPO, nowhere.forge), request=CheckoutRequest(), access=nowhere, locks=desk.locks
        )
    assert caught.value.code == 4


def test_a_coderoot_that_cannot_be_written(desk: CheckoutEnv) -> None:
    desk.coderoot.mkdir()
    (desk.coderoot / "o").write_text("a file")
    with pytest.raises(NotWritable, match=str(desk.coderoot / "o")) as caught:
        desk.ensure()
    assert caught.value.code == 8


def test_no_git(desk: CheckoutEnv, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="git is not on this machine") as caught:
        desk.ensure()
    assert "apt install git" in caught.value.hint
    assert caught.value.code == 8


def test_what_is_there_is_taken_as_it_is_without_a_forge(desk: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    first = desk.ensure()
    upstream.commit({"a.txt": "newer"})
    shutil.rmtree(upstream.mirror)
    assert desk.ensure() == first
    (desk.path / "a.txt").write_text("mine")
    assert desk.ensure() == Tree(desk.path, commit=first.commit, dirty=True, ref="main")
    assert (desk.path / "a.txt").read_text() == "mine"


def test_the_flat_place_is_used_where_it_is_what_there_is(desk: CheckoutEnv) -> None:
    flat = desk.coderoot / "app"
    git_repos.repository(flat, {"a.txt": "flat"})
    assert desk.ensure().path == flat
    assert locate(desk.coderoot, "app/other") == desk.coderoot / "app" / "other"
    (desk.coderoot / "o" / "app").mkdir(parents=True)
    assert locate(desk.coderoot, REPO) == desk.coderoot / "o" / "app"


def test_a_sibling_lies_beside_its_checkout_whoever_owns_it(desk: CheckoutEnv) -> None:
    home = checkout(desk.coderoot, "org/bundle", "https://forge.example")
    made = sibling(home, "other/net", "https://forge.example")
    assert made == Checkout(desk.coderoot / "org" / "net", "other/net", "https://forge.example/other/net.git")


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("https://forge.example/o/app.git", True),
        ("https://person:secret@forge.example/O/App/", True),
        ("git@forge.example:o/app.git", True),
        ("ssh://git@forge.example:2222/o/app", True),
        ("/srv/mirror/o/app.git", True),
        ("https://forge.example/me/app.git", False),
        ("https://forge.example/o/app2", False),
        ("git@forge.example:app", False),
    ],
)
def test_which_addresses_mean_a_repo(url: str, same: bool) -> None:
    assert url_matches(url, REPO) is same


def test_an_empty_folder_is_nothing(desk: CheckoutEnv) -> None:
    desk.path.mkdir(parents=True)
    assert desk.ensure().ref == "main"


def test_a_folder_with_something_else_is_refused(desk: CheckoutEnv) -> None:
    git_repos.write(desk.path, {"notes.txt": "mine"})
    with pytest.raises(CheckoutRefused, match="no checkout that git can read") as caught:
        desk.ensure()
    assert caught.value.code == 8
    assert "move it away" in caught.value.hint
    assert git_repos.files(desk.path) == {"notes.txt": b"mine"}


def test_a_folder_inside_of_another_checkout_is_not_taken_for_it(desk: CheckoutEnv) -> None:
    git_repos.repository(desk.coderoot, {"x": "x"})
    git_repos.write(desk.path, {"notes.txt": "mine"})
    with pytest.raises(CheckoutRefused, match="no checkout that git can read"):
        desk.ensure()


def test_a_file_at_the_place_is_refused(desk: CheckoutEnv) -> None:
    desk.path.parent.mkdir(parents=True)
    desk.path.write_text("mine")
    with pytest.raises(CheckoutRefused, match="is no folder"):
        desk.ensure()
    desk.path.unlink()
    desk.path.symlink_to("nowhere")
    with pytest.raises(CheckoutRefused, match="is no folder"):
        desk.ensure()


@pytest.mark.parametrize("victim", ["HEAD", "objects", "config", "index"])
def test_a_corrupted_checkout_is_refused_and_stays_as_it_is(desk: CheckoutEnv, victim: str) -> None:
    desk.ensure()
    (desk.path / "a.txt").write_text("mine")
    path = desk.path / ".git" / victim
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.write_text("[broken")
    before = git_repos.files(desk.path)
    for want in (CheckoutRequest(), CheckoutRequest(ref="main"), CheckoutRequest(update=True)):
        with pytest.raises(CheckoutRefused) as caught:
            ensure(checkout(desk.coderoot, REPO, desk.reach.forge), request=want, access=desk.reach, locks=desk.locks)
        assert caught.value.hint
    assert git_repos.files(desk.path) == before


def test_a_checkout_without_a_commit(desk: CheckoutEnv) -> None:
    desk.path.mkdir(parents=True)
    desk.git("init", "--quiet")
    with pytest.raises(CheckoutRefused, match="has no commit yet"):
        desk.ensure()


def test_a_checkout_of_another_repo_is_refused(desk: CheckoutEnv) -> None:
    git_repos.repository(desk.path, {"a.txt": "other"})
    desk.git("remote", "add", "origin", "https://me:secret@forge.example/me/app.git")
    with pytest.raises(CheckoutRefused, match=r"of another repository \(https://forge.example/me/app.git\)") as caught:
        desk.ensure()
    assert "remote add upstream" in caught.value.hint
    assert "secret" not in caught.value.message + caught.value.hint
    desk.git("remote", "add", "upstream", "https://forge.example/o/app.git")
    assert desk.ensure().ref == "main"


def test_a_checkout_with_no_remote_is_a_persons_own(desk: CheckoutEnv) -> None:
    git_repos.repository(desk.path, {"a.txt": "own"})
    commit = desk.git("rev-parse", "HEAD")
    assert desk.ensure(update=True).commit == commit
    assert any("no remote" in text for text in desk.warnings)


def test_a_linked_work_tree_is_a_checkout(desk: CheckoutEnv, tmp_path: Path) -> None:
    git_repos.repository(tmp_path / "elsewhere", {"a.txt": "a"})
    git_repos.git(tmp_path / "elsewhere", "worktree", "add", "--quiet", "-b", "side", str(desk.path))
    assert desk.ensure().ref == "side"


def test_what_a_build_leaves_is_no_change(desk: CheckoutEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.ensure()
    git_repos.write(desk.path, {"target/CACHEDIR.TAG": "x", "target/release/app": "x", "Cargo.lock": "x"})
    git_repos.write(desk.path, {"out/CACHEDIR.TAG": "x", "out/app": "x"})
    assert read_tree(desk.path).dirty
    monkeypatch.setenv("CARGO_TARGET_DIR", "out")
    assert not read_tree(desk.path).dirty
    git_repos.write(desk.path, {'odd "name"\t\xe9.rs': "x"})
    assert read_tree(desk.path).dirty


def test_a_hook_of_git_does_not_lead_astray(desk: CheckoutEnv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GIT_DIR is in the environment of whatever a hook runs; settings.read takes it out."""
    git_repos.repository(tmp_path / "other", {"x": "x"})
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "nowhere"))
    settings.read({"root": str(tmp_path)}, os.environ)
    assert desk.ensure(update=True).ref == "main"
    assert git_repos.files(desk.path) == {"a.txt": b"one\n"}


def test_a_shallow_clone(desk: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    old = upstream.commit({"a.txt": "two"})
    upstream.tag("v1")
    upstream.commit({"a.txt": "three"})
    upstream.commit({"b.txt": "b"}, "development")
    upstream.commit({"a.txt": "four"}, "main")
    assert desk.ensure(depth=1).ref == "development"
    assert desk.git("rev-list", "--count", "HEAD") == "1"
    assert desk.ensure("main", depth=1).ref == "main"
    assert desk.ensure("v1", depth=1) == Tree(desk.path, commit=old, dirty=False, ref="")
    assert desk.ensure(old, depth=1).commit == old
    newer = upstream.commit({"a.txt": "five"}, "development")
    assert desk.ensure("development", update=True, depth=1).commit == newer


def test_submodules_come_along_and_follow(desk: CheckoutEnv, upstream: git_repos.Upstream, tmp_path: Path) -> None:
    part = git_repos.upstream(tmp_path / "mirror", "o/part", {"part.txt": "1"})
    git_repos.git(upstream.work, "remote", "add", "origin", str(upstream.bare))
    git_repos.git(upstream.work, "submodule", "--quiet", "add", "../part.git", "sub/part")
    upstream.commit({})
    desk.ensure()
    assert git_repos.files(desk.path)["sub/part/part.txt"] == b"1"

    part.commit({"part.txt": "2"})
    git_repos.git(upstream.work / "sub" / "part", "pull", "--quiet", str(part.bare), "main")
    upstream.commit({})
    assert desk.ensure(update=True).dirty is False
    assert git_repos.files(desk.path)["sub/part/part.txt"] == b"2"

    (desk.path / "sub" / "part" / "part.txt").write_text("mine")
    assert desk.ensure(update=True).dirty is True
    assert git_repos.files(desk.path)["sub/part/part.txt"] == b"mine"


def test_a_submodule_that_was_never_brought_is(desk: CheckoutEnv, upstream: git_repos.Upstream, tmp_path: Path) -> None:
    git_repos.upstream(tmp_path / "mirror", "o/part", {"part.txt": "1"})
    git_repos.git(upstream.work, "remote", "add", "origin", str(upstream.bare))
    git_repos.git(upstream.work, "submodule", "--quiet", "add", "../part.git", "sub/part")
    upstream.commit({})
    git_repos.git(tmp_path, "clone", "--quiet", upstream.bare.as_uri(), str(desk.path))
    assert "sub/part/part.txt" not in git_repos.files(desk.path)
    assert desk.ensure().dirty is False
    assert git_repos.files(desk.path)["sub/part/part.txt"] == b"1"


def test_threads_of_one_run_take_turns(desk: CheckoutEnv) -> None:
    trees: list[Tree] = []
    threads = [threading.Thread(target=lambda: trees.append(desk.ensure())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(trees) == 4
    assert len(set(trees)) == 1


def test_a_token_that_is_none(desk: CheckoutEnv) -> None:
    odd = GitAccess("http://127.0.0.1:9", Secret("a\nhost=evil"))
    with pytest.raises(UsageError, match="FORGEJO_TOKEN") as caught:
        ensure(checkout(desk.coderoot, REPO, odd.forge), request=CheckoutRequest(), access=odd, locks=desk.locks)
    assert "evil" not in caught.value.message + caught.value.hint

"""Checkouts from a mirror: where they go, what a clone begins with, and that what is there is taken as it is."""

import os
import shutil
import threading
from pathlib import Path

import pytest

from hero_build import settings
from hero_build.errors import (
    CheckoutRefused,
    HeroBuildError,
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
from hero_build.source.git.errors import git_error
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


def test_a_fresh_clone_is_on_development_where_there_is_one(
    checkout_env: CheckoutEnv, upstream: git_repos.Upstream
) -> None:
    commit = upstream.commit({"b.txt": "b"}, "development")
    assert checkout_env.ensure() == Tree(checkout_env.path, commit=commit, dirty=False, ref="development")
    assert git_repos.files(checkout_env.path) == {"a.txt": b"one\n", "b.txt": b"b"}


def test_a_fresh_clone_is_on_the_default_branch_else(checkout_env: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    upstream.commit({"b.txt": "b"}, "other")
    assert checkout_env.ensure().ref == "main"


def test_a_fresh_clone_takes_the_branch_of_the_recipe(checkout_env: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    upstream.commit({"b.txt": "b"}, "development")
    commit = upstream.commit({"c.txt": "c"}, "next/two")
    assert checkout_env.ensure(branch="next/two") == Tree(checkout_env.path, commit=commit, dirty=False, ref="next/two")


def test_a_clone_leaves_nothing_but_its_lock_beside_it(checkout_env: CheckoutEnv) -> None:
    checkout_env.ensure()
    assert [path.name for path in (checkout_env.path.parent / STATE_FOLDER).iterdir()] == ["app.lock"]
    assert any(isinstance(event, GitProgress) and event.percent == 100 for event in checkout_env.events)


def test_a_server_whose_head_leads_nowhere(checkout_env: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    git_repos.git(upstream.bare, "symbolic-ref", "HEAD", "refs/heads/gone")
    assert checkout_env.ensure().ref == "main"
    upstream.commit({"b.txt": "b"}, "other")
    shutil.rmtree(checkout_env.path)
    with pytest.raises(RefNotFound, match="no default branch") as caught:
        checkout_env.ensure()
    assert "main, other" in caught.value.hint
    assert not checkout_env.path.exists()


@pytest.mark.parametrize("name", ["v1", "refs/tags/v1"])
@pytest.mark.parametrize("words", [(), ("--annotate", "-m", "one")])
def test_a_clone_at_a_tag(
    checkout_env: CheckoutEnv, upstream: git_repos.Upstream, name: str, words: tuple[str, ...]
) -> None:
    commit = upstream.commit({"a.txt": "two"})
    upstream.tag("v1", *words)
    upstream.commit({"a.txt": "three"})
    assert checkout_env.ensure(name) == Tree(checkout_env.path, commit=commit, dirty=False, ref="")


@pytest.mark.parametrize("length", [40, 8])
def test_a_clone_at_a_commit(checkout_env: CheckoutEnv, upstream: git_repos.Upstream, length: int) -> None:
    commit = upstream.commit({"a.txt": "two"})
    upstream.commit({"a.txt": "three"})
    assert checkout_env.ensure(commit[:length]) == Tree(checkout_env.path, commit=commit, dirty=False, ref="")


def test_a_tag_is_meant_where_a_branch_has_its_name(checkout_env: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    tagged = upstream.commit({"a.txt": "tagged"})
    upstream.tag("v1")
    branched = upstream.commit({"a.txt": "branched"}, "v1x")
    git_repos.git(upstream.bare, "branch", "v1", branched)
    assert checkout_env.ensure("v1").commit == branched
    assert checkout_env.ensure("refs/tags/v1").commit == tagged


def test_a_commit_that_no_branch_leads_to(checkout_env: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    lost = upstream.commit({"a.txt": "lost"})
    git_repos.git(upstream.work, "reset", "--quiet", "--hard", "HEAD~1")
    upstream.push()
    assert checkout_env.ensure(lost).commit == lost
    checkout_env.ensure("main")
    checkout_env.git("gc", "--quiet", "--prune=now")
    assert checkout_env.ensure(lost).commit == lost


def test_an_unknown_ref_names_what_is_near(checkout_env: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    upstream.tag("v0.3.2")
    with pytest.raises(RefNotFound, match=r"no branch, tag or commit 'v0\.3\.3'") as caught:
        checkout_env.ensure("v0.3.3")
    assert "v0.3.2" in caught.value.hint
    assert caught.value.code == 3
    assert not checkout_env.path.exists()
    with pytest.raises(RefNotFound):
        checkout_env.ensure("deadbeef" * 5)


@pytest.mark.parametrize("ref", HOSTILE)
def test_a_hostile_ref_is_refused(checkout_env: CheckoutEnv, ref: str) -> None:
    for request in (CheckoutRequest(ref=ref), CheckoutRequest(branch=ref)):
        with pytest.raises(UnsafeName) as caught:
            ensure(
                checkout(checkout_env.coderoot, REPO, checkout_env.access.forge),
                request=request,
                access=checkout_env.access,
                locks=checkout_env.locks,
            )
        assert caught.value.code == 2
    assert not checkout_env.coderoot.exists()


@pytest.mark.parametrize("repo", ["../x", "o/..", "o/a/b", "o", "/etc", "o/-\n"])
def test_a_hostile_repo_is_refused(checkout_env: CheckoutEnv, repo: str) -> None:
    with pytest.raises(UnsafeName):
        checkout_env.ensure(repo=repo)


def test_a_repo_that_looks_like_an_option_is_only_a_name(checkout_env: CheckoutEnv, tmp_path: Path) -> None:
    git_repos.upstream(tmp_path / "mirror", "-o/--upload-pack=x", {"a.txt": "odd"})
    assert checkout_env.ensure(repo="-o/--upload-pack=x").path == checkout_env.coderoot / "-o" / "--upload-pack=x"


def test_a_repo_without_a_commit(checkout_env: CheckoutEnv, tmp_path: Path) -> None:
    git_repos.git(tmp_path, "init", "--quiet", "--bare", str(tmp_path / "mirror" / "o" / "empty.git"))
    with pytest.raises(RefNotFound, match="o/empty has no commit yet"):
        checkout_env.ensure(repo="o/empty")
    assert not (checkout_env.coderoot / "o" / "empty").exists()


def test_a_mirror_without_the_repo(checkout_env: CheckoutEnv) -> None:
    with pytest.raises(RepoNotFound, match="no repository at file:") as caught:
        checkout_env.ensure(repo="o/absent")
    assert "git clone --mirror" in caught.value.hint


def test_a_forge_that_does_not_answer(checkout_env: CheckoutEnv) -> None:
    nowhere = GitAccess("http://127.0.0.1:9")
    with pytest.raises(NetworkError, match="cannot clone o/app") as caught:
        ensure(
            checkout(checkout_env.coderoot, REPO, nowhere.forge),
            request=CheckoutRequest(),
            access=nowhere,
            locks=checkout_env.locks,
        )
    assert caught.value.code == 4


def test_a_coderoot_that_cannot_be_written(checkout_env: CheckoutEnv) -> None:
    checkout_env.coderoot.mkdir()
    (checkout_env.coderoot / "o").write_text("a file")
    with pytest.raises(NotWritable, match=str(checkout_env.coderoot / "o")) as caught:
        checkout_env.ensure()
    assert caught.value.code == 8


def test_no_git(checkout_env: CheckoutEnv, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="git is not on this machine") as caught:
        checkout_env.ensure()
    assert "apt install git" in caught.value.hint
    assert caught.value.code == 8


def test_an_existing_checkout_is_used_as_it_is_without_a_forge(
    checkout_env: CheckoutEnv, upstream: git_repos.Upstream
) -> None:
    first = checkout_env.ensure()
    upstream.commit({"a.txt": "newer"})
    shutil.rmtree(upstream.mirror)
    assert checkout_env.ensure() == first
    (checkout_env.path / "a.txt").write_text("mine")
    assert checkout_env.ensure() == Tree(checkout_env.path, commit=first.commit, dirty=True, ref="main")
    assert (checkout_env.path / "a.txt").read_text() == "mine"


def test_the_flat_place_is_used_where_it_is_what_there_is(checkout_env: CheckoutEnv) -> None:
    flat = checkout_env.coderoot / "app"
    git_repos.repository(flat, {"a.txt": "flat"})
    assert checkout_env.ensure().path == flat
    assert locate(checkout_env.coderoot, "app/other") == checkout_env.coderoot / "app" / "other"
    (checkout_env.coderoot / "o" / "app").mkdir(parents=True)
    assert locate(checkout_env.coderoot, REPO) == checkout_env.coderoot / "o" / "app"


def test_a_sibling_lies_beside_its_checkout_whoever_owns_it(checkout_env: CheckoutEnv) -> None:
    home = checkout(checkout_env.coderoot, "org/bundle", "https://forge.example")
    beside = sibling(home, "other/net", "https://forge.example")
    assert beside == Checkout(checkout_env.coderoot / "org" / "net", "other/net", "https://forge.example/other/net.git")


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


def test_an_empty_folder_is_nothing(checkout_env: CheckoutEnv) -> None:
    checkout_env.path.mkdir(parents=True)
    assert checkout_env.ensure().ref == "main"


def test_a_folder_with_something_else_is_refused(checkout_env: CheckoutEnv) -> None:
    git_repos.write(checkout_env.path, {"notes.txt": "mine"})
    with pytest.raises(CheckoutRefused, match="git cannot read the checkout") as caught:
        checkout_env.ensure()
    assert caught.value.code == 8
    assert "move it away" in caught.value.hint
    assert git_repos.files(checkout_env.path) == {"notes.txt": b"mine"}


def test_a_folder_inside_another_checkout_is_not_that_checkout(checkout_env: CheckoutEnv) -> None:
    git_repos.repository(checkout_env.coderoot, {"x": "x"})
    git_repos.write(checkout_env.path, {"notes.txt": "mine"})
    with pytest.raises(CheckoutRefused, match="git cannot read the checkout"):
        checkout_env.ensure()


def test_a_file_at_the_place_is_refused(checkout_env: CheckoutEnv) -> None:
    checkout_env.path.parent.mkdir(parents=True)
    checkout_env.path.write_text("mine")
    with pytest.raises(CheckoutRefused, match="is not a folder"):
        checkout_env.ensure()
    checkout_env.path.unlink()
    checkout_env.path.symlink_to("nowhere")
    with pytest.raises(CheckoutRefused, match="is not a folder"):
        checkout_env.ensure()


@pytest.mark.parametrize("victim", ["HEAD", "objects", "config", "index"])
def test_a_corrupted_checkout_is_refused_and_stays_as_it_is(checkout_env: CheckoutEnv, victim: str) -> None:
    checkout_env.ensure()
    (checkout_env.path / "a.txt").write_text("mine")
    path = checkout_env.path / ".git" / victim
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.write_text("[broken")
    before = git_repos.files(checkout_env.path)
    for request in (CheckoutRequest(), CheckoutRequest(ref="main"), CheckoutRequest(update=True)):
        with pytest.raises(CheckoutRefused) as caught:
            ensure(
                checkout(checkout_env.coderoot, REPO, checkout_env.access.forge),
                request=request,
                access=checkout_env.access,
                locks=checkout_env.locks,
            )
        assert caught.value.hint
    assert git_repos.files(checkout_env.path) == before


def test_a_checkout_without_a_commit(checkout_env: CheckoutEnv) -> None:
    checkout_env.path.mkdir(parents=True)
    checkout_env.git("init", "--quiet")
    with pytest.raises(CheckoutRefused, match="has no commit yet"):
        checkout_env.ensure()


def test_a_checkout_of_another_repo_is_refused(checkout_env: CheckoutEnv) -> None:
    git_repos.repository(checkout_env.path, {"a.txt": "other"})
    checkout_env.git("remote", "add", "origin", "https://me:secret@forge.example/me/app.git")
    with pytest.raises(CheckoutRefused, match=r"of another repository \(https://forge.example/me/app.git\)") as caught:
        checkout_env.ensure()
    assert "remote add upstream" in caught.value.hint
    assert "secret" not in caught.value.message + caught.value.hint
    checkout_env.git("remote", "add", "upstream", "https://forge.example/o/app.git")
    assert checkout_env.ensure().ref == "main"


def test_a_checkout_with_no_remote_is_a_persons_own(checkout_env: CheckoutEnv) -> None:
    git_repos.repository(checkout_env.path, {"a.txt": "own"})
    commit = checkout_env.git("rev-parse", "HEAD")
    assert checkout_env.ensure(update=True).commit == commit
    assert any("no remote" in text for text in checkout_env.warnings)


def test_a_linked_work_tree_is_a_checkout(checkout_env: CheckoutEnv, tmp_path: Path) -> None:
    git_repos.repository(tmp_path / "elsewhere", {"a.txt": "a"})
    git_repos.git(tmp_path / "elsewhere", "worktree", "add", "--quiet", "-b", "side", str(checkout_env.path))
    assert checkout_env.ensure().ref == "side"


def test_what_a_build_leaves_is_no_change(checkout_env: CheckoutEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout_env.ensure()
    git_repos.write(checkout_env.path, {"target/CACHEDIR.TAG": "x", "target/release/app": "x", "Cargo.lock": "x"})
    git_repos.write(checkout_env.path, {"out/CACHEDIR.TAG": "x", "out/app": "x"})
    assert read_tree(checkout_env.path).dirty
    monkeypatch.setenv("CARGO_TARGET_DIR", "out")
    assert not read_tree(checkout_env.path).dirty
    git_repos.write(checkout_env.path, {'odd "name"\t\xe9.rs': "x"})
    assert read_tree(checkout_env.path).dirty


def test_a_hook_of_git_does_not_lead_astray(
    checkout_env: CheckoutEnv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GIT_DIR is in the environment of whatever a hook runs; settings.read takes it out."""
    git_repos.repository(tmp_path / "other", {"x": "x"})
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "nowhere"))
    settings.read({"root": str(tmp_path)}, os.environ)
    assert checkout_env.ensure(update=True).ref == "main"
    assert git_repos.files(checkout_env.path) == {"a.txt": b"one\n"}


def test_a_shallow_clone(checkout_env: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    old = upstream.commit({"a.txt": "two"})
    upstream.tag("v1")
    upstream.commit({"a.txt": "three"})
    upstream.commit({"b.txt": "b"}, "development")
    upstream.commit({"a.txt": "four"}, "main")
    assert checkout_env.ensure(depth=1).ref == "development"
    assert checkout_env.git("rev-list", "--count", "HEAD") == "1"
    assert checkout_env.ensure("main", depth=1).ref == "main"
    assert checkout_env.ensure("v1", depth=1) == Tree(checkout_env.path, commit=old, dirty=False, ref="")
    assert checkout_env.ensure(old, depth=1).commit == old
    newer = upstream.commit({"a.txt": "five"}, "development")
    assert checkout_env.ensure("development", update=True, depth=1).commit == newer


def test_submodules_come_along_and_follow(
    checkout_env: CheckoutEnv, upstream: git_repos.Upstream, tmp_path: Path
) -> None:
    part = git_repos.upstream(tmp_path / "mirror", "o/part", {"part.txt": "1"})
    git_repos.git(upstream.work, "remote", "add", "origin", str(upstream.bare))
    git_repos.git(upstream.work, "submodule", "--quiet", "add", "../part.git", "sub/part")
    upstream.commit({})
    checkout_env.ensure()
    assert git_repos.files(checkout_env.path)["sub/part/part.txt"] == b"1"

    part.commit({"part.txt": "2"})
    git_repos.git(upstream.work / "sub" / "part", "pull", "--quiet", str(part.bare), "main")
    upstream.commit({})
    assert checkout_env.ensure(update=True).dirty is False
    assert git_repos.files(checkout_env.path)["sub/part/part.txt"] == b"2"

    (checkout_env.path / "sub" / "part" / "part.txt").write_text("mine")
    assert checkout_env.ensure(update=True).dirty is True
    assert git_repos.files(checkout_env.path)["sub/part/part.txt"] == b"mine"


def test_a_submodule_that_was_never_brought_is(
    checkout_env: CheckoutEnv, upstream: git_repos.Upstream, tmp_path: Path
) -> None:
    git_repos.upstream(tmp_path / "mirror", "o/part", {"part.txt": "1"})
    git_repos.git(upstream.work, "remote", "add", "origin", str(upstream.bare))
    git_repos.git(upstream.work, "submodule", "--quiet", "add", "../part.git", "sub/part")
    upstream.commit({})
    git_repos.git(tmp_path, "clone", "--quiet", upstream.bare.as_uri(), str(checkout_env.path))
    assert "sub/part/part.txt" not in git_repos.files(checkout_env.path)
    assert checkout_env.ensure().dirty is False
    assert git_repos.files(checkout_env.path)["sub/part/part.txt"] == b"1"


def test_threads_of_one_run_take_turns(checkout_env: CheckoutEnv) -> None:
    trees: list[Tree] = []
    threads = [threading.Thread(target=lambda: trees.append(checkout_env.ensure())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(trees) == 4
    assert len(set(trees)) == 1


def test_a_token_that_is_none(checkout_env: CheckoutEnv) -> None:
    odd = GitAccess("http://127.0.0.1:9", Secret("a\nhost=evil"))
    with pytest.raises(UsageError, match="FORGEJO_TOKEN") as caught:
        ensure(
            checkout(checkout_env.coderoot, REPO, odd.forge),
            request=CheckoutRequest(),
            access=odd,
            locks=checkout_env.locks,
        )
    assert "evil" not in caught.value.message + caught.value.hint


def test_a_submodule_that_gitmodules_does_not_list_is_a_warning(
    checkout_env: CheckoutEnv, upstream: git_repos.Upstream, tmp_path: Path
) -> None:
    git_repos.upstream(tmp_path / "mirror", "o/part", {"part.txt": "1"})
    git_repos.git(upstream.work, "remote", "add", "origin", str(upstream.bare))
    git_repos.git(upstream.work, "submodule", "--quiet", "add", "../part.git", "sub/part")
    commit = git_repos.git(upstream.work, "rev-parse", "HEAD")
    git_repos.git(upstream.work, "update-index", "--add", "--cacheinfo", f"160000,{commit},lost")
    git_repos.git(upstream.work, "commit", "--quiet", "--message=a submodule without an address")
    upstream.push()
    assert checkout_env.ensure().dirty is False
    assert git_repos.files(checkout_env.path)["sub/part/part.txt"] == b"1"
    assert checkout_env.warnings == ["o/app has a submodule lost that its .gitmodules does not list"]


def test_a_hint_about_a_submodule_names_its_address(
    checkout_env: CheckoutEnv, upstream: git_repos.Upstream, tmp_path: Path
) -> None:
    part = git_repos.upstream(tmp_path / "mirror", "o/part", {"part.txt": "1"})
    git_repos.git(upstream.work, "remote", "add", "origin", str(upstream.bare))
    git_repos.git(upstream.work, "submodule", "--quiet", "add", "../part.git", "sub/part")
    upstream.commit({})
    shutil.rmtree(part.bare)
    with pytest.raises(HeroBuildError) as caught:
        checkout_env.ensure()
    text = f"{caught.value.message} {caught.value.hint}"
    assert f"{tmp_path}/mirror/o/part.git" in text
    assert "o/app.git" not in text
    assert ".clone-" not in text
    assert not checkout_env.path.exists()


@pytest.mark.parametrize("line", ["fatal: odd", "fatal: not a git repository", "error: Permission denied"])
def test_a_hint_after_a_failed_clone_names_no_folder_that_is_gone(tmp_path: Path, line: str) -> None:
    place = Checkout(tmp_path / "code" / "o" / "app", "o/app", "https://forge.example/o/app.git")
    error = git_error("clone", tail=(line,), checkout=place, access=GitAccess("https://forge.example"))
    assert str(place.path) not in f"{error.message} {error.hint}"

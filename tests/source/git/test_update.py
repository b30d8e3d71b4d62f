"""--update and --ref on a checkout that is there: forward where that is possible, and work is never lost."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hero_build.errors import CheckoutRefused, NetworkError, RepoNotFound
from hero_build.model.steps import Tree
from hero_build.source.git.credentials import GitAccess
from hero_build.source.git.ensure import CheckoutRequest, ensure
from hero_build.source.git.paths import checkout
from support import git_repos
from support.checkout_env import REPO, CheckoutEnv


def state(desk: CheckoutEnv) -> tuple[dict[str, bytes], str, str, str]:
    """All that a person could lose: the files, the index, HEAD and every ref."""
    index = desk.git("ls-files", "--stage")
    return git_repos.files(desk.path), index, (desk.path / ".git" / "HEAD").read_text(), desk.git("show-ref")


def test_update_goes_forward(desk: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    desk.ensure()
    made = upstream.commit({"a.txt": "two"})
    assert desk.ensure().commit != made
    assert desk.ensure(update=True) == Tree(desk.path, commit=made, dirty=False, ref="main")
    assert desk.ensure(update=True) == Tree(desk.path, commit=made, dirty=False, ref="main")
    assert desk.warnings == []


def test_update_keeps_what_is_ahead(desk: CheckoutEnv) -> None:
    desk.ensure()
    mine = desk.commit("mine")
    assert desk.ensure(update=True).commit == mine
    assert desk.warnings == []


def test_a_diverged_checkout_is_taken_as_it_is_and_said_so(desk: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    desk.ensure()
    mine = desk.commit("mine")
    upstream.commit({"a.txt": "two"})
    upstream.commit({"a.txt": "three"})
    before = git_repos.files(desk.path)
    assert desk.ensure(update=True) == Tree(desk.path, commit=mine, dirty=False, ref="main")
    assert desk.warnings == [f"{desk.path} has diverged from origin/main (1 here, 2 there): it is built as it is"]
    assert git_repos.files(desk.path) == before


@pytest.mark.parametrize("name", ["a.txt", "new.txt"])
def test_a_dirty_checkout_is_taken_as_it_is_and_said_so(
    desk: CheckoutEnv, upstream: git_repos.Upstream, name: str
) -> None:
    first = desk.ensure()
    git_repos.write(desk.path, {name: "mine"})
    upstream.commit({"a.txt": "two"})
    before = git_repos.files(desk.path)
    assert desk.ensure(update=True) == Tree(desk.path, commit=first.commit, dirty=True, ref="main")
    assert desk.warnings == [f"{desk.path} has uncommitted changes and is 1 behind origin/main: it is built as it is"]
    assert git_repos.files(desk.path) == before


def test_a_detached_checkout_is_taken_as_it_is_and_said_so(desk: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    first = desk.ensure()
    desk.git("checkout", "--quiet", "--detach")
    upstream.commit({"a.txt": "two"})
    assert desk.ensure(update=True) == Tree(desk.path, commit=first.commit, dirty=False, ref="")
    assert desk.warnings == [f"{desk.path} is on no branch (HEAD is detached): it is built as it is"]


def test_a_branch_of_ones_own_is_taken_as_it_is_and_said_so(desk: CheckoutEnv) -> None:
    desk.ensure()
    desk.git("checkout", "--quiet", "-b", "mine")
    assert desk.ensure(update=True).ref == "mine"
    assert desk.warnings == [f"{desk.path} has a branch mine that its remote does not have: it is built as it is"]


def test_a_branch_without_an_upstream_follows_its_namesake(desk: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    desk.ensure()
    desk.git("branch", "--unset-upstream")
    made = upstream.commit({"a.txt": "two"})
    assert desk.ensure(update=True).commit == made


def test_a_fork_follows_its_own_remote(desk: CheckoutEnv, upstream: git_repos.Upstream, tmp_path: Path) -> None:
    fork = git_repos.upstream(tmp_path / "mirror", "me/app", {"a.txt": "fork"})
    git_repos.git(tmp_path, "clone", "--quiet", fork.bare.as_uri(), str(desk.path))
    desk.git("remote", "add", "upstream", upstream.bare.as_uri())
    made = fork.commit({"a.txt": "fork two"})
    assert desk.ensure(update=True).commit == made


def test_update_without_a_network_is_an_error(desk: CheckoutEnv) -> None:
    first = desk.ensure()
    desk.git("remote", "set-url", "origin", "http://127.0.0.1:9/o/app.git")
    with pytest.raises(NetworkError, match="cannot fetch o/app"):
        desk.ensure(update=True)
    assert desk.ensure() == first


def test_update_of_a_repo_that_is_gone_is_an_error(desk: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    desk.ensure()
    upstream.bare.rename(upstream.bare.with_name("gone.git"))
    with pytest.raises(RepoNotFound):
        desk.ensure(update=True)


def test_to_a_branch_and_back(desk: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    first = desk.ensure()
    made = upstream.commit({"b.txt": "b"}, "side")
    assert desk.ensure("side") == Tree(desk.path, commit=made, dirty=False, ref="side")
    assert desk.git("rev-parse", "--abbrev-ref", "side@{upstream}") == "origin/side"
    assert desk.ensure("main") == first
    newer = upstream.commit({"b.txt": "bb"}, "side")
    assert desk.ensure("side").commit == made
    assert desk.ensure("side", update=True).commit == newer


def test_to_a_tag_that_is_new(desk: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    desk.ensure()
    made = upstream.commit({"a.txt": "two"})
    upstream.tag("v2")
    assert desk.ensure("v2", update=True) == Tree(desk.path, commit=made, dirty=False, ref="")
    assert desk.warnings == []
    assert desk.ensure("main", update=True) == Tree(desk.path, commit=made, dirty=False, ref="main")


def test_a_narrow_clone_finds_other_branches(desk: CheckoutEnv, upstream: git_repos.Upstream, tmp_path: Path) -> None:
    made = upstream.commit({"b.txt": "b"}, "side")
    url = upstream.bare.as_uri()
    git_repos.git(tmp_path, "clone", "--quiet", "--single-branch", "--branch=main", "--no-tags", url, str(desk.path))
    assert desk.ensure("side") == Tree(desk.path, commit=made, dirty=False, ref="side")
    newer = upstream.commit({"b.txt": "bb"}, "side")
    assert desk.ensure(update=True) == Tree(desk.path, commit=newer, dirty=False, ref="side")


def test_a_ref_that_the_checkout_is_at_needs_no_switch(desk: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    upstream.tag("v1")
    first = desk.ensure()
    (desk.path / "a.txt").write_text("mine")
    dirty = Tree(desk.path, commit=first.commit, dirty=True, ref="main")
    assert [desk.ensure(ref) for ref in ("main", "v1", first.commit, first.commit[:10])] == [dirty] * 4


def ignored(desk: CheckoutEnv) -> None:
    """The target has a file where a person has an ignored one."""
    git_repos.write(desk.path, {".git/info/exclude": "b.txt\n", "b.txt": "mine, and ignored"})


def changed(desk: CheckoutEnv) -> None:
    git_repos.write(desk.path, {"a.txt": "mine"})


def staged(desk: CheckoutEnv) -> None:
    git_repos.write(desk.path, {"a.txt": "mine"})
    desk.git("add", "a.txt")


def untracked(desk: CheckoutEnv) -> None:
    git_repos.write(desk.path, {"notes/mine.txt": "mine"})


def merging(desk: CheckoutEnv) -> None:
    desk.git("checkout", "--quiet", "-b", "other")
    desk.commit("other")
    desk.git("checkout", "--quiet", "main")
    desk.git("merge", "--quiet", "--no-ff", "--no-commit", "other")


def rebasing(desk: CheckoutEnv) -> None:
    desk.commit("one")
    desk.git("-c", "sequence.editor=sed -i s/^pick/edit/", "rebase", "--quiet", "--interactive", "HEAD~1")


def on_no_branch(desk: CheckoutEnv) -> None:
    desk.git("checkout", "--quiet", "--detach")
    desk.commit("mine")


def locked(desk: CheckoutEnv) -> None:
    (desk.path / ".git" / "index.lock").touch()


WORK: dict[Callable[[CheckoutEnv], None], str] = {
    ignored: "in the way",
    changed: r"has uncommitted changes \(a.txt\)",
    staged: "has uncommitted changes",
    untracked: r"has uncommitted changes \(notes/mine.txt\)",
    merging: "has uncommitted changes",
    rebasing: r"in the middle of something \(rebase-merge\)",
    on_no_branch: "commits that are on no branch",
    locked: "another git is at work",
}


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_a_switch_that_would_lose_work_is_refused(
    desk: CheckoutEnv, upstream: git_repos.Upstream, work: Callable[[CheckoutEnv], None]
) -> None:
    upstream.commit({"b.txt": "b"}, "side")
    desk.ensure()
    work(desk)
    desk.git("fetch", "--quiet")
    before = state(desk)
    with pytest.raises(CheckoutRefused, match=WORK[work]) as caught:
        desk.ensure("side")
    assert caught.value.code == 8
    assert any(way in caught.value.hint for way in ("CODEROOT=DIR", "index.lock"))
    assert state(desk) == before
    assert desk.ensure().path == desk.path


@pytest.mark.parametrize("work", [ignored, untracked, on_no_branch, locked], ids=lambda work: work.__name__)
def test_an_update_that_would_lose_work_loses_none(
    desk: CheckoutEnv, upstream: git_repos.Upstream, work: Callable[[CheckoutEnv], None]
) -> None:
    desk.ensure()
    work(desk)
    upstream.commit({"b.txt": "theirs", "notes/mine.txt": "theirs"})
    before = git_repos.files(desk.path), desk.git("rev-parse", "HEAD")
    try:
        desk.ensure(update=True)
    except CheckoutRefused as error:
        assert error.hint  # noqa: PT017 - whether it is an error or a warning, nothing may be lost
    else:
        assert len(desk.warnings) == 1
    assert (git_repos.files(desk.path), desk.git("rev-parse", "HEAD")) == before


def test_a_hostile_ref_does_not_reach_git(desk: CheckoutEnv, tmp_path: Path) -> None:
    desk.ensure()
    with pytest.raises(Exception, match="cannot be a branch"):
        ensure(
            checkout(desk.coderoot, REPO, desk.reach.forge),
            request=CheckoutRequest(ref=f"--upload-pack=touch {tmp_path}/pwned"),
            access=GitAccess(desk.reach.forge),
            locks=desk.locks,
        )
    assert not (tmp_path / "pwned").exists()

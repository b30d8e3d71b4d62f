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


def state(checkout_env: CheckoutEnv) -> tuple[dict[str, bytes], str, str, str]:
    """All that a person could lose: the files, the index, HEAD and every ref."""
    index = checkout_env.git("ls-files", "--stage")
    return (
        git_repos.files(checkout_env.path),
        index,
        (checkout_env.path / ".git" / "HEAD").read_text(),
        checkout_env.git("show-ref"),
    )


def test_update_goes_forward(checkout_env: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    checkout_env.ensure()
    commit = upstream.commit({"a.txt": "two"})
    assert checkout_env.ensure().commit != commit
    assert checkout_env.ensure(update=True) == Tree(checkout_env.path, commit=commit, dirty=False, ref="main")
    assert checkout_env.ensure(update=True) == Tree(checkout_env.path, commit=commit, dirty=False, ref="main")
    assert checkout_env.warnings == []


def test_update_keeps_what_is_ahead(checkout_env: CheckoutEnv) -> None:
    checkout_env.ensure()
    mine = checkout_env.commit("mine")
    assert checkout_env.ensure(update=True).commit == mine
    assert checkout_env.warnings == []


def test_a_diverged_checkout_is_used_as_it_is_with_a_warning(
    checkout_env: CheckoutEnv, upstream: git_repos.Upstream
) -> None:
    checkout_env.ensure()
    mine = checkout_env.commit("mine")
    upstream.commit({"a.txt": "two"})
    upstream.commit({"a.txt": "three"})
    before = git_repos.files(checkout_env.path)
    assert checkout_env.ensure(update=True) == Tree(checkout_env.path, commit=mine, dirty=False, ref="main")
    assert checkout_env.warnings == [
        f"{checkout_env.path} has diverged from origin/main (1 local, 2 remote); it is built as it is"
    ]
    assert git_repos.files(checkout_env.path) == before


@pytest.mark.parametrize("name", ["a.txt", "new.txt"])
def test_a_dirty_checkout_is_used_as_it_is_with_a_warning(
    checkout_env: CheckoutEnv, upstream: git_repos.Upstream, name: str
) -> None:
    first = checkout_env.ensure()
    git_repos.write(checkout_env.path, {name: "mine"})
    upstream.commit({"a.txt": "two"})
    before = git_repos.files(checkout_env.path)
    assert checkout_env.ensure(update=True) == Tree(checkout_env.path, commit=first.commit, dirty=True, ref="main")
    assert checkout_env.warnings == [
        f"{checkout_env.path} has uncommitted changes and is 1 behind origin/main; it is built as it is"
    ]
    assert git_repos.files(checkout_env.path) == before


def test_a_branch_that_the_remote_no_longer_has(checkout_env: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    """Renamed or deleted: what the fetch before left of it is not its newest commit."""
    first = checkout_env.ensure()
    git_repos.git(upstream.bare, "branch", "--move", "main", "trunk")
    assert checkout_env.ensure(update=True).commit == first.commit
    assert checkout_env.git("rev-parse", "origin/main") == first.commit
    warning = f"{checkout_env.path} has a branch main that its remote does not have; it is built as it is"
    assert checkout_env.warnings == [warning]
    git_repos.git(upstream.bare, "branch", "--move", "trunk", "main")
    commit = upstream.commit({"a.txt": "two"})
    assert checkout_env.ensure(update=True).commit == commit
    assert checkout_env.warnings == [warning]


def test_a_detached_checkout_is_used_as_it_is_with_a_warning(
    checkout_env: CheckoutEnv, upstream: git_repos.Upstream
) -> None:
    first = checkout_env.ensure()
    checkout_env.git("checkout", "--quiet", "--detach")
    upstream.commit({"a.txt": "two"})
    assert checkout_env.ensure(update=True) == Tree(checkout_env.path, commit=first.commit, dirty=False, ref="")
    assert checkout_env.warnings == [f"{checkout_env.path} is on no branch (HEAD is detached); it is built as it is"]


def test_a_local_branch_is_used_as_it_is_with_a_warning(checkout_env: CheckoutEnv) -> None:
    checkout_env.ensure()
    checkout_env.git("checkout", "--quiet", "-b", "mine")
    assert checkout_env.ensure(update=True).ref == "mine"
    assert checkout_env.warnings == [
        f"{checkout_env.path} has a branch mine that its remote does not have; it is built as it is"
    ]


def test_a_branch_without_an_upstream_follows_its_namesake(
    checkout_env: CheckoutEnv, upstream: git_repos.Upstream
) -> None:
    checkout_env.ensure()
    checkout_env.git("branch", "--unset-upstream")
    commit = upstream.commit({"a.txt": "two"})
    assert checkout_env.ensure(update=True).commit == commit


def test_a_fork_follows_its_own_remote(checkout_env: CheckoutEnv, upstream: git_repos.Upstream, tmp_path: Path) -> None:
    fork = git_repos.upstream(tmp_path / "mirror", "me/app", {"a.txt": "fork"})
    git_repos.git(tmp_path, "clone", "--quiet", fork.bare.as_uri(), str(checkout_env.path))
    checkout_env.git("remote", "add", "upstream", upstream.bare.as_uri())
    commit = fork.commit({"a.txt": "fork two"})
    assert checkout_env.ensure(update=True).commit == commit


def test_update_without_a_network_is_an_error(checkout_env: CheckoutEnv) -> None:
    first = checkout_env.ensure()
    checkout_env.git("remote", "set-url", "origin", "http://127.0.0.1:9/o/app.git")
    with pytest.raises(NetworkError, match="cannot fetch o/app"):
        checkout_env.ensure(update=True)
    assert checkout_env.ensure() == first


def test_update_of_a_repo_that_is_gone_is_an_error(checkout_env: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    checkout_env.ensure()
    upstream.bare.rename(upstream.bare.with_name("gone.git"))
    with pytest.raises(RepoNotFound):
        checkout_env.ensure(update=True)


def test_to_a_branch_and_back(checkout_env: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    first = checkout_env.ensure()
    commit = upstream.commit({"b.txt": "b"}, "side")
    assert checkout_env.ensure("side") == Tree(checkout_env.path, commit=commit, dirty=False, ref="side")
    assert checkout_env.git("rev-parse", "--abbrev-ref", "side@{upstream}") == "origin/side"
    assert checkout_env.ensure("main") == first
    newer = upstream.commit({"b.txt": "bb"}, "side")
    assert checkout_env.ensure("side").commit == commit
    assert checkout_env.ensure("side", update=True).commit == newer


def test_to_a_tag_that_is_new(checkout_env: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    checkout_env.ensure()
    commit = upstream.commit({"a.txt": "two"})
    upstream.tag("v2")
    assert checkout_env.ensure("v2", update=True) == Tree(checkout_env.path, commit=commit, dirty=False, ref="")
    stays = f"{checkout_env.path} is on v2 now and stays there: a build without --ref builds that"
    assert checkout_env.warnings == [stays]
    assert checkout_env.ensure("main", update=True) == Tree(checkout_env.path, commit=commit, dirty=False, ref="main")
    assert checkout_env.warnings == [stays]


def test_a_narrow_clone_finds_other_branches(
    checkout_env: CheckoutEnv, upstream: git_repos.Upstream, tmp_path: Path
) -> None:
    commit = upstream.commit({"b.txt": "b"}, "side")
    url = upstream.bare.as_uri()
    git_repos.git(
        tmp_path, "clone", "--quiet", "--single-branch", "--branch=main", "--no-tags", url, str(checkout_env.path)
    )
    assert checkout_env.ensure("side") == Tree(checkout_env.path, commit=commit, dirty=False, ref="side")
    newer = upstream.commit({"b.txt": "bb"}, "side")
    assert checkout_env.ensure(update=True) == Tree(checkout_env.path, commit=newer, dirty=False, ref="side")


def test_a_ref_that_the_checkout_is_at_needs_no_switch(checkout_env: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    upstream.tag("v1")
    first = checkout_env.ensure()
    (checkout_env.path / "a.txt").write_text("mine")
    dirty = Tree(checkout_env.path, commit=first.commit, dirty=True, ref="main")
    assert [checkout_env.ensure(ref) for ref in ("main", "v1", first.commit, first.commit[:10])] == [dirty] * 4


def ignored(checkout_env: CheckoutEnv) -> None:
    """The target has a file where a person has an ignored one."""
    git_repos.write(checkout_env.path, {".git/info/exclude": "b.txt\n", "b.txt": "mine, and ignored"})


def changed(checkout_env: CheckoutEnv) -> None:
    git_repos.write(checkout_env.path, {"a.txt": "mine"})


def staged(checkout_env: CheckoutEnv) -> None:
    git_repos.write(checkout_env.path, {"a.txt": "mine"})
    checkout_env.git("add", "a.txt")


def untracked(checkout_env: CheckoutEnv) -> None:
    git_repos.write(checkout_env.path, {"notes/mine.txt": "mine"})


def merging(checkout_env: CheckoutEnv) -> None:
    checkout_env.git("checkout", "--quiet", "-b", "other")
    checkout_env.commit("other")
    checkout_env.git("checkout", "--quiet", "main")
    checkout_env.git("merge", "--quiet", "--no-ff", "--no-commit", "other")


def rebasing(checkout_env: CheckoutEnv) -> None:
    checkout_env.commit("one")
    checkout_env.git("-c", "sequence.editor=sed -i s/^pick/edit/", "rebase", "--quiet", "--interactive", "HEAD~1")


def on_no_branch(checkout_env: CheckoutEnv) -> None:
    checkout_env.git("checkout", "--quiet", "--detach")
    checkout_env.commit("mine")


def locked(checkout_env: CheckoutEnv) -> None:
    (checkout_env.path / ".git" / "index.lock").touch()


WORK: dict[Callable[[CheckoutEnv], None], str] = {
    ignored: "in the way",
    changed: r"has uncommitted changes \(a.txt\)",
    staged: "has uncommitted changes",
    untracked: r"has uncommitted changes \(notes/mine.txt\)",
    merging: "has uncommitted changes",
    rebasing: r"a git operation in progress \(rebase-merge\)",
    on_no_branch: "commits that are on no branch",
    locked: "another git is running",
}


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_a_switch_that_would_lose_work_is_refused(
    checkout_env: CheckoutEnv, upstream: git_repos.Upstream, work: Callable[[CheckoutEnv], None]
) -> None:
    upstream.commit({"b.txt": "b"}, "side")
    checkout_env.ensure()
    work(checkout_env)
    checkout_env.git("fetch", "--quiet")
    before = state(checkout_env)
    with pytest.raises(CheckoutRefused, match=WORK[work]) as caught:
        checkout_env.ensure("side")
    assert caught.value.code == 8
    assert any(word in caught.value.hint for word in ("CODEROOT=DIR", "index.lock"))
    assert state(checkout_env) == before
    assert checkout_env.ensure().path == checkout_env.path


@pytest.mark.parametrize("work", [ignored, untracked, on_no_branch, locked], ids=lambda work: work.__name__)
def test_an_update_that_would_lose_work_loses_none(
    checkout_env: CheckoutEnv, upstream: git_repos.Upstream, work: Callable[[CheckoutEnv], None]
) -> None:
    checkout_env.ensure()
    work(checkout_env)
    upstream.commit({"b.txt": "theirs", "notes/mine.txt": "theirs"})
    before = git_repos.files(checkout_env.path), checkout_env.git("rev-parse", "HEAD")
    try:
        checkout_env.ensure(update=True)
    except CheckoutRefused as error:
        assert error.hint  # noqa: PT017 - whether it is an error or a warning, nothing may be lost
    else:
        assert len(checkout_env.warnings) == 1
    assert (git_repos.files(checkout_env.path), checkout_env.git("rev-parse", "HEAD")) == before


def test_a_hostile_ref_does_not_reach_git(checkout_env: CheckoutEnv, tmp_path: Path) -> None:
    checkout_env.ensure()
    with pytest.raises(Exception, match="cannot be a branch"):
        ensure(
            checkout(checkout_env.coderoot, REPO, checkout_env.access.forge),
            request=CheckoutRequest(ref=f"--upload-pack=touch {tmp_path}/pwned"),
            access=GitAccess(checkout_env.access.forge),
            locks=checkout_env.locks,
        )
    assert not (tmp_path / "pwned").exists()

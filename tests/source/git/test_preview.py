"""What is planned for a checkout ends as it would if it were carried out, and changes nothing."""

import os
import shutil
from pathlib import Path

import pytest

from hero_build.errors import HeroBuildError
from hero_build.events import silent
from hero_build.model.steps import Tree
from hero_build.source.git.checkouts import ReadOnlyCheckouts
from hero_build.source.git.ensure import CheckoutRequest
from hero_build.source.git.paths import checkout
from support import git_repos
from support.checkout_env import REPO, CheckoutEnv


def plan(env: CheckoutEnv, ref: str | None = None, *, update: bool = False) -> Tree | None:
    place = checkout(env.coderoot, REPO, env.access.forge)
    return ReadOnlyCheckouts(env.access, silent, asks_server=True).tree(place, CheckoutRequest(ref, update=update))


def refused(env: CheckoutEnv, ref: str) -> HeroBuildError:
    """The error of the plan, which is that of its execution."""
    with pytest.raises(HeroBuildError) as planned:
        plan(env, ref)
    with pytest.raises(HeroBuildError) as done:
        env.ensure(ref)
    assert (type(planned.value), planned.value.message, planned.value.hint) == (
        type(done.value),
        done.value.message,
        done.value.hint,
    )
    return planned.value


def test_of_a_clone(checkout_env: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    upstream.tag("v0.3.1", "-a", "-m", "a release")
    for ref in (None, "main", "v0.3.1", "refs/tags/v0.3.1", "refs/heads/main", "0123456789" * 4):
        assert plan(checkout_env, ref) is None
    assert not checkout_env.path.exists()
    assert "Nearest: v0.3.1" in refused(checkout_env, "0.3.1").hint
    assert "has no tag 'main'" in refused(checkout_env, "refs/tags/main").message
    assert "has no branch, tag or commit 'next'" in refused(checkout_env, "next").message


def test_of_a_clone_of_a_repository_that_cannot_be_built(
    checkout_env: CheckoutEnv, upstream: git_repos.Upstream
) -> None:
    shutil.rmtree(upstream.bare)
    assert "no repository at" in refused(checkout_env, "main").message
    git_repos.git(upstream.mirror, "init", "--quiet", "--bare", str(upstream.bare))
    assert "has no commit yet" in refused(checkout_env, "main").message


def test_of_a_switch(checkout_env: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    checkout_env.ensure()
    upstream.commit({"b.txt": "b"}, "topic")
    assert plan(checkout_env, "topic") is None
    assert checkout_env.git("branch", "--all", "--list", "*topic*") == ""
    assert "Nearest: " in refused(checkout_env, "topik").hint
    (checkout_env.path / "a.txt").write_text("mine\n")
    assert "has uncommitted changes" in refused(checkout_env, "topic").message
    assert plan(checkout_env, "main") is not None
    checkout_env.git("checkout", "--quiet", "--detach")
    checkout_env.commit("on no branch")
    assert "would lose them" in refused(checkout_env, "topic").message


def test_of_an_update(checkout_env: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    before = checkout_env.ensure()
    assert plan(checkout_env, update=True) == before
    upstream.commit({"b.txt": "b"}, "other")
    assert plan(checkout_env, update=True) == before
    upstream.commit({"a.txt": "two\n"})
    assert plan(checkout_env, update=True) is None
    checkout_env.git("fetch", "--quiet")
    assert plan(checkout_env, update=True) is None
    checkout_env.commit("diverged")
    assert plan(checkout_env, update=True) is not None
    assert checkout_env.ensure(update=True) == plan(checkout_env, update=True)


def test_of_a_path_below_another_repository(checkout_env: CheckoutEnv, tmp_path: Path) -> None:
    """Its configuration does not decide whom git asks."""
    git_repos.repository(tmp_path / "outer", {"a.txt": "outer"})
    elsewhere = f"url.{os.devnull}.insteadOf"
    git_repos.git(tmp_path / "outer", "config", elsewhere, checkout_env.access.forge)
    inside = CheckoutEnv(tmp_path / "outer" / "code0", checkout_env.access, checkout_env.locks)
    assert plan(inside) is None
    with pytest.raises(HeroBuildError, match="'next'"):
        plan(inside, "next")


def test_what_is_only_read_asks_no_server(checkout_env: CheckoutEnv, upstream: git_repos.Upstream) -> None:
    """`show` needs none."""
    place = checkout(checkout_env.coderoot, REPO, checkout_env.access.forge)
    reading = ReadOnlyCheckouts(checkout_env.access, silent)
    shutil.move(upstream.bare, f"{upstream.bare}.away")
    assert reading.tree(place, CheckoutRequest("next", None, False)) is None
    shutil.move(f"{upstream.bare}.away", upstream.bare)
    before = checkout_env.ensure()
    shutil.rmtree(upstream.bare)
    assert reading.tree(place, CheckoutRequest(None, None, True)) == before
    assert reading.tree(place, CheckoutRequest("next", None, False)) is None

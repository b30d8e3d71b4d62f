"""What the tests of source/ share: no git configuration of the user who runs them, a mirror, a folder of checkouts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hero_build.source.git.credentials import GitAccess
from hero_build.source.git.locks import Locks
from support import git_repos
from support.checkout_env import REPO, CheckoutEnv


@pytest.fixture(autouse=True)
def gitconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty ~/.gitconfig."""
    config = tmp_path / "gitconfig"
    config.touch()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return config


@pytest.fixture
def upstream(tmp_path: Path) -> git_repos.Upstream:
    return git_repos.upstream(tmp_path / "mirror", REPO, {"a.txt": "one\n"})


@pytest.fixture
def checkout_env(tmp_path: Path, upstream: git_repos.Upstream) -> Iterator[CheckoutEnv]:
    with Locks() as locks:
        yield CheckoutEnv(tmp_path / "code0", GitAccess(upstream.mirror.as_uri()), locks)

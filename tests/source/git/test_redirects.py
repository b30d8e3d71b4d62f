"""Settings of a checkout that may redirect a git with the token."""

from pathlib import Path

import pytest

from hero_build.errors import HeroBuildError
from hero_build.events import Event, WarningRaised
from hero_build.settings import Secret
from hero_build.source.git.credentials import GitAccess
from hero_build.source.git.git import Git
from hero_build.source.git.paths import Checkout
from hero_build.source.git.redirects import redirecting_settings
from support import git_repos

SETTINGS = {
    "core.sshCommand": "touch /tmp/never",
    "url.https://evil.example/.insteadOf": "https://forge.example/",
    "http.proxy": "http://evil.example",
    "http.https://forge.example.sslVerify": "false",
    "remote.origin.uploadpack": "touch /tmp/never",
    "protocol.ext.allow": "always",
    "filter.odd.smudge": "touch /tmp/never",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return git_repos.repository(tmp_path / "app", {"notes.txt": "one"})


def test_a_plain_checkout_has_none(tree: Path) -> None:
    git_repos.git(tree, "config", "filter.lfs.smudge", "git-lfs smudge -- %f")
    git_repos.git(tree, "config", "core.fsmonitor", "true")
    assert redirecting_settings(tree) == ()


@pytest.mark.parametrize("name", SETTINGS)
def test_the_token_is_withheld_and_a_warning_names_the_setting(name: str, tree: Path, tmp_path: Path) -> None:
    included = tmp_path / "more"
    git_repos.git(tree, "config", "--file", str(included), name, SETTINGS[name])
    git_repos.git(tree, "config", "include.path", str(included))
    (setting,) = redirecting_settings(tree)
    assert setting.lower() == name.lower()
    events: list[Event] = []
    access = GitAccess("https://forge.example", token=Secret("s3cret"))
    git = Git(
        Checkout(tree, "o/app", "https://forge.example/o/app.git"), folder=tree, access=access, emit=events.append
    )
    with pytest.raises(HeroBuildError):
        git.remote("ls-remote", str(tmp_path / "nothing"))
    assert [setting in event.text for event in events if isinstance(event, WarningRaised)] == [True]


def test_the_configuration_of_a_submodule_counts(tree: Path) -> None:
    git_repos.git(tree, "config", "--file", str(tree / ".git" / "config-of-module"), "core.sshCommand", "x")
    folder = tree / ".git" / "modules" / "deep" / "er"
    folder.mkdir(parents=True)
    (tree / ".git" / "config-of-module").rename(folder / "config")
    assert [name.lower() for name in redirecting_settings(tree)] == ["core.sshcommand"]

"""The workflows of this repository itself, run: a branch is checked, a tag becomes a release of wheel and sdist.

What takes long is not run again here: `.ci/run` (all the tests) is a line of text, and `make venv` leads to the
environment that runs these tests.
"""

import hashlib
import shutil
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from hero_build import __version__
from support import git_repos
from support.actions_runner import Runners, ended, logs
from support.forge_server import REPO, ForgeServer
from support.processes import until
from support.server_releases import seen

TAG = f"v{__version__}"
PARTS = ("hero_build", "recipes", "docs/man", "tools", ".forgejo")
FILES = ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", ".gitignore")


def checkout(folder: Path) -> Path:
    """What the workflows need of this repository, as a repository."""
    folder.mkdir()
    for name in PARTS:
        shutil.copytree(REPO / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(REPO / name, folder)
    (folder / "Makefile").write_text(f"venv:\n\tln -sfn {sys.prefix} .venv\n")
    (folder / ".ci").mkdir()
    (folder / ".ci" / "run").write_text('#!/bin/sh\nset -e\necho "checked $(git rev-parse HEAD)"\n')
    (folder / ".ci" / "run").chmod(0o755)
    git_repos.git(folder, "init", "--quiet", "--initial-branch=main")
    git_repos.commit(folder, {})
    git_repos.git(folder, "tag", TAG)
    return folder


@pytest.mark.usefixtures("checkout")
def test_a_branch_is_checked_and_a_tag_released(forge_server: ForgeServer, runners: Runners, tmp_path: Path) -> None:
    work = checkout(tmp_path / "hero_build")
    repo = f"{forge_server.user}/own-{uuid4().hex[:8]}"
    forge_server.api("POST", "/user/repos", {"name": repo.split("/")[1]})
    host = forge_server.url.removeprefix("http://")
    url = f"http://{forge_server.user}:{forge_server.token}@{host}/{repo}.git"
    git_repos.git(work, "push", "--quiet", url, "main", TAG)
    runners(repo, 1)
    assert until(lambda: ended(forge_server, repo) and bool(seen(forge_server, repo, TAG))), logs(forge_server, repo)
    written = logs(forge_server, repo)
    commit = git_repos.git(work, "rev-parse", "HEAD")
    assert f"checked {commit}" in written
    files = seen(forge_server, repo, TAG)
    assert files is not None
    packages = (f"hero_build-{__version__}-py3-none-any.whl", f"hero_build-{__version__}.tar.gz")
    assert set(files) == {*packages, *(f"{name}.sha256" for name in packages), "SHA256SUMS"}
    for name in packages:
        assert f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n".encode() in files["SHA256SUMS"]
    assert forge_server.api("GET", f"/repos/{repo}/tags/{TAG}")["commit"]["sha"] == commit

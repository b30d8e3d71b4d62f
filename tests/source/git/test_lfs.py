"""Git LFS: the files come with the token of the forge; a pointer is never taken for the file."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from hero_build.errors import AuthError, MissingTool, RepoNotFound
from hero_build.settings import Secret
from hero_build.source.git.credentials import GitAccess
from hero_build.source.git.lfs import lfs_pointers
from hero_build.source.git.locks import Locks
from support import git_repos, source_builds
from support.checkout_env import CheckoutEnv
from support.forge_server import ForgeServer

pytestmark = pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed")
CONTENT = "a large file\n" * 500


@pytest.fixture(scope="module")
def repo(forge_server: ForgeServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A private repo of the real server with a file in LFS, and the folder where its developers commit."""
    name = forge_server.create_repo(f"lfs-{uuid4().hex[:8]}", private=True)
    login = forge_server.url.replace("://", f"://{forge_server.user}:{forge_server.token}@")
    work = tmp_path_factory.mktemp("developers") / "work"
    git_repos.git(work.parent, "clone", "--quiet", f"{login}/{name}.git", str(work))
    git_repos.git(work, "lfs", "install", "--local")
    (work / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    push(work, CONTENT)
    return name, work


def push(work: Path, text: str) -> None:
    git_repos.commit(work, {"assets/model.bin": text})
    git_repos.git(work, "push", "--quiet", "origin", "main")


@pytest.fixture
def forge(forge_server: ForgeServer, gitconfig: Path, tmp_path: Path) -> Iterator[CheckoutEnv]:
    """Checkouts from the real server by a user who has never configured LFS."""
    with Locks() as locks:
        yield CheckoutEnv(tmp_path / "code0", GitAccess(forge_server.url, Secret(forge_server.token)), locks)


def test_a_private_clone_has_the_files(forge: CheckoutEnv, repo: tuple[str, Path], forge_server: ForgeServer) -> None:
    name, work = repo
    tree = forge.ensure(repo=name)
    file = tree.path / "assets" / "model.bin"
    assert file.read_text() == CONTENT
    assert tree.dirty is False
    push(work, CONTENT + "more\n")
    updated = forge.ensure(repo=name, update=True)
    assert (updated.dirty, file.read_text()) == (False, CONTENT + "more\n")
    back = forge.ensure(tree.commit, repo=name)
    assert (back.dirty, file.read_text()) == (False, CONTENT)
    config = (tree.path / ".git" / "config").read_text()
    assert forge_server.token not in config


def test_a_checkout_with_pointers_gets_the_files(forge: CheckoutEnv, repo: tuple[str, Path]) -> None:
    """One that a user cloned without git-lfs."""
    name, work = repo
    tree = forge.coderoot / name
    tree.parent.mkdir(parents=True)
    git_repos.git(work, "fetch", "--quiet")
    git_repos.git(tree.parent, "clone", "--quiet", "--no-checkout", str(work), tree.name)
    git_repos.git(tree, "remote", "set-url", "origin", f"{forge.access.forge}/{name}.git")
    git_repos.git(tree, "-c", "filter.lfs.smudge=", "-c", "filter.lfs.process=", "checkout", "--quiet", "main")
    assert lfs_pointers(tree) == ("assets/model.bin",)
    assert forge.ensure(repo=name).dirty is False
    assert lfs_pointers(tree) == ()


@pytest.fixture
def outer(forge_server: ForgeServer, repo: tuple[str, Path], tmp_path: Path) -> str:
    """A private repo with the other one as its submodule `part`."""
    name = forge_server.create_repo(f"outer-{uuid4().hex[:8]}", private=True)
    login = forge_server.url.replace("://", f"://{forge_server.user}:{forge_server.token}@")
    work = tmp_path / "outer"
    git_repos.git(tmp_path, "clone", "--quiet", f"{login}/{name}.git", str(work))
    modules = f'[submodule "part"]\n\tpath = part\n\turl = {forge_server.url}/{repo[0]}.git\n'
    (work / ".gitmodules").write_text(modules)
    commit = git_repos.git(repo[1], "rev-parse", "HEAD")
    git_repos.git(work, "add", ".gitmodules")
    git_repos.git(work, "update-index", "--add", "--cacheinfo", f"160000,{commit},part")
    git_repos.git(work, "commit", "--quiet", "-m", "with a submodule")
    git_repos.git(work, "push", "--quiet", "origin", "main")
    return name


def test_the_files_of_a_submodule(forge: CheckoutEnv, outer: str, repo: tuple[str, Path]) -> None:
    tree = forge.ensure(repo=outer)
    file = tree.path / "part" / "assets" / "model.bin"
    content = (repo[1] / "assets" / "model.bin").read_text()
    assert (file.read_text(), tree.dirty) == (content, False)
    assert forge.ensure(repo=outer, update=True).dirty is False
    assert forge.warnings == []
    git_repos.git(file.parents[1], "lfs", "uninstall", "--local")
    file.unlink()
    git_repos.git(file.parents[1], "-c", "filter.lfs.smudge=", "-c", "filter.lfs.process=", "checkout", ".")
    assert lfs_pointers(tree.path / "part") == ("assets/model.bin",)
    assert forge.ensure(repo=outer).dirty is False
    assert file.read_text() == content


def test_without_git_lfs_a_pointer_in_a_submodule_is_the_same_error(
    forge: CheckoutEnv, outer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in source_builds.path_without(tmp_path / "path", "git-lfs").items():
        monkeypatch.setenv(name, value)
    with pytest.raises(MissingTool, match=rf"the submodule part of {outer} needs git-lfs: assets/model\.bin"):
        forge.ensure(repo=outer)
    assert not (forge.coderoot / outer).exists()


def test_without_git_lfs_a_pointer_is_an_error(
    forge: CheckoutEnv, repo: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in source_builds.path_without(tmp_path / "path", "git-lfs").items():
        monkeypatch.setenv(name, value)
    with pytest.raises(MissingTool, match=r"needs git-lfs: assets/model\.bin of it is in Git LFS") as caught:
        forge.ensure(repo=repo[0])
    assert "apt install git-lfs" in caught.value.hint
    assert not (forge.coderoot / repo[0]).exists()


def test_configured_filters_without_the_program_are_the_same_error(
    forge: CheckoutEnv, repo: tuple[str, Path], gitconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gitconfig.write_text('[filter "lfs"]\n\tprocess = git-lfs filter-process\n\trequired = true\n')
    for name, value in source_builds.path_without(tmp_path / "path", "git-lfs").items():
        monkeypatch.setenv(name, value)
    with pytest.raises(MissingTool, match="needs git-lfs"):
        forge.ensure(repo=repo[0])


def test_an_invalid_token_is_an_error_of_access(
    forge_server: ForgeServer, repo: tuple[str, Path], tmp_path: Path
) -> None:
    with Locks() as locks:
        env = CheckoutEnv(tmp_path / "code0", GitAccess(forge_server.url, Secret("0" * 40)), locks)
        with pytest.raises((AuthError, RepoNotFound)):
            env.ensure(repo=repo[0])
    assert os.listdir(tmp_path / "code0" / repo[0].partition("/")[0]) == [".hero-build"]

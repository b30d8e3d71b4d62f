"""Private repositories of a real forge: git gets the token, and nothing that could keep or pass it on does."""

import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from msgspec.structs import replace

from hero_build.errors import AuthError, HeroBuildError, RepoNotFound
from hero_build.settings import Secret
from hero_build.source.git.credentials import GitAccess, git_credentials
from hero_build.source.git.ensure import CheckoutRequest, ensure
from hero_build.source.git.locks import Locks
from hero_build.source.git.paths import checkout
from support import git_repos
from support.checkout_env import CheckoutEnv
from support.forge_server import ForgeServer

SPY = """#!/bin/sh
out="{folder}/$(basename "$0").$$"
for pid in $$ $PPID; do tr '\\0' '\\n' </proc/$pid/cmdline; tr '\\0' '\\n' </proc/$pid/environ; done >"$out"
exec "{real}" "$@"
"""


@pytest.fixture(scope="module")
def private(forge_server: ForgeServer) -> str:
    return forge_server.create_repo(f"private-{uuid4().hex[:8]}", private=True)


@pytest.fixture
def forge(forge_server: ForgeServer, tmp_path: Path) -> Iterator[CheckoutEnv]:
    """Checkouts from the real forge, with the token of an administrator."""
    with Locks() as locks:
        yield CheckoutEnv(tmp_path / "code0", GitAccess(forge_server.url, Secret(forge_server.token)), locks)


@dataclass(frozen=True, slots=True)
class Spies:
    """Stand-ins for git, its transport and the shell tools of its helpers, that note argv and environment."""

    folder: Path

    def seen(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}

    def programs(self) -> set[str]:
        return {name.partition(".")[0] for name in self.seen()}


@pytest.fixture
def spies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spies:
    notes, path, execs = tmp_path / "notes", tmp_path / "path", tmp_path / "exec"
    for folder in (notes, path, execs):
        folder.mkdir()
    real = Path(git_repos.git(tmp_path, "--exec-path"))
    for tool in real.iterdir():
        (execs / tool.name).symlink_to(tool)
    programs = {path / "git": shutil.which("git"), path / "cat": shutil.which("cat")}
    for name in ("git", "git-remote-http", "git-index-pack", "git-credential"):
        programs[execs / name] = str(real / name)
    for stand_in, program in programs.items():
        stand_in.unlink(missing_ok=True)
        stand_in.write_text(SPY.format(folder=notes, real=program))
        stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("GIT_EXEC_PATH", str(execs))
    return Spies(notes)


def leaks(folder: Path, token: str) -> list[Path]:
    result = []
    for path in folder.rglob("*"):
        if stat.S_ISREG(path.lstat().st_mode) and token.encode() in path.read_bytes():
            result.append(path)
    return result


def test_a_private_clone_leaves_no_trace_of_the_token(
    forge: CheckoutEnv, private: str, forge_server: ForgeServer, spies: Spies, gitconfig: Path, tmp_path: Path
) -> None:
    """Not on disk below the checkout or in a helper's store, and not in any process that git started."""
    gitconfig.write_text(f"[credential]\n\thelper = store --file={tmp_path}/stored\n")
    tree = forge.ensure(repo=private, update=False)
    assert {"git", "git-remote-http", "cat"} <= spies.programs()
    assert tree.ref == "main"
    assert forge.ensure(repo=private, update=True) == tree
    token = forge_server.token
    assert [name for name, text in spies.seen().items() if token.encode() in text] == []
    assert leaks(tmp_path, token) == []
    assert not (tmp_path / "stored").exists()
    assert git_repos.git(tree.path, "config", "remote.origin.url") == f"{forge_server.url}/{private}.git"
    assert "credential" not in (tree.path / ".git" / "config").read_text()
    assert token not in repr(forge)


def test_a_leak_would_be_found(spies: Spies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODD", "sesame-in-the-environment")
    git_repos.git(tmp_path, "-c", "odd.odd=sesame-in-argv", "version")
    output = b"".join(spies.seen().values())
    assert b"sesame-in-the-environment" in output
    assert b"sesame-in-argv" in output
    (tmp_path / "kept").write_text("sesame-on-disk")
    assert leaks(tmp_path, "sesame-on-disk") == [tmp_path / "kept"]


def test_the_users_own_helpers_serve_where_there_is_no_token(
    forge: CheckoutEnv, private: str, forge_server: ForgeServer, gitconfig: Path, tmp_path: Path
) -> None:
    stored = forge_server.url.replace("://", f"://{forge_server.user}:{forge_server.token}@")
    (tmp_path / "stored").write_text(stored + "\n")
    gitconfig.write_text(f"[credential]\n\thelper = store --file={tmp_path}/stored\n")
    checkout_env = replace(forge, access=replace(forge.access, token=None))
    assert checkout_env.ensure(repo=private).ref == "main"


@pytest.mark.parametrize("address", ["", "{url}.", "{url}/{repo}.git."])
def test_helpers_that_a_checkout_configures_do_not_get_the_token(
    address: str, forge: CheckoutEnv, private: str, forge_server: ForgeServer, tmp_path: Path
) -> None:
    """git offers a password that worked to every helper, to be stored."""
    tree = forge.ensure(repo=private).path
    name = f"credential.{address.format(url=forge_server.url, repo=private)}helper"
    git_repos.git(tree, "config", name, f"!f() {{ cat >>{tmp_path}/stolen; }}; f")
    assert forge.ensure(repo=private, update=True).ref == "main"
    assert not (tmp_path / "stolen").exists()
    assert forge.warnings == []


def test_a_private_repo_without_a_token(forge: CheckoutEnv, private: str) -> None:
    checkout_env = replace(forge, access=replace(forge.access, token=None))
    with pytest.raises(AuthError) as caught:
        checkout_env.ensure(repo=private)
    assert "FORGEJO_TOKEN" in caught.value.hint
    assert caught.value.code == 4
    assert not (checkout_env.coderoot / private).exists()


def test_a_token_that_is_refused(forge: CheckoutEnv, private: str) -> None:
    bad = "0123456789abcdef0123456789abcdef01234567"
    checkout_env = replace(forge, access=replace(forge.access, token=Secret(bad)))
    with pytest.raises(AuthError) as caught:
        checkout_env.ensure(repo=private)
    assert "still valid" in caught.value.hint
    assert bad not in caught.value.message + caught.value.hint


def test_a_repo_that_is_not_there(forge: CheckoutEnv, forge_server: ForgeServer) -> None:
    with pytest.raises(RepoNotFound, match="no repository at") as caught:
        forge.ensure(repo=f"{forge_server.user}/absent-{uuid4().hex[:8]}")
    assert caught.value.code == 3


def test_a_repo_that_was_renamed(forge: CheckoutEnv, forge_server: ForgeServer) -> None:
    old = forge_server.create_repo(f"old-{uuid4().hex[:8]}", private=True)
    forge_server.rename_repo(old, f"new-{uuid4().hex[:8]}")
    assert forge.ensure(repo=old).ref == "main"


def test_a_forge_on_this_machine_is_reached_without_a_proxy(
    forge: CheckoutEnv, private: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert forge.ensure(repo=private).ref == "main"


def test_the_token_goes_to_its_own_forge_only(forge: CheckoutEnv, private: str, forge_server: ForgeServer) -> None:
    """The same server under another name is another origin."""
    elsewhere = forge_server.url.replace("127.0.0.1", "localhost")
    assert elsewhere != forge_server.url
    forge.ensure(repo=private)
    git_repos.git(forge.coderoot / private, "remote", "set-url", "origin", f"{elsewhere}/{private}.git")
    with pytest.raises(AuthError):
        forge.ensure(repo=private, update=True)


def test_the_token_travels_over_plain_http_only_where_that_is_allowed() -> None:
    for url, plain, offered in (
        ("http://forge.example", (), False),
        ("http://forge.example", ("forge.example",), True),
        ("https://forge.example", (), True),
        ("http://127.0.0.1:3000", (), True),
        ("file:///mirror", (), False),
    ):
        with git_credentials(GitAccess(url, Secret("token"), plain)) as papers:
            assert bool(papers.descriptors) is offered, url
            assert "token" not in " ".join(papers.options)


def test_a_shallow_clone_of_a_real_forge_finds_any_commit(
    forge: CheckoutEnv, forge_server: ForgeServer, tmp_path: Path
) -> None:
    repo = forge_server.create_repo(f"public-{uuid4().hex[:8]}")
    work = tmp_path / "work"
    git_repos.git(tmp_path, "clone", "--quiet", f"{forge_server.url}/{repo}.git", str(work))
    old = git_repos.commit(work, {"a.txt": "old"})
    git_repos.commit(work, {"a.txt": "new"})
    login = forge_server.url.replace("://", f"://{forge_server.user}:{forge_server.token}@")
    git_repos.git(work, "push", "--quiet", f"{login}/{repo}.git", "main")
    target = checkout(forge.coderoot, repo, forge_server.url)
    anyone = GitAccess(forge_server.url, depth=1)
    assert ensure(target, request=CheckoutRequest(), access=anyone, locks=forge.locks).ref == "main"
    assert git_repos.git(target.path, "rev-list", "--count", "HEAD") == "1"
    assert ensure(target, request=CheckoutRequest(ref=old), access=anyone, locks=forge.locks).commit == old
    with pytest.raises(HeroBuildError):
        ensure(target, request=CheckoutRequest(ref="f" * 40), access=anyone, locks=forge.locks)

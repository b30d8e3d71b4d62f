"""From a real forge: a private repo is cloned, updated and built with the token, which nothing keeps or shows."""

import stat
from pathlib import Path
from uuid import uuid4

import pytest

from support import git_repos, mirrors, refusals, roots, rust_crates
from support.forge_server import ForgeServer
from support.refusals import Refusal
from support.source_builds import PROGRAMS, Spies, installed_app, program_output
from support.worlds import Done, World

NEW_TOKEN = "Put a valid token into FORGEJO_TOKEN, or unset it: an invalid one is refused even where none is needed."


@pytest.fixture(scope="module")
def repo(forge_server: ForgeServer, tmp_path_factory: pytest.TempPathFactory) -> git_repos.Upstream:
    """A private repo of the real server with `crates.APP`; `work` is where its developers commit."""
    name = forge_server.create_repo(f"private-{uuid4().hex[:8]}", private=True)
    work = tmp_path_factory.mktemp("developers") / "work"
    git_repos.git(work.parent, "clone", "--quiet", f"{login(forge_server)}/{name}.git", str(work))
    git_repos.commit(work, rust_crates.APP)
    git_repos.git(work, "push", "--quiet", "origin", "main")
    return git_repos.Upstream(work, name, work)


def login(server: ForgeServer) -> str:
    return server.url.replace("://", f"://{server.user}:{server.token}@")


@pytest.fixture
def private(world: World, repo: git_repos.Upstream) -> World:
    world.recipe("app", *PROGRAMS, repo=repr(repo.repo))
    return world


def run(world: World, server: ForgeServer, *words: str, token: str | None = None) -> Done:
    """A command over the real server; no token of it is shown, whatever comes of it."""
    known = server.token if token is None else token
    done = world.run(*words, env={"FORGEJO_URL": server.url, "FORGEJO_TOKEN": known})
    refusals.check_no_leak(done, server.token)
    return done


def leaks(folder: Path, token: str) -> list[Path]:
    files = (path for path in folder.rglob("*") if stat.S_ISREG(path.lstat().st_mode))
    return [path for path in files if token.encode() in path.read_bytes()]


def test_with_a_token(private: World, repo: git_repos.Upstream, forge_server: ForgeServer) -> None:
    """Without a release, auto builds; the token is in no file that is left."""
    done = run(private, forge_server, "install", "app", "-v")
    assert done.code == 0, done.err
    assert [program_output(private, name) for name in PROGRAMS] == ["app", "server"]
    app = installed_app(private)
    assert (app["why"], app["source"]["forge"]) == ("no release exists", forge_server.url)
    git_repos.commit(repo.work, {"src/bin/app.rs": rust_crates.program("two")})
    git_repos.git(repo.work, "push", "--quiet", "origin", "main")
    assert run(private, forge_server, "install", "app", "--update").code == 0
    assert program_output(private) == "two"
    place = private.root.path / "code0" / repo.repo
    assert git_repos.git(place, "config", "remote.origin.url") == f"{forge_server.url}/{repo.repo}.git"
    assert leaks(private.folder, forge_server.token) == []
    roots.settled(private.root)


@pytest.mark.parametrize("words", [("install", "app"), ("install", "app", "--mode", "source")], ids=["auto", "source"])
def test_without_a_token(words: tuple[str, ...], private: World, forge_server: ForgeServer, spies: Spies) -> None:
    """The API hides it (404), git asks for a name (401); neither is a repo without a release."""
    done = run(private, forge_server, *words, token="")
    assert done.code == (3 if len(words) == 2 else 4), done.err
    assert "FORGEJO_TOKEN" in done.err
    assert spies.builds() == []
    assert not (private.root.path / "bin").exists()


def test_with_a_token_that_is_refused(private: World, forge_server: ForgeServer, spies: Spies) -> None:
    """401 is an error in auto mode, not a reason to build."""
    spies.forget()
    done = run(private, forge_server, "install", "app", token="0" * 40)
    refusals.check_refusal(
        done, Refusal(4, kind="AuthError", message="127.0.0.1 does not accept the request (401): …", hint=NEW_TOKEN)
    )
    assert spies.calls("git") == spies.calls("cargo") == []
    done = run(private, forge_server, "install", "app", "--mode", "source", token="0" * 40)
    assert done.code == 4
    assert "Is the token in FORGEJO_TOKEN still valid" in done.err
    assert spies.builds() == []
    assert not (private.root.path / "bin").exists()


def test_a_release_takes_the_place_of_a_build(world: World, forge_server: ForgeServer) -> None:
    """And one that lacks a program does not."""
    name = forge_server.create_repo(f"both-{uuid4().hex[:8]}")
    world.recipe("app", *PROGRAMS, repo=repr(name))
    work = world.folder / "work"
    git_repos.git(world.folder, "clone", "--quiet", f"{login(forge_server)}/{name}.git", str(work))
    git_repos.commit(work, rust_crates.APP)
    git_repos.git(work, "push", "--quiet", "origin", "main")
    forge_server.release(name, "v1", mirrors.programs("v1", "app"))
    assert run(world, forge_server, "install", "app", token="").code == 0
    assert installed_app(world)["why"] == f"release v1 lacks {mirrors.asset('app_server')}"
    forge_server.release(name, "v2", mirrors.programs("v2", *PROGRAMS))
    assert run(world, forge_server, "install", "app", token="").code == 0
    assert program_output(world) == "app v2"
    assert run(world, forge_server, "install", "app", "--mode", "source", token="").code == 0
    assert program_output(world) == "app"


def test_the_token_reaches_no_build(private: World, repo: git_repos.Upstream, forge_server: ForgeServer) -> None:
    """A build script is somebody's program."""
    script = 'fn main() { assert!(std::env::vars().all(|(name, _)| !name.ends_with("_TOKEN"))); }\n'
    git_repos.git(repo.work, "checkout", "--quiet", "-B", "curious", "origin/main")
    git_repos.commit(repo.work, {"build.rs": script})
    git_repos.git(repo.work, "push", "--quiet", "--force", "origin", "curious")
    git_repos.git(repo.work, "checkout", "--quiet", "main")
    done = run(private, forge_server, "install", "app", "--ref", "curious")
    assert done.code == 0, done.err

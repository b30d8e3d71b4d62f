"""What a build finds of the token in the process that started it: nothing when it publishes; as another user, never."""

import json
import os
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from hero_build.platforms import machine_arch
from support import git_repos, source_builds
from support.elf_files import dynamic_bytes, program
from support.forge_server import ForgeServer
from support.processes import until
from support.users import NOBODY_IN_PARTICULAR, as_user
from support.worlds import World

RECIPE = '''"""{app}: an app whose build looks for the token."""

from hero_build.recipe import BuildContext, Recipe, cli


class Spying(Recipe):
    repo = "{repo}"
    libc = "gnu"
    binaries = (cli("{app}"),)

    def build(self, ctx: BuildContext):
        ctx.run("python3", "spy.py", "{folder}/{app}.json", "{folder}/token")
        ctx.run("cp", "program", "{folder}/{app}.built")
        return {{"{app}": "{folder}/{app}.built"}}
'''
SPY = """import json, os, sys

token, parent = open(sys.argv[2], "rb").read(), os.getppid()


def found(*contents):
    return any(token in content for content in contents)


def memory():
    with open(f"/proc/{parent}/maps") as maps, open(f"/proc/{parent}/mem", "rb", buffering=0) as mem:
        for line in maps:
            start, end = (int(word, 16) for word in line.split()[0].split("-"))
            if line.split()[1].startswith("rw"):
                try:
                    mem.seek(start)
                    yield mem.read(end - start)
                except (OSError, OverflowError):
                    pass


def sealed():
    for name in os.listdir(f"/proc/{parent}/fd"):
        path = f"/proc/{parent}/fd/{name}"
        if os.readlink(path).startswith("/memfd:"):
            yield open(path, "rb").read()


def attempt(look):
    try:
        return look()
    except PermissionError:
        return "refused"


report = {
    "own variables": any(token.decode() in value for value in os.environ.values()),
    "environ": attempt(lambda: found(open(f"/proc/{parent}/environ", "rb").read())),
    "memory": attempt(lambda: found(*memory())),
    "descriptors": attempt(lambda: found(*sealed())),
}
with open(sys.argv[1], "w") as file:
    json.dump(report, file)
"""
HOMES = {"RUSTUP_HOME": ".rustup", "CARGO_HOME": ".cargo"}


@pytest.fixture
def world(home: World) -> World:
    """Not below pytest's own folder, which other users cannot search."""
    for folder in (home.root.path, home.folder / "cache"):
        folder.mkdir()
    return home


def spying_app(world: World, server: ForgeServer) -> str:
    """An app in a private repository of the server, whose build reports what it finds; its name."""
    app = f"spy_{uuid4().hex[:8]}"
    repo = f"{server.user}/{app}"
    server.api("POST", "/user/repos", {"name": app, "default_branch": "main", "private": True})
    work = git_repos.repository(world.folder / "developers" / app, {"spy.py": SPY})
    (work / "program").write_bytes(dynamic_bytes(program(app, "v1")))
    (work / "program").chmod(0o755)
    git_repos.commit(work, {})
    host = server.url.removeprefix("http://")
    git_repos.git(work, "push", "--quiet", f"http://{server.user}:{server.token}@{host}/{repo}.git", "main")
    assert until(lambda: not server.api("GET", f"/repos/{repo}")["empty"])  # it notices a moment later
    (world.recipes / f"{app}.py").write_text(RECIPE.format(app=app, repo=repo, folder=world.folder))
    (world.folder / "token").write_text(server.token)
    return app


def report(world: World, app: str) -> Any:
    return json.loads((world.folder / f"{app}.json").read_text())


def environ(server: ForgeServer, variable: str = "FORGEJO_TOKEN") -> dict[str, str]:
    return {"FORGEJO_URL": server.url, "FORGEJO_TOKEN": server.token, variable: server.token}


def test_publishing_builds_without_the_token(world: World, forge_server: ForgeServer) -> None:
    """Of several apps, all are built before the first is published; private repositories are cloned with the token.

    Only root can open the sealed file that has it.
    """
    apps = [spying_app(world, forge_server) for _ in range(2)]
    done = world.run("publish", *apps, "--tag", "v1", env=environ(forge_server, "GITHUB_TOKEN"))
    assert done.code == 0, done.out + done.err
    for app in apps:
        seen = report(world, app)
        assert (seen["own variables"], seen["environ"], seen["memory"]) == (False, False, False)
        release = forge_server.api("GET", f"/repos/{forge_server.user}/{app}/releases/tags/v1")
        assert f"{app}-linux-{machine_arch()}-gnu" in {asset["name"] for asset in release["assets"]}


def test_the_spy_finds_a_token_that_is_there(world: World, forge_server: ForgeServer) -> None:
    """An install may download, and keeps the token: root finds it in memory, which no defence is against."""
    app = spying_app(world, forge_server)
    done = world.run("install", app, "--mode", "source", env=environ(forge_server))
    assert done.code == 0, done.err
    assert report(world, app)["environ"] is False
    if os.geteuid() == 0:
        assert report(world, app)["memory"] is True


@pytest.mark.parametrize("command", ["publish", "install"])
def test_an_ordinary_user_finds_nothing(command: str, world: World, forge_server: ForgeServer) -> None:
    """Neither the environment, nor the memory, nor the descriptors of the command can be opened."""
    app = spying_app(world, forge_server)
    prefix = as_user(NOBODY_IN_PARTICULAR)
    tools = source_builds.spies(world.folder / "tools", "cargo", "rustc")  # of root's home, which others do not search
    homes = {name: os.environ.get(name, str(Path.home() / place)) for name, place in HOMES.items()}
    for folder in (world.folder, tools.folder, world.root.path, world.folder / "cache"):
        os.chown(folder, NOBODY_IN_PARTICULAR, NOBODY_IN_PARTICULAR)
    words = ("--tag", "v1") if command == "publish" else ("--mode", "source")
    done = world.run(command, app, *words, prefix=prefix, env={**environ(forge_server), **homes, "PATH": tools.path()})
    assert done.code == 0, done.out + done.err
    assert report(world, app) == {
        "own variables": False,
        "environ": "refused",
        "memory": "refused",
        "descriptors": "refused",
    }

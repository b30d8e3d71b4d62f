"""Publishing through the command line: a developer's world that publishes, and another person's that installs.

world = publish_cli.hero_db(folder)                             # its recipe, and its repository in the mirror
world.run("publish", "hero_db", "--tag", "v1", "--to", publish_cli.out(world))
buyer = publish_cli.buyer(world, publish_cli.out(world))        # an empty root, whose forge that is
buyer.run("install", "hero_db", "--mode", "download")
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from hero_build.platforms import machine_arch
from support import git_repos, roots, rust_world, worlds
from support.elf_files import program, static_bytes
from support.forge_server import ForgeServer
from support.processes import until
from support.worlds import Done, World

PLATFORM = f"linux-{machine_arch()}-gnu"
"""What cargo builds for here."""
PROGRAMS = ("hero_db", "hero_db_admin", "hero_db_server")
_DB = '''"""hero_db: the Hero key-value store."""

from hero_build.recipe import Recipe, admin, cli, server


class HeroDb(Recipe):
    repo = "{repo}"
    libc = "{libc}"
    binaries = (server("hero_db_server"), admin("hero_db_admin", formerly="hero_db_ui"), cli("hero_db"))
'''


@dataclass(frozen=True, slots=True)
class Person:
    """A root, and what commands see besides."""

    world: World
    environ: Mapping[str, str]

    def run(self, *words: str, **env: str) -> Done:
        return self.world.run(*words, env={**self.environ, **env})

    def ok(self, *words: str, **env: str) -> Done:
        done = self.run(*words, **env)
        assert done.code == 0, done.out + done.err
        return done


def hero_db(folder: Path, repo: str = "lhumina_code/hero_db", libc: str = "gnu") -> World:
    """hero_db of tests/world in a mirror, and its recipe for what this machine's cargo builds."""
    world = World(folder)
    rust_world.mirror(folder, "hero_db")
    recipe(world, "hero_db", _DB.format(repo=repo, libc=libc))
    return world


def recipe(world: World, app: str, text: str) -> None:
    world.recipes.mkdir(parents=True, exist_ok=True)
    (world.recipes / f"{app}.py").write_text(text)


def out(world: World) -> str:
    """Another mirror, into which nothing has been published."""
    return (world.folder / "out").as_uri()


def buyer(world: World, forge: str, **env: str) -> Person:
    """Someone with an empty root and the same recipes, whose forge is that one."""
    other = World(world.folder / f"buyer-{uuid4().hex[:6]}")
    return Person(other, {"HERO_RECIPES": str(world.recipes), "FORGEJO_URL": forge, **env})


def publisher(world: World, server: ForgeServer, **env: str) -> Person:
    """Someone who may write to everything on the server."""
    variables = {"FORGEJO_URL": server.url, "FORGEJO_TOKEN": server.token, **env}
    return Person(world, {name: text for name, text in variables.items() if text})


def pushed(server: ForgeServer, world: World, name: str = "hero_db") -> str:
    """The repository of the world's mirror, on the server as well, under a name of its own; that name."""
    repo = f"{server.user}/{name}-{uuid4().hex[:8]}"
    server.api("POST", "/user/repos", {"name": repo.split("/")[1], "default_branch": "development"})
    work = rust_world.upstream(world.mirror, name).work
    host = server.url.removeprefix("http://")
    url = f"http://{server.user}:{server.token}@{host}/{repo}.git"
    git_repos.git(work, "push", "--quiet", url, "development")
    assert until(lambda: not server.api("GET", f"/repos/{repo}")["empty"])  # the server notices a moment later
    return repo


def dist(folder: Path, *platforms: str, version: str = "v1", changed: Mapping[str, bytes | None] = {}) -> str:
    """A folder with hero_db's programs as they were built for these platforms; `changed` are these bytes, or absent."""
    folder.mkdir()
    for platform in platforms or (str(roots.platform()),):
        files = {**{name: built(name, version, platform) for name in PROGRAMS}, **changed}
        for name, content in files.items():
            if content is not None:
                (folder / f"{name}-{platform}").write_bytes(content)
    return str(folder)


def built(name: str, version: str, platform: str) -> bytes:
    """A static program for a platform: for another machine it differs from this one's in its header alone."""
    content = bytearray(static_bytes(program(name, version)))
    content[18:20] = (62 if "amd64" in platform else 183).to_bytes(2, "little")  # EM_X86_64, EM_AARCH64
    return bytes(content)


def start(one: Person, *words: str) -> "subprocess.Popen[bytes]":
    """The command, running; what it says is not looked at."""
    command = [sys.executable, "-m", "hero_build", *words]
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(
        command, env=one.world.environ(**one.environ), cwd=worlds.REPO, stdout=nowhere, stderr=nowhere
    )


def manifest(person: Person) -> Any:
    """The apps of the manifest."""
    return json.loads((person.world.root.current / "manifest.json").read_text())["apps"]


def document(done: Done, name: str = "") -> Any:
    """The document of a command with --json, checked against its schema."""
    return worlds.valid(done.document, name)

"""Desktops for tests: hero_os and hero_archipelagos as releases of small bundles, or as repositories to build from.

desktops.add_recipes(world)                                    # of both apps
desktops.islands(world, "v1", "notes", "radio")                # a release of hero_archipelagos
code = desktops.sources(world, "greeter", "shouter")           # its repository, with these islands
world.run("islands", env=code.environ)
"""

import http.client
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support import git_repos, island_workspace, mirrors, source_builds, wasm_modules, zinit_crate, zinit_server
from support.processes import LONG, until
from support.refusals import Refusal
from support.worlds import REPO, World

BRANCH = "development"
ISLANDS, SHELL = "share/hero_os/islands", "share/hero_os/shell"
WARNING = """\
⚠ per-island WASM bundles not found at ~/hero/share/hero_os/islands
  Dock items will 404 when clicked (the desktop shell still loads).
  Build + install them once:
    hero-build islands --restart
"""
"""As a person has it whose HOME is above the root."""
_RECIPES = {
    "hero_archipelagos": 'repo = "o/hero_archipelagos"\n    islands = True\n    restarts = ("hero_os",)',
    "hero_os": 'repo = "o/hero_os"\n    binaries = (server("hero_os_server"),)\n    bundles = (shell("hero_os_app"),)',
}


@dataclass(frozen=True, slots=True)
class Code:
    """A repository in the mirror. `environ`: to build it with, where what it needs of the registry is compiled."""

    upstream: git_repos.Upstream
    environ: Mapping[str, str]

    def commit(self, files: Mapping[str, str]) -> str:
        return self.upstream.commit(files, BRANCH)

    def edit(self, path: str, old: str, new: str) -> str:
        text = (self.upstream.work / path).read_text()
        assert old in text
        return self.commit({path: text.replace(old, new)})

    def remove(self, *folders: str) -> str:
        git_repos.git(self.upstream.work, "rm", "-r", "--quiet", *folders)
        return self.commit({})


def add_recipes(world: World) -> None:
    """Overlay recipes of both apps, whose repositories are `o/<app>`."""
    for app, body in _RECIPES.items():
        head = "from hero_build.recipe import Recipe, server, shell\n\n\nclass App(Recipe):\n    "
        (world.recipes / f"{app}.py").write_text(f"{head}{body}\n")


def islands(world: World, tag: str, *names: str, **other: bytes | None) -> None:
    """The newest release of hero_archipelagos: an archive for each island; `other` archives are these bytes."""
    files: dict[str, bytes | None] = {name: archive(world, name, tag) for name in names}
    assets = {f"{name}-wasm.tar.gz": data for name, data in {**files, **other}.items() if data is not None}
    mirrors.release(world.mirror, app="hero_archipelagos", tag=tag, files=assets)


def os_release(world: World, tag: str, *, shell: bool = True) -> None:
    """The newest release of hero_os: its program, which only prints its version, and its shell."""
    bundle = {"hero_os_app-wasm.tar.gz": archive(world, "hero_os_app", tag)} if shell else {}
    mirrors.release(world.mirror, app="hero_os", tag=tag, files={**mirrors.programs(tag, "hero_os_server"), **bundle})


def archive(world: World, name: str, tag: str, files: Mapping[str, bytes] | None = None) -> bytes:
    place = world.folder / "archives" / f"{name}-{tag}.tar.gz"
    place.parent.mkdir(exist_ok=True)
    content = wasm_modules.island(name, tag) if files is None else files
    return wasm_modules.tgz(place, content).read_bytes()


def sources(world: World, *names: str, repo: str = "o/hero_archipelagos") -> Code:
    """The repository of the islands `names` (none: all thirty), with its lock file."""
    return code(world, repo, island_workspace.workspace(world.folder / "islands", names or island_workspace.NAMES))


def os_sources(world: World, repo: str = "o/hero_os") -> Code:
    """The repository of hero_os: its server and its shell."""
    tree = world.folder / "os"
    git_repos.write(tree, texts(REPO / "tests" / "world" / "hero_os"))
    return code(world, repo, tree)


def code(world: World, repo: str, tree: Path) -> Code:
    """A workspace as a repository in the mirror. What cargo makes of it lies outside of its checkouts."""
    island_workspace.prepare_workspace(tree, world.folder / "cache")
    (tree / "target").rename(_target(world, tree.name))
    git_repos.upstream(world.mirror, repo=repo, files=texts(tree), branch=BRANCH)
    return again(world, repo, tree.name)


def again(world: World, repo: str, name: str) -> Code:
    """What `code` has made of a workspace in the folder `name`."""
    upstream = git_repos.Upstream(world.mirror, repo, world.mirror.parent / "developers" / repo)
    return Code(upstream, {"CARGO_TARGET_DIR": str(_target(world, name))})


def _target(world: World, name: str) -> Path:
    return world.folder / f"{name}-target"


def texts(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and "target" not in path.parts)
    return {str(path.relative_to(folder)): path.read_text() for path in files}


def refused(world: World, refusal: Refusal, *words: str, env: Mapping[str, str] = {}) -> None:
    """In these words, as text and as a document, and root and checkouts stay as they were."""
    for more in ((), ("--json",)):
        source_builds.assert_refused(world, refusal, *words, *more, env=env)


def there(world: World) -> list[str]:
    """The islands that are installed: islands.json and the folders say the same."""
    place = world.root.path / ISLANDS
    if not place.is_dir():
        return []
    named = [island["name"] for island in json.loads((place / "islands.json").read_text())["islands"]]
    assert named == sorted(path.name for path in place.iterdir() if path.is_dir())
    return named


def version(world: World, name: str, where: str = ISLANDS) -> str:
    """Of a bundle that came from a release of `islands`."""
    place = world.root.path / where
    file = (place if where == SHELL else place / name) / "package.json"
    return str(json.loads(file.read_text())["version"])


def bundle(world: World, name: str) -> dict[str, bytes]:
    """The files of an installed island."""
    return island_workspace.files(world.root.path / ISLANDS / name)


def problems(document: Mapping[str, object]) -> dict[str, str]:
    """What failed, by part (or app), and of which kind."""
    failed = document["failed"]
    assert isinstance(failed, list)
    return {item["part"] or item["app"]: item["kind"] for item in failed}


def at_home(world: World) -> dict[str, str]:
    """The environment of the person whose home is above the root; cargo's and rustup's homes stay where they are."""
    homes = {"CARGO_HOME": ".cargo", "RUSTUP_HOME": ".rustup"}
    kept = {name: os.environ.get(name, str(Path.home() / folder)) for name, folder in homes.items()}
    return {**kept, "HOME": str(world.folder)}


def served(number: int, path: str) -> int | None:
    """The status of a GET from a server on this machine; None while there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", number, timeout=LONG)
    try:
        connection.request("GET", path)
        with connection.getresponse() as answer:
            return answer.status
    except ConnectionRefusedError:
        return None
    finally:
        connection.close()


def command(world: World, number: int) -> tuple[str, ...]:
    """What a supervisor starts: the installed server, on a port of this machine."""
    variables = {"HERO_ROOT": world.root.path, "HERO_SOCKET_DIR": sockets(world), "HERO_OS_PORT": number}
    return (
        "env",
        *(f"{name}={value}" for name, value in variables.items()),
        str(world.root.path / "bin/hero_os_server"),
    )


def sockets(world: World) -> Path:
    return world.root.path / "var" / "sockets"


@contextmanager
def under_zinit(world: World, number: int) -> Iterator[None]:
    """The installed hero_os_server, well, for as long as the block lasts; zinit is where hero-build looks for it."""
    line = " ".join(command(world, number))
    with zinit_server.running(zinit_crate.binaries() / "zinit-server", world.folder):
        config = {"service": {"name": "hero_os_server", "exec": line}}
        zinit_server.call(world.folder, "service.set", {"config": config})
        assert until(lambda: served(number, "/health") == 200)
        yield

"""Publishing to a real server on loopback: 10 × 50 MB beside curl's uploads alone, again with nothing to do, and 1 GB.

hero-build is given the programs as they were built, hashes and verifies them, uploads them into a draft, gets every
byte back from the server, compares, and shows the release. curl sends the same files into a draft, all at
once; and once more, with all of it fetched and hashed.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from bench import imports, profiles, world
from bench.bench import Bench
from bench.measure import Command, Failed, Peer, compare, environment, peak_megabytes, seconds
from bench.places import CHECKOUT
from bench.result import HERO, Row, Target
from bench.scratch import scratch
from support.elf_files import program, static_bytes

if TYPE_CHECKING:
    from support.forge_server import ForgeServer

_CURL, _BACK = "curl", "curl there and back+openssl"
_TEN = tuple(f"ten{number}" for number in range(10))
_SIZE = 50 << 20
_ROUNDS = 2  # memory hardly differs from one to the next
_REQUESTS = 3  # two for the release, and a listing
_RECIPE = """from hero_build.recipe import Recipe, cli


class App(Recipe):
    repo = "{repo}"
    binaries = ({binaries})
"""

_SCRIPT = """\
set -e
{there} >answers
urls=$(grep -o '"browser_download_url":"[^"]*' answers | cut -d'"' -f4)
mkdir back
curl --silent --show-error --fail --parallel --parallel-max 16 --header @token --remote-name-all --output-dir back $urls
openssl dgst -sha256 back/*
"""


@dataclass(frozen=True, slots=True)
class _Shop:
    """An app with programs that are built already, its repository on the server, and a checkout of it."""

    server: "ForgeServer"
    hero: Path
    folder: Path
    app: str
    files: Sequence[Path]
    tags: "count[int]" = field(default_factory=count)

    @property
    def repo(self) -> str:
        return f"{self.server.user}/{self.app}"

    def publish(self, tag: str, home: Path, url: str = "") -> Command:
        env = environment(
            home,
            HERO_ROOT=home / "root",
            HERO_RECIPES=self.folder / "recipes",
            HERO_BUILD_CACHE=home / "cache",
            CODEROOT=self.folder / "code",
            FORGEJO_URL=url or self.server.url,
            FORGEJO_TOKEN=self.server.token,
        )
        words = ("publish", self.app, "--tag", tag, "--from", str(self.folder / "dist"))
        return Command((str(self.hero), *words), env, home)

    def peer(self) -> Peer:
        return Peer(HERO, lambda home: self.publish(f"v{next(self.tags)}", home), lambda home: self.complete())

    def curl(self) -> Peer:
        return Peer(_CURL, self._uploads, lambda home: self.complete())

    def back(self) -> Peer:
        """The same, and then all of it fetched by curl and hashed by openssl."""
        return Peer(_BACK, self._there_and_back, lambda home: self.complete())

    def _there_and_back(self, home: Path) -> Command:
        there = self._uploads(home)
        (home / "token").write_text(f"Authorization: token {self.server.token}\n")
        script = _SCRIPT.format(there=" ".join(there.argv))
        return Command(("/bin/sh", "-c", script), there.env, home)

    def complete(self) -> None:
        """All the programs are in the release or draft; it is deleted, so that the disk does not fill."""
        (release,) = self.server.api("GET", f"/repos/{self.repo}/releases")
        sizes = sorted(asset["size"] for asset in release["assets"] if asset["size"] >= world.TINY[0].size)
        if sizes != sorted(path.stat().st_size for path in self.files):
            raise Failed(f"the release holds files of {sizes} bytes")
        self.server.api("DELETE", f"/repos/{self.repo}/releases/{release['id']}")

    def _uploads(self, home: Path) -> Command:
        body = {"tag_name": f"v{next(self.tags)}", "target_commitish": "main", "draft": True}
        number = self.server.api("POST", f"/repos/{self.repo}/releases", body)["id"]
        address = f"{self.server.url}/api/v1/repos/{self.repo}/releases/{number}/assets?name="
        head = f'header = "Authorization: token {self.server.token}"\nheader = "Expect:"\nrequest = "POST"\n'
        kind = 'header = "Content-Type: application/octet-stream"\n'
        each = [f'{head}{kind}url = "{address}{path.name}"\nupload-file = "{path}"\n' for path in self.files]
        (home / "uploads").write_text("next\n".join(each))
        words = "--silent --show-error --fail-early --parallel --parallel-max 16 --config uploads"
        return Command(("curl", *words.split()), environment(home), home)


def rows(bench: Bench) -> list[Row]:
    sys.path.insert(0, str(CHECKOUT / "tests"))  # where the tests have their server and their proxy
    with scratch("publish") as folder, _server(folder) as server:
        return [*_cold(bench, server, folder / "ten"), _memory(bench, server, folder / "huge")]


def _cold(bench: Bench, server: "ForgeServer", folder: Path) -> list[Row]:
    (folder / "dist").mkdir(parents=True)
    for name in _TEN:
        (folder / "dist" / name).write_bytes(static_bytes(program(name, "v1"), _SIZE))
    shop = _open(server, hero=bench.context.hero, folder=folder, app="ten", programs=_TEN)
    samples = compare([shop.curl(), shop.back(), shop.peer()], bench.rounds, seconds)
    times, imported = profiles.profile(shop.peer()), imports.row("publish", shop.peer())
    asked = _again(shop, folder)
    held = ("published again with nothing to do, hero-build sends at most three requests", asked <= _REQUESTS)
    title = "10 × 50 MB published, downloaded again and compared"
    row = Row(
        "publish",
        title=title,
        unit="s",
        samples=samples,
        targets=(Target(1.0, _BACK),),
        facts=(held,),
        notes=(f"{asked} requests when run again",),
        profile=times.clock,
        processor=times.processor,
    )
    return [row, imported]


def _memory(bench: Bench, server: "ForgeServer", folder: Path) -> Row:
    world.warm(world.HUGE)
    (app,) = world.HUGE
    (folder / "dist").mkdir(parents=True)
    (folder / "dist" / app.name).symlink_to(app.file(app.tags[0]))
    shop = _open(server, hero=bench.context.hero, folder=folder, app=app.name, programs=(app.name,))
    samples = compare([shop.curl(), shop.peer()], min(_ROUNDS, bench.rounds), peak_megabytes, warm=False)
    return Row("publish-memory", title="peak memory, 1 GB published", unit="MB", samples=samples, targets=(Target(64),))


def _again(shop: _Shop, folder: Path) -> int:
    """How many requests the same command sends when all is there."""
    from support.server_releases import CuttingProxy

    (folder / "home").mkdir()
    seconds(shop.publish("again", folder / "home"))
    with CuttingProxy(shop.server.url) as proxy:
        seconds(shop.publish("again", folder / "home", proxy.url))
        asked = len(proxy.asked)
    shop.complete()
    return asked


def _open(server: "ForgeServer", hero: Path, folder: Path, app: str, programs: Sequence[str]) -> _Shop:
    shop = _Shop(
        server, hero=hero, folder=folder, app=app, files=[(folder / "dist" / name).resolve() for name in programs]
    )
    server.create_repo(app)
    (folder / "recipes").mkdir()
    binaries = " ".join(f'cli("{name}"),' for name in programs)
    (folder / "recipes" / f"{app}.py").write_text(_RECIPE.format(repo=shop.repo, binaries=binaries))
    clone = ("git", "clone", "--quiet", f"{server.url}/{shop.repo}.git", str(folder / "code" / shop.repo))
    subprocess.run(clone, check=True)
    return shop


@contextmanager
def _server(folder: Path) -> Iterator["ForgeServer"]:
    """The real one, with its data below `folder`."""
    from support.forge_server import PROGRAM, TESTS, ForgeServer

    data, cache = folder / "data", CHECKOUT / "cache" / "forge"
    command = [*PROGRAM, "--cache", str(cache), "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=TESTS) as child:
        try:
            instance = json.loads((child.stdout or sys.stdin).readline())
            yield ForgeServer(
                instance["url"], token=instance["token"], user=instance["user"], password=instance["password"]
            )
        finally:
            child.terminate()
            child.wait(30)

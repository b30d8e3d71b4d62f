"""Reading every installed byte again: a thousand apps, 4 GB, beside openssl on all cores."""

import hashlib
import os
import shutil
from pathlib import Path

from bench import world
from bench.bench import Bench
from bench.measure import Command, Peer, compare, environment, seconds
from bench.peers import hero_command
from bench.profiles import profiled
from bench.result import HERO, Row, Target
from bench.scratch import scratch
from bench.world import OWNER, App
from hero_build.forge.mirror import publish
from hero_build.model.steps import Asset, Release
from support.elf_files import program, static_bytes

OPENSSL = "openssl dgst on all cores"
_APPS = tuple(App(f"middle{number:04}", 4 << 20) for number in range(1, 1001))
_TAG = "v1.0.0"


def rows(bench: Bench) -> list[Row]:
    with scratch("verify") as folder:
        verify = _installed(bench, folder)
        script = f"ls bin/* | xargs --max-procs={os.cpu_count()} --max-args=32 openssl dgst -sha256"
        digests = Command(("/bin/sh", "-c", script), environment(folder), folder / "root")
        peers = [Peer(OPENSSL, lambda _: digests), Peer(HERO, lambda _: verify)]
        samples = compare(peers, bench.rounds, seconds)
        title = "`verify` of 1000 apps × 4 MB"
        row = Row("verify-1000", title=title, unit="s", samples=samples, targets=(Target(1.1, OPENSSL),))
        return [profiled(row, peers[-1])]


def _installed(bench: Bench, folder: Path) -> Command:
    """Install them from a directory, which is gone afterwards; the command that verifies them."""
    mirror = folder / "mirror"
    for app in _APPS:
        _release(mirror, app)
    world.write_recipes(folder / "recipes", _APPS)

    def command(*arguments: str) -> Command:
        plain = hero_command(bench.context.hero, "one", bench.server.near, folder, *arguments)
        places = {"FORGEJO_URL": mirror.as_uri(), "HERO_RECIPES": str(folder / "recipes")}
        return Command(plain.argv, {**plain.env, **places}, folder)

    seconds(command("install", "@bench", "--mode", "download"))
    shutil.rmtree(mirror)
    return command("verify")


def _release(mirror: Path, app: App) -> None:
    content = static_bytes(program(app.name, _TAG), app.size)
    path = mirror.with_name(app.asset)
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    asset = Asset(app.asset, path.as_uri(), size=app.size, id=digest, sha256=digest)
    release = Release(mirror.as_uri(), repo=f"{OWNER}/{app.name}", tag=_TAG, assets=(asset,))
    publish(mirror, release, {app.asset: path}, latest=True)
    path.unlink()

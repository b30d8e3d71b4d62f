"""35 apps planned: every fact gathered that a decision rests on, from the forge, the disk and the checkouts."""

import shutil
import tempfile
from pathlib import Path

from bench import rust, world
from bench.bench import Bench
from bench.measure import Command, Peer, compare, seconds
from bench.places import RUN
from bench.profiles import profiled
from bench.result import Row, Target

_DOWNLOAD, _SOURCE, _AUTO = "all to download", "all to build", "some of each"


def rows(bench: Bench) -> list[Row]:
    RUN.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="plan-", dir=RUN))
    try:
        return [_row(bench, folder)]
    finally:
        shutil.rmtree(folder)


def _row(bench: Bench, folder: Path) -> Row:
    released, bare = world.PLANNED[:18], world.UNRELEASED
    for app in (*world.PLANNED, *bare):
        rust.repository(folder / "code", app)
    fleets = {_DOWNLOAD: ("download", world.PLANNED), _SOURCE: ("source", world.PLANNED)}
    fleets[_AUTO] = ("auto", (*released, *bare))
    for name, (_, apps) in fleets.items():
        world.write_recipes(folder / name.replace(" ", "-"), apps)
    peers = [_peer(bench, folder=folder, name=name, mode=mode) for name, (mode, _) in fleets.items()]
    samples = compare(peers, bench.rounds, seconds)
    targets = tuple(Target(1, peer=name) for name in fleets)
    row = Row("plan", title=f"{len(world.PLANNED)} apps planned", unit="s", samples=samples, targets=targets)
    return profiled(row, peers[-1])


def _peer(bench: Bench, folder: Path, name: str, mode: str) -> Peer:
    own = {
        "HERO_ROOT": folder / "root",
        "CODEROOT": folder / "code",
        "HERO_BUILD_CACHE": folder / "cache",
        "HERO_RECIPES": folder / name.replace(" ", "-"),
    }
    env = rust.toolchain(folder, **own, FORGEJO_URL=bench.server.near)
    command = Command((str(bench.context.hero), "install", "@bench", "--mode", mode, "--dry-run"), env, folder)
    return Peer(name, lambda _: command)

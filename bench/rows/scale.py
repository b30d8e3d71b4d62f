"""A thousand recipes and a thousand installed apps: what grows with them, and what does not."""

import itertools
import os
import shutil
import tempfile
import time
from math import log
from pathlib import Path
from statistics import median

import msgspec
from msgspec.structs import replace

from bench import world
from bench.bench import Bench
from bench.measure import Command, Peer, compare, seconds
from bench.peers import hero_command
from bench.places import RUN
from bench.profiles import profiled
from bench.result import Floor, Row, Target
from bench.world import SIZES
from hero_build.install.layout import Root

_LINEAR = 1.1 * SIZES[-1] / SIZES[0]
_COMMANDS = ("list", "status", "verify")
_ALONE, _AMONG = "among 1", f"among {SIZES[-1]}"
_TIMES = 5
_UPGRADED = world.TINY[0].name


def rows(bench: Bench) -> list[Row]:
    world.warm(world.TINY)
    RUN.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="scale-", dir=RUN))
    try:
        for fleet in ("one", *map(str, SIZES)):
            seconds(_command(bench, folder, fleet, "install", "@bench", "--mode", "download"))
        return [*(_reading(bench, folder, name) for name in _COMMANDS), _upgrade(bench, folder)]
    finally:
        shutil.rmtree(folder)


def _reading(bench: Bench, folder: Path, name: str) -> Row:
    peers = [_steady(f"{size} apps", _command(bench, folder, str(size), name)) for size in SIZES]
    first, last = peers[0].name, peers[-1].name
    title = f"`{name}`, with as many recipes as apps"
    row = Row(
        f"scale-{name}",
        title=title,
        unit="s",
        samples=compare(peers, bench.rounds, seconds),
        targets=(Target(_LINEAR, first, last),),
    )
    exponent = log(row.middle(last) / row.middle(first)) / log(SIZES[-1] / SIZES[0])
    row = replace(row, notes=(f"its time grows with the number of apps to the power of {exponent:.2f}",))
    return profiled(row, peers[-1])


def _upgrade(bench: Bench, folder: Path) -> Row:
    peers = [
        _switching(bench, folder=folder, name=_ALONE, fleet="one"),
        _switching(bench, folder=folder, name=_AMONG, fleet=str(SIZES[-1])),
    ]
    samples = compare(peers, bench.rounds, seconds)
    title = "`install` of one app's other version"
    row = Row("scale-install", title=title, unit="s", samples=samples, targets=(Target(1.3, _ALONE, _AMONG),))
    return profiled(replace(row, floor=_floor(row, folder)), peers[-1])


def _floor(row: Row, folder: Path) -> Floor:
    """What the same install takes among one app, and the bare work that a whole generation of a thousand adds."""
    manifest = (Root(folder / str(SIZES[-1]) / "root").current / "manifest.json").read_bytes()
    more = median(_generation(manifest, folder / "bare") for _ in range(_TIMES))
    what = f"what it takes {_ALONE}, {SIZES[-1]} hard links, and a manifest of as many apps read, written and synced"
    return Floor(row.middle(_ALONE) + more, what, ())


def _generation(manifest: bytes, folder: Path) -> float:
    """The seconds for as many links as there are apps, and for a manifest decoded, encoded, written and synced."""
    folder.mkdir()
    (folder / "program").touch()
    begin = time.perf_counter()
    for number in range(SIZES[-1]):
        os.link(folder / "program", folder / f"link{number:04}")
    (folder / "manifest").write_bytes(msgspec.json.encode(msgspec.json.decode(manifest)))
    for path in (folder / "manifest", folder):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    took = time.perf_counter() - begin
    shutil.rmtree(folder)
    return took


def _steady(name: str, command: Command) -> Peer:
    return Peer(name, lambda _: command)


def _switching(bench: Bench, folder: Path, name: str, fleet: str) -> Peer:
    """Goes back and forth between two releases, so that every run has one thing to do."""
    tags = itertools.cycle(world.TINY[0].tags)

    def prepare(_: Path) -> Command:
        return _command(bench, folder, fleet, "install", _UPGRADED, "--mode", "download", "--version", next(tags))

    return Peer(name, prepare)


def _command(bench: Bench, folder: Path, fleet: str, *arguments: str) -> Command:
    """In a folder for each fleet, which holds its root."""
    home = folder / fleet
    home.mkdir(exist_ok=True)
    return hero_command(bench.context.hero, fleet, bench.server.near, home, *arguments)

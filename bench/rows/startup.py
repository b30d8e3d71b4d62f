"""What the shortest commands, and one small app, cost beside an interpreter that does nothing."""

from pathlib import Path

from bench import floors, world
from bench.bench import Bench
from bench.measure import Command, Peer, compare, environment, seconds
from bench.peers import hero
from bench.profiles import profiled
from bench.result import HERO, Row, Target

PYTHON = "python -c pass"


def rows(bench: Bench) -> list[Row]:
    return [_row(bench, "--version", 4), _row(bench, "list", 3.5), _small(bench)]


def _small(bench: Bench) -> Row:
    world.warm(world.TINY[:1])
    bare = _peer(PYTHON, bench.context.python, "-c", "pass")
    loop = floors.received(bench.context, world.TINY[:1], bench.server.near)
    peers = [bare, loop, hero(bench.context.hero, apps=world.TINY[:1], fleet="one", base=bench.server.near)]
    samples = compare(peers, bench.many, seconds)
    row = Row("cold-1", title="one small app, cold", unit="s", samples=samples, targets=(Target(7, PYTHON),))
    return profiled(floors.loop(row, floors.RECEIVED), peers[-1])


def _row(bench: Bench, argument: str, most: float) -> Row:
    bare = _peer(PYTHON, bench.context.python, "-c", "pass")
    peers = [bare, _peer(HERO, bench.context.hero, argument)]
    samples = compare(peers, bench.many, seconds)
    title, targets = f"`{argument}`", (Target(most, PYTHON),)
    return profiled(Row(argument.strip("-"), title=title, unit="s", samples=samples, targets=targets), peers[-1])


def _peer(name: str, program: Path, *arguments: str) -> Peer:
    def prepare(folder: Path) -> Command:
        env = environment(folder, HERO_ROOT=folder / "root", HERO_BUILD_CACHE=folder / "cache")
        return Command((str(program), *arguments), env, folder)

    return Peer(name, prepare)

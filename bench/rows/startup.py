"""What the shortest commands cost beside an interpreter that does nothing."""

from pathlib import Path

from bench.bench import Bench
from bench.measure import Command, Peer, compare, environment, seconds
from bench.result import HERO, Row, Target

_PYTHON = "python -c pass"


def rows(bench: Bench) -> list[Row]:
    return [_row(bench, "--version", 4), _row(bench, "list", 3.5)]


def _row(bench: Bench, argument: str, most: float) -> Row:
    bare = _peer(_PYTHON, bench.context.python, "-c", "pass")
    peers = [bare, _peer(HERO, bench.context.hero, argument)]
    samples = compare(peers, bench.many, seconds)
    return Row(argument.strip("-"), title=f"`{argument}`", unit="s", samples=samples, targets=(Target(most, _PYTHON),))


def _peer(name: str, program: Path, *arguments: str) -> Peer:
    def prepare(folder: Path) -> Command:
        env = environment(folder, HERO_ROOT=folder / "root", HERO_BUILD_CACHE=folder / "cache")
        return Command((str(program), *arguments), env, folder)

    return Peer(name, prepare)

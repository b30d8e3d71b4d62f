"""30 apps that are installed already, pinned by a lock file or asked for; and whether damage to them is seen."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import world
from bench.bench import Bench
from bench.measure import Command, Peer, compare, seconds
from bench.peers import MISE, hero_command, mise_file, mise_install
from bench.places import RUN
from bench.profiles import profiled
from bench.result import HERO, Row, Target
from bench.rows.startup import PYTHON

Fact = tuple[str, bool]
_APP = world.SMALL[6]


def rows(bench: Bench) -> list[Row]:
    RUN.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="noop-", dir=RUN))
    try:
        return [_row(bench, folder), _asked(bench, folder)]
    finally:
        shutil.rmtree(folder)


def _row(bench: Bench, folder: Path) -> Row:
    locked = _installed(bench, folder)
    peers = [Peer(HERO, lambda _: locked)]
    if bench.context.mise:
        again = mise_install(bench.context.mise, apps=world.SMALL, base=bench.server.near, folder=folder)
        seconds(again)
        peers.insert(0, Peer(MISE, lambda _: again))
    facts = [_silent(bench, locked)]
    samples = compare(peers, bench.many, seconds)
    facts += _seen(HERO, locked, folder / "root" / "bin" / _APP.name)
    if bench.context.mise:
        facts += _seen(MISE, again, mise_file(folder, _APP))
    row = Row(
        "noop",
        title="30 apps, nothing to do, `--locked`",
        unit="s",
        samples=samples,
        targets=(Target(1.2, MISE),),
        facts=tuple(facts),
    )
    return profiled(row, peers[-1])


def _asked(bench: Bench, folder: Path) -> Row:
    """The same without a lock file: the forge is asked for each app."""
    asking = hero_command(
        bench.context.hero, "small", bench.server.near, folder, "install", "@bench", "--mode", "download"
    )
    for _ in range(2):
        seconds(asking)
    before = bench.server.requests()
    seconds(asking)
    facts = [("one request an app", bench.server.requests() - before == len(world.SMALL))]
    bare = Command((str(bench.context.python), "-c", "pass"), asking.env, folder)
    peers = [Peer(PYTHON, lambda _: bare), Peer(HERO, lambda _: asking)]
    row = Row(
        "noop-asked",
        title="30 apps, nothing to do, the forge asked",
        unit="s",
        samples=compare(peers, bench.many, seconds),
        targets=(Target(7, PYTHON),),
        facts=tuple(facts),
    )
    return profiled(row, peers[-1])


def _installed(bench: Bench, folder: Path) -> Command:
    """Lock 30 apps and install them; the command that does it again."""
    lock = str(folder / "lock.json")

    def command(*arguments: str) -> Command:
        return hero_command(bench.context.hero, "small", bench.server.near, folder, *arguments)

    seconds(command("lock", "@bench", "-o", lock))
    locked = command("install", "@bench", "--mode", "download", "--locked", lock)
    seconds(locked)
    return locked


def _silent(bench: Bench, locked: Command) -> Fact:
    before = bench.server.requests()
    seconds(locked)
    return "hero-build makes no request", bench.server.requests() == before


def _seen(who: str, command: Command, file: Path) -> list[Fact]:
    """Damage a program in two ways: whether a run repairs it."""
    ways = (("a truncated file", _truncate), ("a replaced one of the same size", _replace))
    return [(f"{who} finds and repairs {what}", _repaired(command, file, damage)) for what, damage in ways]


def _repaired(command: Command, file: Path, damage: Callable[[Path], None]) -> bool:
    path = file.resolve()
    good = path.read_bytes()
    damage(path)
    seconds(command)
    repaired = file.read_bytes() == good
    if not repaired:
        path.write_bytes(good)
    return repaired


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"\0" * path.stat().st_size)
    other.chmod(0o755)
    other.replace(path)

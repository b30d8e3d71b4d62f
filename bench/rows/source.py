"""Builds from source, on zinit: beside cargo alone, with nothing to do, and on a second machine with a shared cache.

A cold build takes minutes, so that there are few rounds of it.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from bench import rust
from bench.bench import Bench
from bench.measure import Command, Failed, Peer, compare, once, seconds
from bench.result import HERO, Row, Target
from bench.scratch import scratch, starts
from bench.server import free_port

_ROUNDS = 3
_CARGO, _NOOP = "cargo build", "cargo build again"
_PLAIN, _FIRST = "without sccache", "first machine, which fills it"
_SECOND, _ELSEWHERE = "second machine", "second machine, other paths"


def rows(bench: Bench) -> list[Row]:
    zinit = rust.zinit()
    return [_cold(bench, zinit), _farm(bench, zinit.mirror)]


def noop(bench: Bench) -> list[Row]:
    """The same command again, and cargo again in the very tree and target folder that it built in."""
    mirror = rust.zinit().mirror
    with scratch("again") as folder:
        again = rust.hero(bench.context, mirror, folder)
        seconds(again)
        tree = folder / "root" / "code0" / "geomind_code" / "zinit"
        bare = rust.cargo(tree, tree / "target", folder)
        seconds(bare)
        facts = (("hero-build starts no cargo where nothing changed", not starts("cargo", again)),)
        samples = compare([_steady(_NOOP, bare), _steady(HERO, again)], bench.many, seconds)
    return [
        Row(
            "source-noop",
            title="zinit from source, nothing to do",
            unit="s",
            samples=samples,
            targets=(Target(0.2, _NOOP),),
            facts=facts,
        )
    ]


def _cold(bench: Bench, zinit: rust.Zinit) -> Row:
    """hero-build clones, builds, verifies, syncs and commits; cargo is given its clone."""

    def complete(place: str) -> Callable[[Path], None]:
        return lambda folder: _there(folder / place)

    peers = [
        Peer(_CARGO, lambda folder: rust.cargo(zinit.clone, folder / "target", folder), complete("target/release")),
        Peer(HERO, lambda folder: rust.hero(bench.context, zinit.mirror, folder), complete("root/bin")),
    ]
    samples = compare(peers, min(_ROUNDS, bench.rounds), seconds, warm=False)
    return Row("source", title="zinit from source, cold", unit="s", samples=samples, targets=(Target(1.02, _CARGO),))


def _farm(bench: Bench, mirror: Path) -> Row:
    """Two machines that share a cache of sccache's on the disk; each has its own root, checkouts and target folder."""
    samples: dict[str, list[float]] = {name: [] for name in (_PLAIN, _FIRST, _SECOND, _ELSEWHERE)}
    for _ in range(min(_ROUNDS, bench.rounds)):
        with scratch("farm") as folder, _sccache(folder) as wrapped:
            for name, place, cache in (
                (_PLAIN, "machine", {}),
                (_FIRST, "machine", wrapped),
                (_SECOND, "machine", wrapped),
                (_ELSEWHERE, "another", wrapped),
            ):
                samples[name].append(_machine(bench, mirror=mirror, place=folder / place, cache=cache))
    row = Row(
        "farm",
        title="zinit from source, cold, shared cache",
        unit="s",
        samples={name: tuple(took) for name, took in samples.items()},
        targets=(Target(0.2, _PLAIN, _SECOND),),
    )
    notes = [f"{name}: {row.middle(name) / row.middle(_PLAIN):.2f} of {_PLAIN}" for name in _SHARING]
    return replace(row, notes=tuple(notes))


_SHARING = (_FIRST, _SECOND, _ELSEWHERE)


def _machine(bench: Bench, mirror: Path, place: Path, cache: dict[str, str]) -> float:
    """A fresh one at `place`, which is empty afterwards."""
    place.mkdir()
    try:
        took = once(Peer(HERO, lambda _: rust.hero(bench.context, mirror, place, cache=cache)), seconds)
        _there(place / "root" / "bin")
        return took
    finally:
        shutil.rmtree(place)


@contextmanager
def _sccache(folder: Path) -> Iterator[dict[str, str]]:
    """What a machine sets to share the cache; the server that sccache starts for itself ends with the context."""
    programs = rust.sccache()
    path = f"{programs}:{rust.toolchain(folder)['PATH']}"
    env = {"PATH": path, "SCCACHE_DIR": str(folder / "sccache"), "SCCACHE_SERVER_PORT": str(free_port())}
    try:
        yield env
    finally:
        stop = [str(programs / "sccache"), "--stop-server"]
        subprocess.run(stop, env=env, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _steady(name: str, command: Command) -> Peer:
    return Peer(name, lambda _: command)


def _there(folder: Path) -> None:
    if not rust.built(folder):
        raise Failed(f"zinit's programs are not in {folder}")

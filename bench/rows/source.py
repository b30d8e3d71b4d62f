"""Builds from source, on zinit: beside cargo alone, with nothing to do, and on a second machine with a shared cache.

A cold build takes minutes, so that there are few rounds of it.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from bench import floors, rust
from bench.bench import Bench
from bench.measure import Command, Failed, Meter, Peer, compare, once, seconds
from bench.profiles import Recorder, profiled
from bench.result import HERO, Row, Target
from bench.scratch import scratch, starts
from bench.server import free_port, listens

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
        title, targets = "zinit from source, nothing to do", (Target(0.2, _NOOP),)
        row = Row("source-noop", title=title, unit="s", samples=samples, targets=targets, facts=facts)
        return [profiled(row, _steady(HERO, again))]


def _cold(bench: Bench, zinit: rust.Zinit) -> Row:
    """hero-build clones, builds, verifies, syncs and commits; cargo is given its clone."""

    def complete(place: str) -> Callable[[Path], None]:
        return lambda folder: _there(folder / place)

    peers = [
        Peer(_CARGO, lambda folder: rust.cargo(zinit.clone, folder / "target", folder), complete("target/release")),
        Peer(HERO, lambda folder: rust.hero(bench.context, zinit.mirror, folder), complete("root/bin")),
    ]
    recorder = Recorder(timed=True)
    samples = compare(peers, min(_ROUNDS, bench.rounds), recorder, warm=False)
    row = Row("source", title="zinit from source, cold", unit="s", samples=samples, targets=(Target(1.02, _CARGO),))
    return recorder.onto(floors.built(row, recorder.times()))


def _farm(bench: Bench, mirror: Path) -> Row:
    """Two machines that share a cache of sccache's on the disk; each has its own root, checkouts and target folder."""
    samples: dict[str, list[float]] = {name: [] for name in (_PLAIN, _FIRST, _SECOND, _ELSEWHERE)}
    recorder = Recorder()
    for _ in range(min(_ROUNDS, bench.rounds)):
        with scratch("farm") as folder, _sccache(folder) as (wrapped, server):
            for name, place, cache in (
                (_PLAIN, "machine", {}),
                (_FIRST, "machine", wrapped),
                (_SECOND, "machine", wrapped),
                (_ELSEWHERE, "another", wrapped),
            ):
                command = rust.hero(bench.context, mirror, folder / place, cache=cache)
                samples[name].append(_machine(command, place=folder / place, meter=seconds))
            if not recorder.notes:  # once, in a run of its own, while the cache is there
                recorder = Recorder(follow=(server,))
                command = rust.hero(bench.context, mirror, folder / "machine", cache=wrapped)
                _machine(command, place=folder / "machine", meter=recorder)
    row = Row(
        "farm",
        title="zinit from source, cold, shared cache",
        unit="s",
        samples={name: tuple(took) for name, took in samples.items()},
        targets=(Target(0.2, _PLAIN, _SECOND),),
    )
    notes = [f"{name}: {row.middle(name) / row.middle(_PLAIN):.2f} of {_PLAIN}" for name in _SHARING]
    row = replace(row, notes=(*notes, f"the bar is of the {_SECOND}"))
    return recorder.onto(floors.built(row, recorder.times()))


_SHARING = (_FIRST, _SECOND, _ELSEWHERE)


def _machine(command: Command, place: Path, meter: Meter) -> float:
    """A fresh one at `place`, which is empty afterwards."""
    place.mkdir()
    try:
        took = once(Peer(HERO, lambda _: command), meter)
        _there(place / "root" / "bin")
        return took
    finally:
        shutil.rmtree(place)


@contextmanager
def _sccache(folder: Path) -> Iterator[tuple[dict[str, str], int]]:
    """What a machine sets to share the cache, and the process of sccache's server, which ends with the context."""
    programs = rust.sccache()
    path = f"{programs}:{rust.toolchain(folder)['PATH']}"
    port = free_port()
    env = {"PATH": path, "SCCACHE_DIR": str(folder / "sccache"), "SCCACHE_SERVER_PORT": str(port)}
    foreground = {"SCCACHE_START_SERVER": "1", "SCCACHE_NO_DAEMON": "1", "SCCACHE_IDLE_TIMEOUT": "0"}
    null, own = subprocess.DEVNULL, {**rust.toolchain(folder), **env, **foreground}
    server = subprocess.Popen([str(programs / "sccache")], env=own, stdout=null, stderr=null)
    try:
        if not listens(port, server):
            raise Failed("sccache's server does not start")
        yield env, server.pid
    finally:
        stop = [str(programs / "sccache"), "--stop-server"]
        subprocess.run(stop, env=env, check=False, stdout=null, stderr=null)
        server.wait()


def _steady(name: str, command: Command) -> Peer:
    return Peer(name, lambda _: command)


def _there(folder: Path) -> None:
    if not rust.built(folder):
        raise Failed(f"zinit's programs are not in {folder}")

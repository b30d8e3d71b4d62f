"""The least that work takes in any program, measured beside hero-build: what a miss is compared with on the page."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec.structs import replace

from bench.kinds import (
    CARGO,
    COMPILERS,
    GIT,
    HASH,
    INTERPRETER,
    NETWORK,
    PROGRAMS,
    SCCACHE,
    SYNC,
    WRITE,
    is_program,
)
from bench.measure import Command, Peer, environment
from bench.peers import complete, path_of
from bench.profiles import profile
from bench.result import Floor, Row, shown
from bench.times import Times, sums
from bench.tools import Tools
from bench.world import App

BARE = "bare loop"
"""A peer that does what no other can leave out."""
RECEIVED = "a loop that receives, hashes, writes and syncs the same files, and knows their addresses"
_SCRIPT = Path(__file__).with_name("bare.py")
_TAG = "v1.0.0"
_OWN = "hero-build's own process"
_TAIL = "cores idle beside the last wasm tools"
_REST = "cores idle while nothing compiles"


def received(context: Tools, apps: Sequence[App], base: str) -> Peer:
    """Reads all files from the server, hashes, writes and syncs them."""
    host, _, port = base.removeprefix("http://").partition(":")
    return _bare(context, "receive", apps, lambda app: f"{host} {port} {path_of(app)}")


def written(context: Tools, apps: Sequence[App]) -> Peer:
    """The same with files that are read from the page cache."""
    return _bare(context, "write", apps, lambda app: str(app.file(_TAG)))


def loop(row: Row, what: str) -> Row:
    """The row with its bare loop for the floor."""
    kinds = (INTERPRETER, NETWORK, HASH, WRITE, SYNC)
    return replace(row, floor=Floor(row.middle(BARE), what, kinds))


def built(row: Row, times: Times) -> Row:
    """For a build that keeps all cores busy: what compiles, shared by the cores, and what cargo's graph leaves idle."""
    cores = os.cpu_count() or 1
    kinds = (*COMPILERS, *((SCCACHE,) if SCCACHE in times.processor else ()))
    work, gaps = sum(times.processor.get(kind, 0.0) for kind in kinds) / cores, times.idle.graph / cores
    tools = "compilers, linker and wasm tools" if len(kinds) == len(COMPILERS) else "compilers, linker and sccache"
    what = f"what {tools} take of the processor, shared by {cores} cores ({shown(work, 's')}), and the time in which "
    what += f"cores are idle while cargo waits for a crate that others need ({shown(gaps, 's')})"
    return replace(row, floor=Floor(work + gaps, what, kinds, _above(times, kinds, cores)))


def _above(times: Times, kinds: Sequence[str], cores: int) -> dict[str, float]:
    """What a build takes beside its floor, shared by the cores as the floor is."""
    parts = sums()
    for kind, used in times.processor.items():
        if kind not in kinds:
            parts[kind if kind in (GIT, CARGO) else PROGRAMS if is_program(kind) else _OWN] += used
    parts[_TAIL], parts[_REST] = times.idle.tools, times.idle.alone
    return {name: round(took / cores, 5) for name, took in parts.items()}


def in_turn(row: Row, times: Times) -> Row:
    """For a build in which one waits for the other: how long a compiler ran at all."""
    what = "the time in which a compiler, the linker or a wasm tool runs"
    return replace(row, floor=Floor(times.compiling, what, COMPILERS))


def edited(row: Row, peer: Peer) -> Row:
    """The row of a build after an edit, with a profile of hero-build and what follows from it."""
    times = profile(peer)
    return in_turn(replace(row, profile=times.clock, processor=times.processor), times)


def _bare(context: Tools, verb: str, apps: Sequence[App], source: Callable[[App], str]) -> Peer:
    def prepare(folder: Path) -> Command:
        lines = [f"{source(app)} {app.size} {folder / app.name}\n" for app in apps]
        (folder / "files").write_text("".join(lines))
        return Command((str(context.python), "-I", str(_SCRIPT), verb, "files"), environment(folder), folder)

    return Peer(BARE, prepare, lambda folder: complete(apps, lambda app: folder / app.name))

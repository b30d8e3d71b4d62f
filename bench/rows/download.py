"""Cold downloads: nothing is there yet. hero-build verifies, stores, syncs and commits within its time."""

from collections.abc import Sequence

from msgspec.structs import replace

from bench import floors, world
from bench.bench import DELAY, Bench
from bench.measure import Peer, compare, seconds
from bench.peers import BINSTALL, CURL, MISE, UBI, curl, downloaders
from bench.profiles import profiled
from bench.result import Row, Target
from bench.world import App

_DIRECT, _IDLE = "curl+openssl without the proxy", "curl+openssl through a proxy that delays nothing"


def small(bench: Bench) -> list[Row]:
    world.warm(world.SMALL)
    peers = _peers(bench, world.SMALL, fleet="small", base=bench.server.near)
    samples = compare(peers, bench.rounds, seconds)
    targets = (Target(0.5, CURL), Target(0.6, MISE))
    row = Row("cold-30", title="30 apps × 8 MB, cold", unit="s", samples=samples, targets=targets)
    return [_complete(row, peers[-1])]


def large(bench: Bench) -> list[Row]:
    world.warm(world.LARGE)
    peers = _peers(bench, world.LARGE, fleet="large", base=bench.server.near)
    samples = compare(peers, bench.rounds, seconds)
    row = Row("cold-6", title="6 apps × 100 MB, cold", unit="s", samples=samples, targets=(Target(0.5, CURL),))
    return [_complete(row, peers[-1])]


def late(bench: Bench) -> list[Row]:
    world.warm(world.SMALL)
    peers = _peers(bench, world.SMALL, fleet="small", base=bench.server.far)
    proof = [curl(_DIRECT, world.SMALL, bench.server.near), curl(_IDLE, world.SMALL, bench.direct)]
    samples = compare([*peers, *proof], bench.rounds, seconds)
    row = Row(
        "latency-30",
        title=f"30 apps × 8 MB, cold, {DELAY:g} ms latency",
        unit="s",
        samples=samples,
        targets=(Target(0.6, CURL),),
    )
    return [_complete(_with_proof(row), peers[-1])]


def _peers(bench: Bench, apps: Sequence[App], fleet: str, base: str) -> list[Peer]:
    bare = floors.received(bench.context, apps, base)
    return [bare, *downloaders(bench.context, apps=apps, fleet=fleet, base=base)]


def _complete(row: Row, ours: Peer) -> Row:
    """With its floor, its profile, and the peers that this machine does not have."""
    missing = tuple(
        f"{name} is left out: it is not on this machine" for name in (MISE, UBI, BINSTALL) if name not in row.samples
    )
    return profiled(floors.loop(replace(row, notes=(*row.notes, *missing)), floors.RECEIVED), ours)


def _with_proof(row: Row) -> Row:
    """The row with what its proxy costs as a note in place of the samples that tell it."""
    direct, idle = row.middle(_DIRECT), row.middle(_IDLE)
    note = f"the proxy alone, without delay: curl+openssl takes {idle:.2f} s through it and {direct:.2f} s past it"
    samples = {peer: values for peer, values in row.samples.items() if peer not in (_DIRECT, _IDLE)}
    return replace(row, samples=samples, notes=(note,))

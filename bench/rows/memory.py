"""The most memory that one asset of 1 GB takes."""

from bench import world
from bench.bench import Bench
from bench.measure import compare, peak_megabytes
from bench.peers import curl, hero, mise
from bench.result import Row, Target

_ROUNDS = 2  # it hardly differs from one to the next


def rows(bench: Bench) -> list[Row]:
    world.warm(world.HUGE)
    base = bench.server.near
    other = [mise(bench.context.mise, world.HUGE, base)] if bench.context.mise else []
    peers = [
        curl("curl", world.HUGE, base, verify=False, sync=False),
        *other,
        hero(bench.context.hero, apps=world.HUGE, fleet="huge", base=base),
    ]
    samples = compare(peers, min(_ROUNDS, bench.rounds), peak_megabytes)
    return [Row("memory", title="peak memory, 1 GB asset", unit="MB", samples=samples, targets=(Target(64),))]

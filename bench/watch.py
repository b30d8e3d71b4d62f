"""The processor time of the programs that run below this process, by name: for work that hero-build does not start."""

import os
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bench.kinds import program_kind
from bench.sampler import children, clock, name

_EVERY = 0.05


@contextmanager
def watched() -> Iterator[Mapping[str, float]]:
    """Is filled while the block runs; without programs that ran before. What one takes after the last look is lost."""
    apart = {*children(os.getpid())}
    total: defaultdict[str, float] = defaultdict(float)
    ended, seen = threading.Event(), dict[int, float]()

    def look() -> None:
        while not ended.wait(_EVERY):
            to_do = [number for number in children(os.getpid()) if number not in apart]
            while to_do:
                number = to_do.pop()
                to_do += children(number)
                used = clock(number)
                total[program_kind(name(number))] += max(used - seen.get(number, 0.0), 0.0)
                seen[number] = max(used, seen.get(number, 0.0))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield total
    finally:
        ended.set()
        thread.join()

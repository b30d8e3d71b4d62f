"""What every row works with."""

from dataclasses import dataclass

from bench.server import Server
from bench.tools import Tools

DELAY = 25.0
"""By how many milliseconds the far server is late."""


@dataclass(frozen=True, slots=True)
class Bench:
    """`rounds`: how often each peer is run. `direct`: the far server's address through a proxy that delays nothing."""

    server: Server
    context: Tools
    rounds: int
    direct: str

    @property
    def many(self) -> int:
        """How often what takes milliseconds is run."""
        return 3 * self.rounds

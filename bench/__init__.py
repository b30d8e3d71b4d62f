"""The benchmark behind docs/benchmarks.md: `python -m bench` measures hero-build beside its peers, on loopback.

    world ─► server ─► rows (each runs peers in shuffled rounds) ─► results as JSON ─► table and plot

Nothing here is part of hero-build, and no test depends on how long anything takes.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # for the helpers in tests/support

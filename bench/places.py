"""Where the benchmark keeps things: all of it ignored by git, except the two documents."""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
OUT = CHECKOUT / "bench" / "out"
DOCS = CHECKOUT / "docs"
WORLD = CHECKOUT / "cache" / "bench-world"
TOOLS = CHECKOUT / "cache" / "bench-tools"
VENV = CHECKOUT / "cache" / "bench-venv"
RUN = CHECKOUT / "cache" / "bench-run"
"""Roots and downloads of one run. On the disk on purpose: in memory, fsync would cost nothing."""

"""What each command imports, by `python -X importtime`: rows for the table of imports, none for the plot."""

import re
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from bench.measure import Command, Failed, Peer, once
from bench.result import HERO, Imports, Row

_LINE = re.compile(rb"import time: +(\d+) \| +\d+ \| +(\S+)")
_RUNS = 5
TITLE = "imports of "
_HEAVIEST = 5


def row(name: str, peer: Peer) -> Row:
    """Of several runs the one with the smallest sum: the others waited for something."""
    runs: list[Imports] = []
    for _ in range(_RUNS):
        once(peer, lambda command: _measure(command, runs))
    samples = {HERO: tuple(imports.milliseconds for imports in runs)}
    least = min(runs, key=lambda imports: imports.milliseconds)
    return Row(f"imports-{name}", title=f"{TITLE}`{name}`", unit="ms", samples=samples, imports=least)


def _measure(command: Command, runs: list[Imports]) -> float:
    python = str(Path(command.argv[0]).with_name("python"))
    done = subprocess.run(
        (python, "-X", "importtime", *command.argv),
        env=dict(command.env),
        cwd=command.cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"{' '.join(command.argv[1:])} ended with {done.returncode}: {done.stderr[-400:].decode()}")
    runs.append(parse(done.stderr))
    return runs[-1].milliseconds


def parse(text: bytes) -> Imports:
    """The lines of importtime: a module's own time is added to its package's, `os` and what it needs apart."""
    packages: Counter[str] = Counter()
    modules = 0
    for match in _LINE.finditer(text):
        modules += 1
        packages[match[2].decode().partition(".")[0]] += int(match[1])
    heaviest: Mapping[str, float] = {name: round(us / 1000, 1) for name, us in packages.most_common(_HEAVIEST)}
    return Imports(modules, round(sum(packages.values()) / 1000, 1), heaviest)

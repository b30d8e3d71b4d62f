"""The delaying proxy between clients and the server: a small Go program, built once."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.places import TOOLS

_SOURCE = Path(__file__).parent / "delay" / "main.go"
_PROGRAM = TOOLS / "delay"


def available() -> bool:
    """Whether the proxy is there, or can be built."""
    return _current() or shutil.which("go") is not None


@contextmanager
def proxy(port: int, milliseconds: float) -> Iterator[int]:
    """The port of a proxy that lets requests reach `port` late, while the context lasts."""
    _build()
    command = [str(_PROGRAM), "-to", f"127.0.0.1:{port}", "-by", f"{milliseconds}ms"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        yield int(child.stdout.readline())
    finally:
        child.kill()
        child.communicate()


def _current() -> bool:
    return _PROGRAM.is_file() and _PROGRAM.stat().st_mtime > _SOURCE.stat().st_mtime


def _build() -> None:
    if not _current():
        TOOLS.mkdir(parents=True, exist_ok=True)
        subprocess.run(["go", "build", "-o", str(_PROGRAM), str(_SOURCE)], check=True)

"""Folders of a row's own, and what can be said of a command without a clock."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import Command, seconds
from bench.places import RUN


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A new folder on the disk, gone afterwards."""
    RUN.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=RUN))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def starts(program: str, command: Command) -> bool:
    """Whether a command runs a program: one that only fails stands before the real one."""
    with scratch("trap") as folder:
        trap = folder / program
        trap.write_text(f"#!/bin/sh\ntouch {folder}/started\nexit 1\n")
        trap.chmod(0o755)
        env = {**command.env, "PATH": f"{folder}:{command.env['PATH']}"}
        seconds(Command(command.argv, env, command.cwd))
        return (folder / "started").exists()

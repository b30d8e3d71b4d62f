"""Programs on PATH that record their calls, or replace others."""

import os
import shlex
import shutil
from pathlib import Path

import pytest


def record_calls(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Record the calls of `name` from now on; returns the file for `calls`."""
    real = shutil.which(name)
    assert real is not None
    notes = folder / f"{name}.calls"
    stand_in(
        folder,
        name=name,
        script=f'echo "$@" >>{shlex.quote(str(notes))}\nexec {shlex.quote(real)} "$@"',
        monkeypatch=monkeypatch,
    )
    notes.touch()
    return notes


def stand_in(folder: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a shell script in the place of a program; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    if not os.environ["PATH"].startswith(f"{folder}{os.pathsep}"):
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return path


def calls(notes: Path) -> list[list[str]]:
    """The arguments of each call."""
    return [line.split() for line in notes.read_text().splitlines()]

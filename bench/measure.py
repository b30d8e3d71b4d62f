"""Runs commands: how long, how much memory; and peers against each other, in shuffled rounds."""

import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.places import RUN

_POLL = 0.002
_random = random.Random(3)  # the same order every time


class Failed(Exception):
    """A command did not do what it was asked to; its last words."""


@dataclass(frozen=True, slots=True)
class Command:
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path


@dataclass(frozen=True, slots=True)
class Peer:
    """One way of doing the work. `prepare` gets an empty folder and returns what is timed; `check` raises Failed."""

    name: str
    prepare: Callable[[Path], Command]
    check: Callable[[Path], None] = lambda folder: None


Meter = Callable[[Command], float]


def compare(peers: Sequence[Peer], rounds: int, meter: Meter, *, warm: bool = True) -> dict[str, tuple[float, ...]]:
    """Each peer's values, one per round; the order within a round is shuffled.

    `warm`: a first round is not counted.
    """
    values: dict[str, list[float]] = {peer.name: [] for peer in peers}
    for number in range(rounds + warm):
        for peer in _random.sample(peers, len(peers)):
            found = once(peer, meter)
            if number >= warm:
                values[peer.name].append(found)
    return {name: tuple(found) for name, found in values.items()}


def seconds(command: Command) -> float:
    """How long a command takes, from its start to its end. Raises Failed."""
    with tempfile.TemporaryFile() as words:
        begin = time.perf_counter()
        child = _start(command, words.fileno())
        child.wait()
        took = time.perf_counter() - begin
        _succeeded(child, command, words.fileno())
    return took


def peak_megabytes(command: Command) -> float:
    """The most memory a command had resident (VmHWM: getrusage would count this process, which starts it)."""
    most = 0.0
    with tempfile.TemporaryFile() as words:
        child = _start(command, words.fileno())
        status = Path(f"/proc/{child.pid}/status")
        while child.poll() is None:
            most = max(most, _high_water(status))
            time.sleep(_POLL)
        _succeeded(child, command, words.fileno())
    return most


def environment(home: Path, **more: str | Path) -> dict[str, str]:
    """What a command sees of the environment: nothing of this machine's but where programs are."""
    plain = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "NO_COLOR": "1"}
    return plain | {name: str(text) for name, text in more.items()}


def once(peer: Peer, meter: Meter) -> float:
    """One run of a peer, in an empty folder that is gone afterwards."""
    RUN.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=RUN))
    try:
        command = peer.prepare(folder)
        os.sync()  # nobody pays for what another one left to be written
        found = meter(command)
        peer.check(folder)
        return found
    finally:
        shutil.rmtree(folder)


def _start(command: Command, words: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command.argv,
        env=command.env,
        cwd=command.cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=words,
    )


def _succeeded(child: "subprocess.Popen[bytes]", command: Command, words: int) -> None:
    if child.returncode:
        last = os.pread(words, 1 << 16, 0).decode(errors="replace").strip()[-800:]
        raise Failed(f"{Path(command.argv[0]).name} ended with {child.returncode}: {last}")


def _high_water(status: Path) -> float:
    try:
        lines = status.read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    kilobytes = next((line.split()[1] for line in lines if line.startswith("VmHWM:")), "0")
    return int(kilobytes) / 1024

"""Starting services, looking at sixty of them, and exchanging one, beside other supervisors with the same programs."""

import itertools
import socket
import threading
import time
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from bench.bench import Bench
from bench.measure import Command, Meter, Peer, compare, once, seconds
from bench.profiles import Recorder, profiled
from bench.result import HERO, Row, Target
from bench.service_root import TAGS, ServiceRoot, apps, service_root
from bench.supervisors import Control, controls
from bench.times import within

_GAP = 0.1
"""Seconds that an upgrade's downtime may take over the supervisor's own restart."""
_OFTEN = 0.005
_MORE = 1.5
"""Seconds that a start may take over the supervisor's own: it also checks each service and waits until it is steady."""


def rows(bench: Bench) -> list[Row]:
    return [_start(bench), _status(bench), _downtime(bench)]


def _start(bench: Bench) -> Row:
    five = apps(5, 0)
    names = [name for binaries in five.values() for name in binaries]
    with service_root(bench, five) as root, controls(root, names) as others:
        peers = [_started(root), *(_started_by(other, names) for other in others.all)]
        samples = compare(peers, bench.rounds, seconds)
        row = Row("services-start", title="5 services, started", unit="s", samples=samples, notes=others.left_out)
        row = profiled(row, peers[0])
    facts = [_within(row, other.name, _MORE, "`start` of five services takes") for other in others.all]
    return replace(row, facts=tuple(facts))


def _within(row: Row, other: str, most: float, what: str) -> tuple[str, bool]:
    """Whether hero-build needs at most so many seconds more."""
    more = row.middle(HERO) - row.middle(other)
    return f"{what} at most {most:g} s over {other}'s own time ({more:+.2f} s)", more <= most


def _started(root: ServiceRoot) -> Peer:
    def prepare(_: Path) -> Command:
        root.run("stop", "@bench")
        return root.command("start", "@bench")

    return Peer(HERO, prepare)


def _started_by(other: Control, names: list[str]) -> Peer:
    def prepare(folder: Path) -> Command:
        seconds(other.command(folder, "stop", names))
        return other.command(folder, "start", names)

    return Peer(other.name, prepare)


def _status(bench: Bench) -> Row:
    binaries = apps(35, 25)
    names = [name for group in binaries.values() for name in group]
    with service_root(bench, binaries) as root, controls(root, names) as others:
        root.run("start", "@bench")
        peers = [Peer(HERO, lambda _: root.command("status"))]
        for other in others.all:
            seconds(other.command(root.folder, "start", names))
            peers.append(Peer(other.name, partial(other.command, verb="status")))
        samples = compare(peers, bench.rounds, seconds)
        title = f"`status` of {len(binaries)} apps with {len(names)} running services"
        row = Row("services-status", title=title, unit="s", samples=samples, targets=(Target(0.3),))
        return profiled(replace(row, notes=others.left_out), peers[0])


def _downtime(bench: Bench) -> Row:
    """How long a service does not answer: while its app is upgraded, and while a supervisor's command restarts it."""
    one = apps(1, 0)
    ((app, (name,)),) = one.items()
    with service_root(bench, one) as root, controls(root, [name]) as others:
        root.run("start", app)
        peers = [(_upgraded(root, app), root.sockets)]
        for other in others.all:
            seconds(other.command(root.folder, "start", [name]))
            peers.append((Peer(other.name, partial(other.command, verb="restart", names=[name])), other.sockets))
        samples: dict[str, list[float]] = {peer.name: [] for peer, _ in peers}
        for _ in range(bench.rounds):
            for peer, place in peers:
                samples[peer.name].append(once(peer, partial(_silent_for, path=place / app / "rpc.sock")))
        times = _silences(peers[0][0], root.sockets / app / "rpc.sock", bench.rounds).times()
    title = "upgrade of a running service, the longest time without an answer"
    row = Row("services-downtime", title=title, unit="s", samples={peer: tuple(s) for peer, s in samples.items()})
    facts = [_within(row, other.name, _GAP, "an upgrade's downtime is") for other in others.all]
    notes = (*others.left_out, "its bar is what hero-build does during that time")
    return replace(row, profile=times.clock, processor=times.processor, facts=tuple(facts), notes=notes)


def _silences(peer: Peer, path: Path, rounds: int) -> Recorder:
    """What upgrades do while the service does not answer, in runs beside those that are measured."""
    silences = Recorder()

    def keep(command: Command) -> float:
        recorder = Recorder()
        first, last = _silence(command, path, recorder)
        silences.keep(within(recorder.notes[0], first, last))
        return last - first

    for _ in range(rounds):
        once(peer, keep)
    return silences


def _silent_for(command: Command, path: Path) -> float:
    return _length(_silence(command, path, seconds))


def _length(silence: tuple[float, float]) -> float:
    return silence[1] - silence[0]


def _upgraded(root: ServiceRoot, app: str) -> Peer:
    """Goes back and forth between two releases; health-gated as `upgrade` is."""
    tags = itertools.cycle(TAGS[::-1])

    def prepare(_: Path) -> Command:
        gated = ("--restart", "--rollback-on-failure")
        return root.command("install", app, "--mode", "download", "--version", next(tags), *gated)

    return Peer(HERO, prepare)


def _silence(command: Command, path: Path, meter: Meter) -> tuple[float, float]:
    """The longest time without an answer at `path` while a command runs, and until there is one again: from when to
    when by the monotonic clock.
    """
    ended = threading.Event()
    silences = []

    def ask() -> None:
        last, answered = time.monotonic(), False
        while not (ended.is_set() and answered):
            answered = _answers(path)
            silences.append((last, time.monotonic()))
            last = time.monotonic() if answered else last
            time.sleep(_OFTEN)

    thread = threading.Thread(target=ask)
    thread.start()
    meter(command)
    ended.set()
    thread.join()
    return max(silences, key=_length)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            connection.connect(str(path))
            connection.sendall(b"GET /health HTTP/1.0\r\n\r\n")
            return b" 200" in connection.recv(64)
        except OSError:
            return False

"""A fleet against one nginx: a thousand machines, each with its own process of hero-build; the cost of 300 MB."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from bench.bench import DELAY, Bench
from bench.delay import proxy
from bench.measure import Command, Peer
from bench.places import CHECKOUT
from bench.profiles import profile
from bench.result import HERO, Row, Target
from bench.sampler import children
from bench.scratch import scratch
from support import elf_files, fleet_simulation, mirrors, nginx
from support.fleet_simulation import Simulation, Wave
from support.nginx import Nginx

MACHINES = 1000
_EACH = 100  # of so many machines, one is killed, and one does not answer
_AT_ONCE = 4
_LARGE, _SERVED = 100 << 20, 8
"""Three programs of so many bytes are a set; so many machines install it."""
_Facts = tuple[tuple[str, bool], ...]


def rows(bench: Bench) -> list[Row]:
    program = (str(bench.context.hero),)
    with scratch("fleet") as folder:
        many = _many(fleet_simulation.made(folder / "many", count=MACHINES, program=program))
    with scratch("fleet") as folder:
        return [*many, _large(folder, program)]


def _many(sim: Simulation) -> list[Row]:
    """Lock A, lock B, B again, back to A; one in a hundred is killed, another stands still until they are done."""
    killed, silent = range(7, sim.count, _EACH), range(11, sim.count, _EACH)
    first, second = sim.contents("A"), sim.contents("B")
    with nginx.serving(sim.mirror) as server, _late(server) as at:
        for number in killed:
            sim.kill_mid_transfer(number, "A", server)
        install = _phase(server, lambda: sim.converge("A", at, _all_but(sim, (*killed, *silent)), at_once=_AT_ONCE))
        resumed = _phase(server, lambda: sim.converge("A", at, killed, at_once=_AT_ONCE))
        stopped = _standing_still(sim, silent, at)
        rest = _all_but(sim, silent)
        upgrade = _phase(server, lambda: sim.converge("B", at, rest, at_once=_AT_ONCE))
        for process in stopped:
            process.send_signal(signal.SIGCONT)
            process.wait()
        late = _phase(server, lambda: sim.converge("B", at, silent, at_once=_AT_ONCE))
        one_after = sim.digests()
        again = _phase(server, lambda: sim.converge("B", at, at_once=_AT_ONCE))
        back = _phase(server, lambda: sim.converge("A", at, at_once=_AT_ONCE))
        one_back = sim.digests()
        times = profile(Peer(HERO, lambda _: _converging(sim, at)))
        seen = _bad_release(sim, server, at)
        api = any(item.path.startswith("/api/") for item in server.requests())
    whole = len(_all_but(sim, (*killed, *silent)))
    facts = (
        ("every machine succeeds", all(map(_succeeds, (install, resumed, upgrade, late, again, back)))),
        ("no machine asks the API of a forge", not api),
        ("the server sends each machine what it lacks, and no more", install.sent == sim.wire(first) * whole),
        ("so it does in an upgrade", upgrade.sent + late.sent == sim.wire(second - first) * sim.count),
        (
            "a killed transfer goes on where it was",
            resumed.sent < (sim.wire(first) - fleet_simulation.WRITTEN) * len(killed) + 1,
        ),
        ("the same again, and the way back, send no request", again.requests == back.requests == 0),
        ("all machines have the same files, after each", len(one_after) == len(one_back) == 1),
        *seen,
    )
    samples = {
        HERO: (again.wave.cpu / sim.count,),
        "install": (install.wave.cpu / whole,),
        "upgrade": (upgrade.wave.cpu / len(rest),),
        "way back": (back.wave.cpu / sim.count,),
    }
    row = _row(sim.count, samples, facts=facts, note=_note(install, whole))
    return [replace(row, profile=times.processor, processor=times.processor)]


def _converging(sim: Simulation, at: str) -> Command:
    """One machine with nothing to do."""
    root = str(sim.root(0))
    words = (*sim.program, "install", "--locked", str(sim.lock("A")), "--at", at, "--json")
    return Command(words, sim.world.environ(HERO_ROOT=root, HERO_BUILD_CACHE=f"{root}-cache"), CHECKOUT)


def _standing_still(sim: Simulation, machines: Iterable[int], at: str) -> "list[subprocess.Popen[bytes]]":
    processes = [sim.start(number, "A", at) for number in machines]
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    return processes


def _bad_release(sim: Simulation, server: Nginx, at: str) -> _Facts:
    """A release whose service ends at once, in waves of one machine, a tenth, and the rest."""
    tenth = sim.count // 10
    waves = (range(1), range(1, tenth), range(tenth, sim.count))
    sim.serve(0, at)
    try:
        before, requests = sim.digest(0), len(server.requests())
        codes = sim.in_waves("D", at, waves)
        asked = len(server.requests()) - requests
        kept = sim.digest(0) == before and sim.running(0) == "v1"
    finally:
        sim.end(0)
    missing = sim.contents("D") - sim.contents("A") - sim.contents("B") - sim.contents("C")
    return (
        ("a bad release ends at the canary: no other machine asks for it", [*codes] == [0] and codes[0] != 0),
        ("the canary fetched it, and nothing that it had", asked == sim.expected(missing)),
        ("the canary goes back by itself, to the same files and a service that runs", kept),
    )


def _row(machines: int, samples: Mapping[str, tuple[float, ...]], *, facts: _Facts, note: str) -> Row:
    title = f"{machines} machines, {DELAY:g} ms latency: processor time of one with nothing to do"
    return Row("fleet", title=title, unit="s", samples=samples, targets=(Target(0.3),), facts=facts, notes=(note,))


class _Phase:
    """What one step of all machines sent and took."""

    def __init__(self, wave: Wave, requests: Sequence[nginx.Request]) -> None:
        self.wave = wave
        self.requests = len(requests)
        self.sent = sum(item.sent for item in requests if item.status in (200, 206))


def _note(install: _Phase, whole: int) -> str:
    return f"{install.requests} requests and {install.sent / 1e6:.0f} MB for {whole} installs"


def _succeeds(phase: _Phase) -> bool:
    return set(phase.wave.codes.values()) == {0}


def _phase(server: Nginx, step: Callable[[], Wave]) -> _Phase:
    before = len(server.requests())
    wave = step()
    return _Phase(wave, server.requests()[before:])


def _all_but(sim: Simulation, numbers: Sequence[int]) -> list[int]:
    return [number for number in range(sim.count) if number not in set(numbers)]


@contextmanager
def _late(server: Nginx) -> Iterator[str]:
    """The address of the server behind a proxy that adds latency."""
    with proxy(server.port, DELAY) as port:
        yield f"http://127.0.0.1:{port}"


def _large(folder: Path, program: Sequence[str]) -> Row:
    """What nginx takes to serve 300 MB that no compression makes smaller; each root is deleted once it is there."""
    sim = _large_set(folder, program)
    with nginx.serving(sim.mirror) as server:
        before = _processor(server)
        for number in range(_SERVED):
            assert sim.converge("A", server.url, [number]).codes == {number: 0}
            shutil.rmtree(sim.root(number))
        user, kernel = ((after - then) / _SERVED for after, then in zip(_processor(server), before, strict=True))
    title = "processor time of nginx for one machine that installs 300 MB"
    note = f"the mean of {_SERVED} machines, real content"
    parts = {kind: round(took, 5) for kind, took in (("nginx", user), ("kernel", kernel)) if took}
    samples, targets = {HERO: (user + kernel,)}, (Target(0.4),)
    return Row("fleet-serving", title=title, unit="s", samples=samples, targets=targets, notes=(note,), profile=parts)


def _processor(server: Nginx) -> tuple[float, float]:
    """Of nginx and its workers: the seconds in the program itself, and those in the kernel."""
    master = int((server.folder / "pid").read_text())
    lines = [Path(f"/proc/{number}/stat").read_text() for number in (master, *children(master))]
    fields = [line.rpartition(")")[2].split() for line in lines]
    ticks = os.sysconf("SC_CLK_TCK")
    return sum(int(field[11]) for field in fields) / ticks, sum(int(field[12]) for field in fields) / ticks


def _large_set(folder: Path, program: Sequence[str]) -> Simulation:
    """Three programs of random bytes."""
    sim = fleet_simulation.empty(folder, count=_SERVED, program=program)
    for app in ("one", "two", "three"):
        sim.world.recipe(app)
        head = elf_files.static_bytes(elf_files.program(app, "v1"))
        rest = b"".join(islice(_noise(head), (_LARGE - len(head)) >> 20))
        mirrors.release(sim.world.mirror, app=app, tag="v1", files={mirrors.asset(app): head + rest})
    fleet_simulation.pin(sim, "A", ("one", "two", "three"))
    return sim


def _noise(seed: bytes) -> Iterator[bytes]:
    """Megabytes, each another one."""
    number = 0
    while True:
        yield hashlib.shake_256(seed + json.dumps(number).encode()).digest(1 << 20)
        number += 1

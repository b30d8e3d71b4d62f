"""A fleet by simulation: many roots on this machine, each brought to a lock file by a process of hero-build of its own.

    sim = fleet_simulation.made(folder, count=20)
    with nginx.serving(sim.mirror) as server:
        wave = sim.converge("A", server.url)         # all of them, a few at a time
        server.requests(), wave.cpu, sim.digests()

Lock A pins three apps, lock B other versions of two of them. Lock C is A and an app with a service, lock D is B with a
version of that app which ends at once. The mirror is one that `hero-build mirror` wrote.
"""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hero_build.install.layout import Root
from hero_build.supervisors.protocol import Timeouts
from hero_build.supervisors.supervisord import Supervisord
from support import elf_files, mirrors, service_world
from support.nginx import Nginx
from support.processes import LONG, until
from support.service_world import ServiceWorld
from support.worlds import REPO

_PINS: Mapping[str, Sequence[str]] = {"A": ("one@v1", "two@v1", "same@v1"), "B": ("one@v2", "two@v2", "same@v1")}
_SERVED = {"C": ("A", "served@v1"), "D": ("B", "served@v2")}
GATED = ("--restart", "--rollback-on-failure")
SIZES = {"one": 100_000, "two": 1_500_000, "same": 60_000}
"""In bytes; all but `two` are smaller compressed."""
WRITTEN = 1 << 20
"""What of a file is on the disk when it is interrupted in its second megabyte, in bytes."""


@dataclass(frozen=True, slots=True)
class Wave:
    """What the processes ended with, and the seconds of processor that they took, in all."""

    codes: Mapping[int, int]
    cpu: float


@dataclass(frozen=True, slots=True)
class Simulation:
    world: ServiceWorld
    count: int
    program: Sequence[str]

    @property
    def mirror(self) -> Path:
        return self.world.folder / "served"

    def lock(self, name: str) -> Path:
        return self.world.folder / f"{name}.lock"

    def root(self, number: int) -> Path:
        return self.world.folder / "roots" / f"{number:04}"

    def contents(self, name: str) -> set[str]:
        """The digests of what a lock pins."""
        document = json.loads(self.lock(name).read_text())
        return {asset["sha256"] for app in document["apps"].values() for asset in app["assets"]}

    def wire(self, digests: Iterable[str]) -> int:
        """The bytes of these contents as they are sent: compressed where the mirror has that."""
        return sum(min(path.stat().st_size for path in self._files(digest)) for digest in digests)

    def expected(self, digests: Iterable[str]) -> int:
        """The requests for these contents: one for each, and one more where it is not there compressed."""
        return sum(1 if len(self._files(digest)) == 2 else 2 for digest in digests)

    def converge(self, name: str, at: str, numbers: Iterable[int] | None = None, *, at_once: int = 2) -> Wave:
        """Bring roots to a lock; all of them if none are named."""
        chosen = list(range(self.count) if numbers is None else numbers)
        with ThreadPoolExecutor(at_once) as pool:
            ended = list(pool.map(lambda number: self._run(number, name, at), chosen))
        return Wave({number: code for number, (code, _) in zip(chosen, ended, strict=True)}, sum(c for _, c in ended))

    def in_waves(self, name: str, at: str, waves: Iterable[Sequence[int]]) -> Mapping[int, int]:
        """What each ended with: the next wave begins where all of the one before ended well."""
        codes: dict[int, int] = {}
        for wave in waves:
            for number in wave:
                codes[number] = self.start(number, name, at, *GATED).wait()
            if any(codes.values()):
                break
        return codes

    def start(self, number: int, name: str, at: str, *more: str) -> "subprocess.Popen[bytes]":
        return self.run(number, "install", "--locked", str(self.lock(name)), "--at", at, "--json", *more)

    def run(self, number: int, *words: str) -> "subprocess.Popen[bytes]":
        """`hero-build WORDS` on one machine."""
        root = str(self.root(number))
        return subprocess.Popen(
            [*self.program, *words],
            env=self.world.environ(HERO_ROOT=root, HERO_BUILD_CACHE=f"{root}-cache"),
            cwd=REPO,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def serve(self, number: int, at: str) -> None:
        """Bring one to lock C, with its service running."""
        assert self.start(number, "C", at).wait() == 0
        assert self.run(number, "start", "served").wait() == 0

    def running(self, number: int) -> str | None:
        """The version of the service that runs."""
        shown = subprocess.check_output(
            [*self.program, "status", "served", "--json"], env=self.world.environ(HERO_ROOT=str(self.root(number)))
        )
        ((service,),) = (app["services"] for app in json.loads(shown)["apps"])
        return service["version_running"] if service["state"] == "running" else None

    def end(self, number: int) -> None:
        """End the supervisor of one."""
        Supervisord(Root(self.root(number)), Timeouts()).shut_down()

    def kill_mid_transfer(self, number: int, name: str, server: Nginx) -> None:
        """SIGKILL to one that has received a part of its largest file, and all others; until the server has noted what
        it sent.
        """
        before = len(server.requests())
        process = self.start(number, name, server.slow)
        others = len(self.contents(name)) - 1
        assert until(lambda: self.received(number, others) >= WRITTEN or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
        assert process.wait(LONG) == -signal.SIGKILL
        assert until(lambda: any(item.sent >= WRITTEN for item in server.requests()[before:]))

    def received(self, number: int, others: int) -> int:
        """Bytes of the unfinished download beside so many that are complete; 0 while they are not."""
        folder = self.root(number) / "var" / "hero_build" / "partial"
        if len(list(folder.glob("run-*/*.done"))) < others:
            return 0
        return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())

    def digests(self) -> set[str]:
        """A digest of what each root shows in bin/: names, modes, bytes."""
        return {self.digest(number) for number in range(self.count)}

    def digest(self, number: int) -> str:
        return _digest(self.root(number) / "bin")

    def _run(self, number: int, name: str, at: str) -> tuple[int, float]:
        process = self.start(number, name, at)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, usage.ru_utime + usage.ru_stime

    def _files(self, digest: str) -> Sequence[Path]:
        place = self.mirror / "_store" / digest
        return [path for path in (place, place.with_name(f"{digest}.zst")) if path.exists()]


def made(folder: Path, *, count: int, program: Sequence[str] = (sys.executable, "-m", "hero_build")) -> Simulation:
    """Releases, the mirror of both versions, and both lock files."""
    simulation = empty(folder, count=count, program=program)
    for app, size in SIZES.items():
        simulation.world.recipe(app)
        for tag in ("v1", "v2"):
            head = elf_files.static_bytes(elf_files.program(app, tag))
            rest = hashlib.shake_256(head).digest(size - len(head)) if app == "two" else bytes(size - len(head))
            mirrors.release(simulation.world.mirror, app=app, tag=tag, files={mirrors.asset(app): head + rest})
    simulation.world.service("served")
    for tag, behaviour in (("v1", "ok"), ("v2", "exit:3")):
        simulation.world.release_of("served", tag, behaviour)
    for name, pins in _PINS.items():
        pin(simulation, name, pins)
    for name, (base, app) in _SERVED.items():
        pin(simulation, name, (*_PINS[base], app))
    shutil.rmtree(simulation.world.mirror)
    return simulation


def empty(folder: Path, *, count: int, program: Sequence[str]) -> Simulation:
    (folder / "roots").mkdir(parents=True)
    world = service_world.empty(folder)
    return Simulation(world, count, program)


def pin(simulation: Simulation, name: str, pins: Sequence[str]) -> None:
    """Write a lock file, and put what it pins into the mirror."""
    simulation.world.ok("lock", *pins, "-o", str(simulation.lock(name)))
    simulation.world.ok("mirror", *pins, str(simulation.mirror))


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        digest.update(f"{path.name} {path.stat().st_mode:o} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()

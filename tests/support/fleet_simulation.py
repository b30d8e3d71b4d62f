"""A fleet by simulation: many roots on this machine, each brought to a lock file by a process of hero-build of its own.

    sim = fleet_simulation.made(folder, count=20)
    with nginx.serving(sim.mirror) as server:
        wave = sim.converge("A", server.url)         # all of them, a few at a time
        server.requests(), wave.cpu, sim.digests()

Lock A pins three apps, lock B other versions of two of them. The mirror is one that `hero-build mirror` wrote.
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

from support import elf_files, mirrors
from support.nginx import Nginx
from support.processes import LONG, until
from support.worlds import REPO, World

PINS: Mapping[str, Sequence[str]] = {"A": ("one@v1", "two@v1", "same@v1"), "B": ("one@v2", "two@v2", "same@v1")}
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
    world: World
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

    def start(self, number: int, name: str, at: str) -> "subprocess.Popen[bytes]":
        words = ["install", "--root", str(self.root(number)), "--locked", str(self.lock(name)), "--at", at, "--json"]
        environ = self.world.environ(HERO_ROOT=str(self.root(number)), HERO_BUILD_CACHE=f"{self.root(number)}-cache")
        return subprocess.Popen(
            [*self.program, *words],
            env=environ,
            cwd=REPO,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill_mid_transfer(self, number: int, name: str, server: Nginx) -> None:
        """SIGKILL to one that has received a part of its largest file; until the server has noted what it sent."""
        before = len(server.requests())
        process = self.start(number, name, server.slow)
        assert until(lambda: self.received(number) >= WRITTEN or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
        assert process.wait(LONG) == -signal.SIGKILL
        assert until(lambda: any(item.sent >= WRITTEN for item in server.requests()[before:]))

    def received(self, number: int) -> int:
        """Bytes of unfinished downloads."""
        folder = self.root(number) / "var" / "hero_build" / "partial"
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

    def digests(self) -> set[str]:
        """A digest of what each root shows in bin/: names, modes, bytes."""
        return {_digest(self.root(number) / "bin") for number in range(self.count)}

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
    for name, pins in PINS.items():
        pin(simulation, name, pins)
    shutil.rmtree(simulation.world.mirror)
    return simulation


def empty(folder: Path, *, count: int, program: Sequence[str]) -> Simulation:
    world = World(folder)
    for path in (world.mirror, world.recipes, folder / "roots"):
        path.mkdir(parents=True)
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

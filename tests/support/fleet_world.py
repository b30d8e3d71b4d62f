"""A mirror for a fleet: the apps of @tester and @admin, a lock file of each, and hero-build as a pack.

    with fleet_world.world(folder) as fleet:
        fleet.user_data("tester")          # what `hero-build fleet cloud-init` prints
        fleet.up()                         # the mirror answers at fleet.url; fleet.down() ends that
        fleet.server.seen                  # the requests

The programs are small services; the recipes are the shipped ones, but for the ONNX Runtime that two of them need:
theirs is a small library, at the mirror, too.
"""

import hashlib
import io
import json
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hero_build.catalog import loader
from hero_build.forge import content_store
from hero_build.model.artifacts import Binary
from hero_build.platforms import machine_arch
from support import elf_files, mirrors, packs, worlds
from support.fault_server import FaultServer, serve
from support.machines import Machine
from support.ports import free_port
from support.service_world import program
from support.worlds import World

OWNER = "lhumina_code"
TAG = "v1.0.0"
PROGRAMS: Mapping[str, Sequence[str]] = {
    "hero_memory": ("hero_memory_server", "hero_memory_admin"),
    "hero_voice": ("hero_voice_server", "hero_voice_web", "hero_voice_admin"),
    "hero_cockpit": ("hero_cockpit_web",),
    "hero_embedder": ("hero_embedder_server",),
}
"""Of the apps whose recipes list none."""
SETS = ("tester", "admin")
TOOL = "hero-build"
SERVICES = {
    "tester": "hero_proc_server hero_proc_admin hero_router hero_db_server hero_db_admin hero_memory_server "
    "hero_memory_admin hero_books_server hero_books_web hero_books_admin hero_agent_server hero_agent_admin "
    "hero_voice_web hero_cockpit_web",
    "admin": "hero_proc_server hero_proc_admin hero_router hero_embedder_server hero_voice_server",
}
"""What runs on a machine of each set."""
_LONG = 240  # seconds
_BEHAVIOUR = {"hero_router": "two-sockets"}
_ONNX = ("hero_voice", "hero_embedder")


@dataclass(slots=True)
class FleetWorld:
    """`port`: that of the mirror, also while it is down."""

    world: World
    port: int
    server: FaultServer | None = None
    digests: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def tool(self) -> Path:
        return self.world.mirror / TOOL

    def up(self) -> FaultServer:
        self.server = FaultServer(port=self.port)
        self.serve_all()
        return self.server

    def serve_all(self) -> None:
        """Every file of the mirror, at its path."""
        assert self.server is not None
        for path in self.world.mirror.rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                self.server.on(f"/{path.relative_to(self.world.mirror)}", serve(data, f'"{_sha256(data)}"'))

    def down(self) -> None:
        if self.server is not None:
            self.server.stop()
        self.server = None

    def release(self, app: str, tag: str = TAG, behaviour: str = "", padding: int = 0) -> None:
        """A release of a shipped app; `padding`: bytes at the end of its first program."""
        recipe = loader.load((self.world.recipes,)).get(app).recipe
        names = PROGRAMS.get(app) or [item.name for item in recipe.binaries]
        own, platform = behaviour or _BEHAVIOUR.get(app, "ok"), recipe.platform(machine_arch())
        files = {
            recipe.asset_name(Binary(name, "server"), name, platform): program(name, tag, own)
            + _noise(name, padding if name == names[0] else 0)
            for name in names
        }
        mirrors.release(self.world.mirror, app=app, tag=tag, files=files, owner=OWNER)
        for name, data in files.items():
            content_store.add(self.world.mirror, self.world.mirror / OWNER / app / tag / name, _sha256(data))

    def lock(self, name: str, *apps: str) -> str:
        """Write the lock file of a set, or of apps, as NAME.lock; returns its sha256."""
        path = self.world.mirror / f"{name}.lock"
        self.world.ok("lock", *(apps or (f"@{name}",)), "-o", str(path))
        self.digests[name] = _sha256(path.read_bytes())
        return self.digests[name]

    def user_data(self, name: str, **environ: str) -> str:
        pinned = ("--digest", self.digests[name], "--tool", f"{self.url}/{TOOL}")
        words = ("fleet", "cloud-init", "--set", name, "--at", self.url, *pinned)
        done = self.world.run(*words, "--tool-digest", _sha256(self.tool.read_bytes()), env=environ)
        assert done.code == 0, done.err
        return done.out


@contextmanager
def world(folder: Path) -> Iterator[FleetWorld]:
    """The mirror is written, and down."""
    fleet = FleetWorld(worlds.empty(folder), free_port())
    try:
        _write_recipes(fleet, _library(fleet))
        for app in loader.load(()).expand([f"@{name}" for name in SETS]):
            fleet.release(app)
        for name in SETS:
            fleet.lock(name)
        fleet.up()
        packs.make(fleet.world, fleet.tool, *(f"@{name}" for name in SETS))
        fleet.down()
        yield fleet
    finally:
        fleet.down()


def hero(vm: Machine, command: str) -> Any:
    """The document of a command of the user, whatever it ended with."""
    done = vm.run(f"runuser -l hero -c 'hero-build --json {command}'")
    return json.loads(done.out) if done.out.startswith("{") else {"exit": done.code, "text": done.out}


def healthy(vm: Machine) -> set[str]:
    """The healthy services of a machine, if all that should run are."""
    answer = hero(vm, "health")
    return {item["service"] for item in answer.get("services", ())} if answer["exit"] == 0 else set()


def wait_until_healthy(vm: Machine) -> None:
    name = vm.name.rstrip("0123456789")
    end = time.monotonic() + _LONG
    while healthy(vm) != set(SERVICES[name].split()):
        assert time.monotonic() < end, vm.run("journalctl -b --no-pager -n 80; systemctl status 'hero*'").out
        time.sleep(0.5)


def _library(fleet: FleetWorld) -> str:
    """An archive with a shared library, at the mirror; its sha256."""
    content = elf_files.compiled("onnx.c", "int onnx(void) { return 1; }\n", ("-shared", "-fPIC"))
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        entry = tarfile.TarInfo("onnx/lib/libonnxruntime.so")
        entry.size, entry.mode = len(content), 0o755
        archive.addfile(entry, io.BytesIO(content))
    sha256 = _sha256(data.getvalue())
    for path in (fleet.world.mirror / "onnx.tgz", fleet.world.mirror / "_pinned" / sha256):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data.getvalue())
    return sha256


def _write_recipes(fleet: FleetWorld, library: str) -> None:
    """The shipped recipes of the apps that need ONNX Runtime, with another one."""
    for app in _ONNX:
        (fleet.world.recipes / f"{app}.py").write_text((loader.shipped() / f"{app}.py").read_text())
    shipped = (loader.shipped() / "_onnx.py").read_text()
    before, _, rest = shipped.partition("def _pin(")
    after = rest.partition("LIBRARIES =")[2]
    pin = f'"linux-{machine_arch()}", "{fleet.url}/onnx.tgz", "{library}", "onnx/lib/libonnxruntime.so"'
    text = f"{before}_PINS = (Pinned({pin}),)\nLIBRARIES ={after}"
    (fleet.world.recipes / "_onnx.py").write_text(text)


def _noise(name: str, size: int) -> bytes:
    """Bytes that no compression makes smaller."""
    return hashlib.shake_256(name.encode()).digest(size) if size else b""


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

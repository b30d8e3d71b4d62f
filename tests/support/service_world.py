"""Apps whose services run: a mirror with releases of one small C program that behaves as its version says.

    world.service("app")                              # a recipe with app_server
    world.release_of("app", "v1")                     # healthy at once
    world.release_of("app", "v2", "exit:3")           # ends at once with 3

Behaviours, joined with `+`: exit:CODE, exit-after:MS, ignore-term, stop-after:MS, never-bind, bind-after:MS,
status:NUMBER, slow:MS, big:MIB, close, garbage, fork, once (ends with 0), ugly (prints ESC, NUL, half a character),
flood:MIB, env (prints its environment), needs-app (503 while app/rpc.sock does not listen), two-sockets (rpc and
service of the app that is named as the program); bind-at-gate and exit-at-gate (with 3), which wait for `open_gate`:
one process exits for each.
BEHAVIOUR in its environment replaces what the version says.
"""

import functools
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hero_build.catalog.loader import shipped
from hero_build.platforms import machine_arch
from hero_build.services import processes
from hero_build.supervisors.protocol import Timeouts
from hero_build.supervisors.supervisord import Supervisord
from support import elf_files, mirrors, rust_world
from support.processes import gone, until
from support.worlds import World

PATIENT = 120.0
"""The start timeout of a version that comes up, or ends: on a busy machine that takes a while."""
RECIPE = '''"""{app}: a test app with services."""

import re
from pathlib import Path

from msgspec.structs import replace

from hero_build.recipe import Recipe, Service, ServiceContext, admin, cli, install_only, server, web

HOPELESS = re.compile(rb" v\\S* (ignore-term\\+)?(never-bind|status:\\d+|slow:\\d{{5,}}|close|garbage)\\n")


def patient(item: Service) -> Service:
    """A version that never comes up has a short start timeout; any other has time."""
    program = Path(item.command[0])
    hopeless = program.is_file() and HOPELESS.search(program.read_bytes())
    return replace(item, start_timeout={own} if hopeless else {patience})


class App(Recipe):
    repo = "o/{app}"
    binaries = ({binaries})
{attributes}
    def services(self, ctx: ServiceContext) -> tuple[Service, ...]:
        return tuple({changed} for item in super().services(ctx))
{methods}'''


@functools.cache
def _program() -> bytes:
    source = (Path(__file__).parent / "service.c").read_text()
    return elf_files.compiled("service.c", source, ("-static", "-O1"))


def platform() -> str:
    """That of what cargo makes here."""
    return f"linux-{machine_arch()}-gnu"


def program(name: str, version: str, behaviour: str = "ok") -> bytes:
    """The bytes of a service's program."""
    return elf_files.patched(_program(), f"{name} {version} {behaviour}\n".encode())


@dataclass(frozen=True, slots=True)
class ServiceWorld(World):
    """A world whose root has a supervisord of its own once something was started."""

    def service(self, app: str, *binaries: str, attributes: str = "", methods: str = "", **changes: object) -> Path:
        """A recipe of an app; `changes` are fields of all its Services, as Python values.

        `start_timeout` is that of versions that never come up, such as never-bind: how long a test waits for that.
        Those that come up, or end, have `patience`.
        """
        names = binaries or (f"{app}_server",)
        listed = " ".join(f'{self._kind(name)}("{name}"),' for name in names)
        own, patience = changes.pop("start_timeout", 5.0), changes.pop("patience", PATIENT)
        fields = "".join(f", {key}={value!r}" for key, value in changes.items())
        text = RECIPE.format(
            app=app,
            binaries=listed,
            attributes="".join(f"    {line}\n" for line in attributes.splitlines()),
            changed=f"patient(replace(item{fields}))",
            own=own,
            patience=patience,
            methods="".join(f"    {line}\n" if line else "\n" for line in methods.splitlines()),
        )
        path = self.recipes / f"{app}.py"
        path.write_text(text)
        return path

    def release_of(self, app: str, version: str, behaviour: str = "ok", *binaries: str) -> None:
        """A release of `o/<app>`; `name=behaviour` gives one binary its own."""
        pairs = [name.partition("=") for name in binaries or (f"{app}_server",)]
        files = {mirrors.asset(name): program(name, version, own or behaviour) for name, _, own in pairs}
        mirrors.release(self.mirror, app=app, tag=version, files=files)

    def install(self, app: str, version: str = "v1", behaviour: str = "ok") -> None:
        """Recipe, release and install of an app with one server."""
        if not (self.recipes / f"{app}.py").exists():
            self.service(app)
        self.release_of(app, version, behaviour)
        self.ok("install", app, "--version", version)

    def rust(self, app: str, repo: str = "") -> None:
        """Install an app of tests/world/ with its shipped recipe, but for this machine's libc."""
        text = (shipped() / f"{app}.py").read_text()
        (self.recipes / f"{app}.py").write_text(text.replace("    repo =", '    libc = "gnu"\n    repo =', 1))
        folder = rust_world.binaries(repo or app)
        programs = [path for path in folder.iterdir() if path.is_file() and os.access(path, os.X_OK)]
        files = {f"{path.name}-{platform()}": path.read_bytes() for path in programs}
        mirrors.release(self.mirror, app=app, tag="v1", files=files, owner=rust_world.OWNER)
        self.ok("install", app)

    def services(self, *names: str) -> dict[str, Any]:
        """The services in `status --json`, by name."""
        done = self.run("status", *names, "--json")
        assert done.code == 0, done.err
        return {item["name"]: item for app in done.document["apps"] for item in app["services"]}

    def socket(self, app: str, name: str = "rpc") -> Path:
        return self.root.path / "var" / "sockets" / app / f"{name}.sock"

    def open_gate(self, app: str) -> None:
        """Let a service that waits for it listen, or exit: so a test decides when."""
        gate = self.socket(app).with_name("gate")
        gate.parent.mkdir(parents=True, exist_ok=True)
        gate.touch()

    def pid(self, service: str) -> int:
        return self.supervisor.status(service).pid

    @property
    def supervisor(self) -> Supervisord:
        return Supervisord(self.root, Timeouts())

    def running(self) -> list[processes.RunningProgram]:
        return list(processes.running_programs(self.root))

    def env_file(self, app: str, text: str, mode: int = 0o600) -> Path:
        path = self.root.path / "cfg" / "env" / f"{app}.env"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def end(self) -> None:
        """Kill what it runs: supervisord, which would take a second to end by itself, and the services."""
        self._kill_supervisord()
        for item in self.running():
            with suppress(ProcessLookupError):
                os.kill(item.pid, signal.SIGKILL)
        assert until(lambda: not self.running())

    def _kill_supervisord(self) -> None:
        folder = self.supervisor.folder
        with suppress(OSError, ValueError):  # there is none, or no more
            pid = int((folder / "supervisord.pid").read_text())
            if os.path.samefile(f"/proc/{pid}/cwd", folder):
                os.kill(pid, signal.SIGKILL)
                assert gone([pid])

    def _kind(self, name: str) -> str:
        ends = {"server": "server", "admin": "admin", "web": "web", "helper": "install_only"}
        return ends.get(name.rpartition("_")[2], "cli")


def empty(folder: Path) -> ServiceWorld:
    """No recipes, and a mirror without releases."""
    world = ServiceWorld(folder)
    world.mirror.mkdir()
    world.recipes.mkdir()
    return world


@contextmanager
def service_world() -> Iterator[ServiceWorld]:
    """An empty ServiceWorld with a short path, for sockets. What it started is ended."""
    with tempfile.TemporaryDirectory(prefix="hs-") as folder:
        world = empty(Path(folder))
        try:
            yield world
        finally:
            world.end()


@pytest.fixture
def stack() -> Iterator[ServiceWorld]:
    """A ServiceWorld of the test's own."""
    with service_world() as world:
        yield world

"""The same commands where each of the real supervisors has the services: a world, and how commands are run in it.

    with STACKS["systemd"]() as front:
        front.app("app")                  # a recipe and release v1
        front.ok("install", "app")

`systemd` is PID 1 of a container, `user` the manager that a user without rights has there. `hero_router` is
`hero-build serve` over a root of its own, which defines its services itself: they run the programs of the other root.
"""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support import rust_world, systemd_container, zinit_crate
from support.processes import until
from support.rpc_server import serving
from support.service_world import ServiceWorld
from support.systemd_container import PERSON
from support.worlds import REPO, Done


@dataclass(frozen=True, slots=True)
class SupervisorStack:
    """`supervisor`: its name; `prefix`: words before a command, `env`: variables of it; `router`: the world of the root
    that hero_router has.
    """

    stack: ServiceWorld
    supervisor: str
    prefix: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    router: ServiceWorld | None = None

    def run(self, *words: str) -> Done:
        return self.stack.run(*words, env={"HERO_SUPERVISOR": "auto", **self.env}, prefix=self.prefix)

    def ok(self, *words: str) -> str:
        done = self.run(*words)
        assert done.code == 0, done.err
        return done.out

    def app(self, name: str, **changes: Any) -> None:
        """A recipe with one server and its release v1 of this `behaviour`; hero_router has a service of it."""
        behaviour = changes.pop("behaviour", "ok")
        self.stack.service(name, **changes)
        self.stack.release_of(name, "v1", behaviour)
        if self.router is not None:
            program = str(self.stack.root.path / "bin" / f"{name}_server")
            self.router.service(name, **{**changes, "command": (program,), "attributes": ""})
            self.router.release_of(name, "v1")
            self.router.ok("install", name)

    def services(self) -> dict[str, Any]:
        """The services in `status --json`, by name."""
        done = self.run("status", "--json")
        assert done.code == 0, done.err
        return {item["name"]: item for app in done.document["apps"] for item in app["services"]}

    def versions(self) -> dict[str, tuple[str, str, str | None]]:
        """State, installed and running version of each service."""
        return {
            name: (item["state"], item["version_installed"], item["version_running"])
            for name, item in self.services().items()
        }


@contextmanager
def supervisord() -> Iterator[SupervisorStack]:
    with world() as stack:
        yield SupervisorStack(stack, "supervisord", env={"HERO_SUPERVISOR": "supervisord"})


@contextmanager
def zinit() -> Iterator[SupervisorStack]:
    with world() as stack, zinit_at(stack.root.path / "var" / "zinit.sock"):
        front = SupervisorStack(stack, "zinit")
        yield front
        front.run("stop", "@installed")


@contextmanager
def hero_router() -> Iterator[SupervisorStack]:
    with world() as stack, world() as router:
        sockets = stack.socket("hero_router", "service")
        sockets.parent.mkdir(parents=True)
        sockets.symlink_to(stack.socket("hero_build", "service"))
        with serving(router, env={"HERO_SOCKET_DIR": str(sockets.parents[1])}):
            yield SupervisorStack(stack, "hero_router", router=router)


@contextmanager
def systemd() -> Iterator[SupervisorStack]:
    with _folder() as folder, systemd_container.running(folder) as container:
        yield SupervisorStack(_filled(container.shared), "systemd", prefix=container.enter)


@contextmanager
def user() -> Iterator[SupervisorStack]:
    with _folder() as folder, systemd_container.running(folder) as container:
        container.start_manager()
        stack = _filled(container.home)
        for path in (stack.folder, stack.mirror, stack.recipes):
            os.chown(path, PERSON, PERSON)
        yield SupervisorStack(stack, "systemd", prefix=container.as_person)


STACKS: dict[str, Callable[[], AbstractContextManager[SupervisorStack]]] = {
    "supervisord": supervisord,
    "zinit": zinit,
    "systemd": systemd,
    "user": user,
    "hero_router": hero_router,
}


@contextmanager
def zinit_at(socket: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A zinit that listens there; at its end it leaves behind what it runs."""
    (socket.parent / "zinit").mkdir(parents=True, exist_ok=True)
    command = [str(zinit_crate.binaries() / "zinit-server"), "-s", str(socket), "-c", str(socket.parent / "zinit")]
    null = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=REPO, stdin=null, stdout=null, stderr=null) as process:
        try:
            assert until(lambda: rust_world.listens(socket))
            yield process
        finally:
            process.terminate()


@contextmanager
def world() -> Iterator[ServiceWorld]:
    with _folder() as folder:
        stack = _filled(folder)
        try:
            yield stack
        finally:
            stack.end()


@contextmanager
def _folder() -> Iterator[Path]:
    """One with a short path, for sockets, that every user may enter."""
    with tempfile.TemporaryDirectory(prefix="hs-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def _filled(folder: Path) -> ServiceWorld:
    stack = ServiceWorld(folder)
    stack.mirror.mkdir()
    stack.recipes.mkdir()
    return stack

"""For the tests of services/ and supervisors/: daemons that were really installed, restarts with short timeouts."""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from msgspec.structs import replace

from hero_build import manifest
from hero_build.events import Event, Restarting, WarningRaised
from hero_build.install.commit import commit
from hero_build.install.layout import Root
from hero_build.install.root_lock import locked
from hero_build.install.store import make_durable, stage
from hero_build.model.artifacts import Binary
from hero_build.model.installed import Kind, Origin, PartId
from hero_build.model.steps import Part, Verified, VerifiedPart
from hero_build.services import processes
from hero_build.services.restart import Outcome, RestartSite, restart
from hero_build.services.selection import RestartRequest, all_services
from hero_build.supervisors.discover import SupervisorSockets, connect
from hero_build.supervisors.protocol import Supervisor, Timeouts
from hero_build.verify.check import verify
from hero_build.verify.expect import expect_for
from support import roots
from world.router_standin import Router

QUICK = Timeouts(call=60, change=60, steady=0.1, health=60, poll=0.01)
"""Patient with a busy machine, and quick where all goes well."""
UNWELL = replace(QUICK, health=3)
"""For services that come up and do not get well, and have time to say so."""
STUCK = replace(QUICK, change=5)
"""For services that do not change their state."""
HASTY = replace(QUICK, call=0.3, change=0.5)
"""For supervisors that hang: nothing else is waited for."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A root, its sockets, and the events of its restarts."""

    root: Root
    events: list[Event] = field(default_factory=list)
    changes: dict[str, Callable[[], object]] = field(default_factory=dict)

    @property
    def sockets(self) -> SupervisorSockets:
        folder = self.root.path / "var" / "sockets"
        path = self.root.path
        router, zinit = folder / "hero_router" / "service.sock", path / "var" / "zinit.sock"
        return SupervisorSockets(root=path, router=router, zinit=zinit, services=folder)

    @property
    def steps(self) -> list[tuple[str, str]]:
        return [(event.service, event.step) for event in self.events if isinstance(event, Restarting)]

    @property
    def warnings(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, WarningRaised)]

    def install(self, app: str, version: str, *names: str) -> None:
        """Put an app's programs through verify, stage and commit; their kinds are in their names.

        `name@v1` is the program as it was in that version.
        """
        parts = [name.partition("@") for name in names]
        items = [self._verified(name, own or version) for name, _, own in parts]
        origin = Origin(
            version,
            requested="download",
            used="download",
            why="a test",
            forge="file:///nowhere",
            repo=f"o/{app}",
            tag=version,
        )
        ready = VerifiedPart(Part(PartId(app), tuple(item.artifact for item in items)), origin, tuple(items))
        with locked(self.root) as locked_root:
            commit(locked_root, [stage(locked_root, ready)], f"install {app}")

    def _verified(self, name: str, version: str) -> Verified:
        arrived = replace(roots.fetched(self.root, name, version), artifact=Binary(name, kind(name)))
        passed = verify(arrived, expect_for(arrived.artifact, arrived.selected, roots.platform()))
        make_durable(passed)
        return passed

    def program(self, name: str) -> Path:
        return self.root.place(f"bin/{name}")

    def programs(self) -> tuple[processes.RunningProgram, ...]:
        return tuple(processes.running_programs(self.root))

    def running(self) -> dict[str, str]:
        return {program.binary: program.state for program in self.programs()}

    @contextmanager
    def by_hand(self, name: str) -> Iterator["subprocess.Popen[bytes]"]:
        """A program of the root that no supervisor started, once it runs."""
        with subprocess.Popen([self.program(name), "wait"], stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline().startswith(name.encode())
                yield process
            finally:
                process.kill()

    def change_at(self, change: Callable[[], object], *, after: str = "health") -> None:
        """Have something change as soon as a restart has come to this step."""
        self.changes[after] = change

    def emit(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Restarting) and event.step in self.changes:
            self.changes.pop(event.step)()

    @contextmanager
    def router(self) -> Iterator[Router]:
        with Router(self.sockets.router) as router:
            yield router

    def runtimes(self, timeouts: Timeouts = QUICK) -> tuple[Supervisor, ...]:
        return connect(self.sockets, timeouts, self.emit)

    def restart(self, *wants: str | RestartRequest, timeouts: Timeouts = QUICK) -> tuple[Outcome, ...]:
        """All services of apps that are named, or what is wanted in detail."""
        requests: Sequence[RestartRequest] = [
            want if isinstance(want, RestartRequest) else all_services([want])[0] for want in wants
        ]
        site = RestartSite(self.root, manifest.load(self.root.path), self.sockets.services)
        return restart(requests, supervisors=self.runtimes(timeouts), site=site, timeouts=timeouts, emit=self.emit)


def kind(name: str) -> Kind:
    ends: dict[str, Kind] = {"server": "server", "admin": "admin", "web": "web"}
    return ends.get(name.rpartition("_")[2], "cli")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(Root(tmp_path / "hero"))

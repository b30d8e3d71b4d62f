"""For the tests of supervisors: services of small programs, and waiting for their states.

The programs are scripts of /bin/sh, except where the executable matters.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from hero_build.install.layout import Root
from hero_build.model.services import Definition, ServiceState, SupervisedStatus
from hero_build.supervisors import exec_file
from hero_build.supervisors.protocol import Supervisor, Timeouts
from support.processes import until

SLEEP = "exec sleep 1000"


@dataclass(frozen=True, slots=True)
class Supervised:
    """One supervisor and the root that its services are of."""

    supervisor: Supervisor
    root: Root
    host_pid: Callable[[int], int] = int
    """The process that the supervisor calls by this number: another one if it runs in a container."""
    own_pid: Callable[[], int] = int
    """The supervisor's own process."""
    prepare: Callable[[Definition], None] = lambda _: None
    """Before a definition: what the supervisor has to know of it, if it defines its services itself."""

    def with_timeouts(self, timeouts: Timeouts) -> Supervisor:
        """The same supervisor, for a client of less patience."""
        return structs.replace(self.supervisor, timeouts=timeouts)  # type: ignore[type-var]

    def definition(self, name: str, script: str = SLEEP, *arguments: str, **fields: object) -> Definition:
        """A service that runs a script with these arguments (`$1`, …); `env` is added to its environment."""
        env = fields.pop("env", {})
        assert isinstance(env, dict)
        path = exec_file.environment_path(self.root, name)
        exec_file.write_environment(path, {"PATH": os.environ["PATH"], **env})
        log = self.root.path / "var" / "log" / f"{name}.log"
        words = {"command": ("/bin/sh", "-c", script, "sh", *arguments), "folder": self.root.path, "backoff": 0.1}
        return Definition(**{"name": name, "log": log, "env_file": path, **words, **fields})  # type: ignore[arg-type]

    def run(self, name: str, script: str = SLEEP, *arguments: str, **fields: object) -> None:
        """Define and start."""
        self.define(self.definition(name, script, *arguments, **fields))
        self.supervisor.start(name)

    def define(self, definition: Definition) -> None:
        self.prepare(definition)
        self.supervisor.define(definition)

    def wait(self, name: str, *states: ServiceState) -> SupervisedStatus:
        """The status, once it is one of these."""
        return self.wait_until(name, lambda status: status.state in states)

    def wait_until(self, name: str, true: Callable[[SupervisedStatus], bool]) -> SupervisedStatus:
        seen: list[SupervisedStatus] = []

        def reached() -> bool:
            seen[:] = [self.supervisor.status(name)]
            return true(seen[0])

        assert until(reached), seen
        return seen[0]

    def wait_for_log(self, name: str, *lines: str) -> tuple[str, ...]:
        """What the service wrote, once these lines are in it."""
        assert until(lambda: set(lines) <= set(self.supervisor.logs(name, 1000))), self.supervisor.logs(name, 1000)
        return self.supervisor.logs(name, 1000)

    def wait_for_lines(self, name: str, count: int) -> tuple[str, ...]:
        """What the service wrote, once it is so many lines."""
        assert until(lambda: len(self.supervisor.logs(name, 1000)) >= count)
        return self.supervisor.logs(name, 1000)

    def pid(self, name: str) -> int:
        """Of a service that runs; never 0, which would be the test's own process group for kill(2)."""
        pid = self.host_pid(self.supervisor.status(name).pid)
        assert pid > 1
        return pid

    def executable(self, name: str) -> str:
        return os.readlink(f"/proc/{self.pid(name)}/exe")

    def end(self) -> None:
        for name in self.supervisor.services():
            self.supervisor.forget(name)


def private_root(folder: Path) -> Root:
    """A root whose path has the characters that configurations quote."""
    path = folder / "a b%c;d#e"
    path.mkdir()
    return Root(path)

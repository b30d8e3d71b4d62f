"""What a recipe says of a service, and what a supervisor is given to run.

A `Service` is the recipe's view: how one startable program, or one instance of it, runs and how its health is checked.
A `Definition` is the supervisor's: one command, without environment or secrets.
"""

from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

RestartPolicy = Literal["always", "on-failure", "never"]
"""When a service that ended is started again: after any end, after a failure, never (systemd's Restart=)."""
ServiceState = Literal["stopped", "starting", "running", "stopping", "exited", "failed", "flapping", "unknown"]
"""`exited`: ended with code 0; `failed`: ended otherwise; `flapping`: restarted too often, see FlapLimit."""


class HttpProbe(Struct, frozen=True, tag="http"):
    """`GET path` over a Unix socket: 2xx is healthy, and so is 404, from a service without such a page.

    `older`: sockets that older releases bind instead. One of all of them must be healthy.
    """

    socket: Path
    path: str = "/health"
    older: tuple[Path, ...] = ()


class SocketProbe(Struct, frozen=True, tag="socket"):
    """A Unix socket that accepts a connection."""

    socket: Path


class PortProbe(Struct, frozen=True, tag="port"):
    """A TCP port of 127.0.0.1 that accepts a connection."""

    port: int


Probe = HttpProbe | SocketProbe | PortProbe


def probe_sockets(probe: Probe) -> tuple[Path, ...]:
    """The Unix sockets that a probe may connect to; the first is the canonical one."""
    match probe:
        case HttpProbe(socket, _, older):
            return (socket, *older)
        case SocketProbe(socket):
            return (socket,)
        case PortProbe():
            return ()


class FlapLimit(Struct, frozen=True):
    """So many starts within so many seconds make a service `flapping`: it is not started again until it is reset."""

    starts: int = 5
    seconds: float = 60.0


class Container(Struct, frozen=True):
    """An image that podman or docker runs as the service's command; `arguments` come before the image's name."""

    image: str
    arguments: tuple[str, ...] = ()


class Service(Struct, frozen=True, kw_only=True):
    """One supervised process of an app, as its recipe defines it. Times are seconds."""

    app: str
    binary: str
    """The startable binary; an instance runs the same one."""
    instance: str = ""
    variant: str = ""
    """Distinguishes services that share a binary: `hero_aibroker_server-child`."""
    command: tuple[str, ...]
    """The program's absolute path and its arguments; of a container: the arguments after the image's name."""
    env: tuple[tuple[str, str], ...] = ()
    secret_env: tuple[tuple[str, str], ...] = ()
    """Variables whose values are secrets: they are kept in files of mode 0600 only."""
    folder: Path
    """The working folder."""
    after: tuple[str, ...] = ()
    """Apps or services that must be healthy before, where they are part of the same start."""
    ports: tuple[int, ...] = ()
    stop_signal: str = "TERM"
    stop_timeout: float = 10.0
    start_timeout: float = 30.0
    """Until it is healthy."""
    restart: RestartPolicy = "on-failure"
    backoff: float = 1.0
    """Before an automatic restart."""
    flap: FlapLimit = FlapLimit()
    probes: tuple[Probe, ...] = ()
    """All must pass. None: the service is healthy when it runs."""
    oneshot: bool = False
    """It ends by itself; exit code 0 is success."""
    container: Container | None = None

    @property
    def name(self) -> str:
        """`hero_db_server`; of an instance `hero_codescalers_server:alpha`."""
        own = f"{self.binary}-{self.variant}" if self.variant else self.binary
        return f"{own}:{self.instance}" if self.instance else own

    def with_env(self, **variables: object) -> "Service":
        """The service with these variables added, or replaced."""
        added = {name: str(value) for name, value in variables.items()}
        return msgspec.structs.replace(self, env=tuple({**dict(self.env), **added}.items()))


class Definition(Struct, frozen=True, kw_only=True):
    """What a supervisor runs for a service. Its environment is in a file of mode 0600 (see supervisors/exec_file), so
    that no supervisor's configuration and no process list has a secret.
    """

    name: str
    """The service's name."""
    command: tuple[str, ...]
    """Words, not a shell line; the first is an absolute path."""
    env_file: Path | None = None
    """The whole environment, written by exec_file.write_environment and read at each start. None: the supervisor's."""
    folder: Path
    """The working folder."""
    log: Path
    """Where a supervisor that keeps no log of its own appends stdout and stderr."""
    sockets: tuple[Path, ...] = ()
    """What it binds: a file on which nobody listens is removed before each start, also one by the supervisor."""
    stop_signal: str = "TERM"
    stop_timeout: float = 10.0
    restart: RestartPolicy = "on-failure"
    backoff: float = 1.0
    flap: FlapLimit = FlapLimit()
    oneshot: bool = False


class SupervisedStatus(Struct, frozen=True, kw_only=True):
    """A service as its supervisor reports it."""

    name: str
    state: ServiceState
    pid: int = 0
    """Of the program itself, not of a wrapper; 0 without a process."""
    since: float | None = None
    """When it entered this state, in seconds of time.time()."""
    restarts: int = 0
    """Automatic restarts since it was last started by a command."""
    exit_code: int | None = None
    signal: int | None = None
    """How its last process ended: with an exit code, or by a signal."""
    reason: str = ""
    """The supervisor's own explanation, for display only."""

    @property
    def is_running(self) -> bool:
        return self.state == "running"

    @property
    def is_stopped(self) -> bool:
        """Down, and not about to be started."""
        return self.state in ("stopped", "exited")

    @property
    def is_changing(self) -> bool:
        return self.state in ("starting", "stopping")

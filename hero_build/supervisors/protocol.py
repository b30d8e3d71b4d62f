"""What restarting needs of a supervisor: its protocol, its services' states, and the timeouts."""

from typing import Protocol

from msgspec import Struct

from hero_build.settings import Settings

ROUTER = "hero_router"
ZINIT = "zinit"


class ServiceStatus(Struct, frozen=True):
    """A service as its supervisor reports it. `pid` is 0 without a process; `note` is the supervisor's explanation.

    The states are zinit's: inactive, blocked, starting, running, stopping, exited, failed.
    """

    name: str
    pid: int
    state: str
    note: str = ""

    @property
    def is_running(self) -> bool:
        return self.state == "running"

    @property
    def is_stopped(self) -> bool:
        """Down, and not about to be started."""
        return self.state in ("inactive", "exited", "stopped")

    @property
    def is_changing(self) -> bool:
        return self.state in ("starting", "stopping")


class Supervisor(Protocol):
    """Runs services. Every method raises RuntimeUnreachable, BadRuntimeResponse."""

    @property
    def name(self) -> str:
        """hero_router or zinit."""

    def services(self) -> tuple[str, ...]:
        """The names of all its services, running or not."""

    def status(self, service: str) -> ServiceStatus: ...

    def start(self, service: str) -> None:
        """Request it. `start`, `stop` and `restart` may return before it is done."""

    def stop(self, service: str) -> None: ...

    def restart(self, service: str) -> None: ...


class Timeouts(Struct, frozen=True):
    """Seconds. The defaults suit a busy machine, and services that take the 30 s of a graceful stop."""

    call: float = 10.0
    """For the response to a query."""
    change: float = 45.0
    """For the response to a stop or a start, and then again until the service is in that state."""
    steady: float = 1.0
    """How long a service must run as the same process to count as up."""
    health: float = 30.0
    """Until a service is healthy."""
    poll: float = 0.05


def timeouts(settings: Settings) -> Timeouts:
    """The timeouts of a command: as with a forge, `connect` limits a first response and `stall` a wait for progress."""
    return Timeouts(call=settings.connect, change=1.5 * settings.stall, health=settings.stall)

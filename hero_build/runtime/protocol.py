"""What is asked of a supervisor, and for how long: the seam between restarting and those who can do it."""

from typing import Protocol

from msgspec import Struct

from hero_build.settings import Settings

ROUTER = "hero_router"
ZINIT = "zinit"


class ServiceStatus(Struct, frozen=True):
    """One service as its supervisor tells of it. `pid` is 0 where none runs; `note` is what the supervisor adds.

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
        """It does not run, and nobody is about to start it."""
        return self.state in ("inactive", "exited", "stopped")

    @property
    def is_changing(self) -> bool:
        return self.state in ("starting", "stopping")


class Supervisor(Protocol):
    """A supervisor. Every method raises RuntimeUnreachable, BadRuntimeResponse."""

    @property
    def name(self) -> str:
        """What people call it."""

    def services(self) -> tuple[str, ...]:
        """The names of all that it holds, running or not."""

    def status(self, service: str) -> ServiceStatus: ...

    def start(self, service: str) -> None:
        """Ask for it. All three may return before it is so."""

    def stop(self, service: str) -> None: ...

    def restart(self, service: str) -> None: ...


class Timeouts(Struct, frozen=True):
    """Seconds. The defaults suit a busy machine, and services that take the 30 s of a graceful stop."""

    call: float = 10.0
    """For an answer about how things are."""
    change: float = 45.0
    """For a stop and a start: that of the call, and then until the state is the one asked for."""
    steady: float = 1.0
    """For how long a service must run as the same process to count as up."""
    health: float = 30.0
    """Until it answers over its socket."""
    poll: float = 0.05


def timeouts(settings: Settings) -> Timeouts:
    """That of a command: as with a forge, `connect` bounds a first answer, and `stall` the wait for any progress."""
    return Timeouts(call=settings.connect, change=1.5 * settings.stall, health=settings.stall)

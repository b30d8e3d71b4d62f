"""What every supervisor can do, and the timeouts of its clients."""

from collections.abc import Iterator
from typing import Literal, Protocol

from msgspec import Struct

from hero_build.errors import BadRuntimeResponse
from hero_build.model.services import Definition, SupervisedStatus
from hero_build.settings import Settings

SupervisorName = Literal["systemd", "zinit", "supervisord", "hero_router"]
ROUTER: SupervisorName = "hero_router"
ZINIT: SupervisorName = "zinit"
SYSTEMD: SupervisorName = "systemd"
SUPERVISORD: SupervisorName = "supervisord"


class ServiceNotDefined(BadRuntimeResponse):
    """The supervisor has no service of that name."""


class Supervisor(Protocol):
    """Runs services. Every method raises RuntimeUnreachable, BadRuntimeResponse; every one that takes a name raises
    ServiceNotDefined, except `forget`.

    Order, readiness, health and rollback are not its business: services/ has them for all supervisors alike.
    """

    @property
    def name(self) -> str:
        """systemd, zinit, supervisord or hero_router."""

    def services(self) -> tuple[str, ...]:
        """The names of all its services, running or not."""

    def definition(self, name: str) -> Definition | None:
        """How hero-build defined a service; None if it did not."""

    def define(self, definition: Definition) -> None:
        """Have a service of this definition. A new one is stopped. One that is there and defined in the same way is
        left as it is; if it differs, it is stopped first, waited for, and stays stopped.

        Raises MachineError, and Unsupported where services are not ours to define (hero_router).
        """

    def forget(self, name: str) -> None:
        """Stop a service, wait for its end, and remove its definition; its log stays. No error if there is none."""

    def start(self, name: str) -> None:
        """Start it and forget earlier failures and restarts; nothing if it runs. `start`, `stop` and `restart` are
        requests: they may return before it is done.
        """

    def stop(self, name: str) -> None:
        """Send its stop signal, and SIGKILL after `stop_timeout`; it is not restarted."""

    def restart(self, name: str) -> None:
        """A stop, then a start, as one request: once it is accepted, no interrupt leaves the service down."""

    def status(self, name: str) -> SupervisedStatus: ...

    def statuses(self) -> dict[str, SupervisedStatus]:
        """Of all its services, in as few calls as it can."""

    def logs(self, name: str, lines: int) -> tuple[str, ...]:
        """The last lines that it wrote, the oldest first. A byte that is not UTF-8 is U+FFFD; control characters are as
        they came, for output/ to remove.
        """

    def follow(self, name: str, lines: int = 0) -> Iterator[str]:
        """The last lines, then each line as it is written, without an end."""


def stop_timeout(supervisor: Supervisor, name: str) -> float:
    """The seconds that a service may take to stop; 0 where that is not known."""
    definition = supervisor.definition(name)
    return definition.stop_timeout if definition else 0.0


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

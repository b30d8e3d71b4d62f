"""The values of starting and stopping services."""

from typing import Literal

from msgspec import Struct

from hero_build.errors import HeroBuildError
from hero_build.events import ServiceStep, ServiceStepName
from hero_build.model.services import Service
from hero_build.services.definitions import AppServices, ServiceSite
from hero_build.supervisors.protocol import Supervisor, Timeouts

HowStarted = Literal["started", "restarted", "already healthy"]


class PlannedService(Struct, frozen=True):
    """A service and its app. `helpers`: programs that it starts itself; `after`: the names of the services of the same
    start that must be healthy before.
    """

    owner: AppServices
    service: Service
    helpers: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.service.name

    @property
    def app(self) -> str:
        return self.service.app


class ServiceRun(Struct, frozen=True):
    """What the starts and stops of one command share. `others`: further supervisors that answer; `wait`: seconds for
    another command that starts or stops the same service.

    `reset`: also start what is flapping. `fresh`: also restart what runs as installed and is healthy.
    """

    site: ServiceSite
    supervisor: Supervisor
    timeouts: Timeouts
    others: tuple[Supervisor, ...] = ()
    wait: float = 120.0
    reset: bool = False
    fresh: bool = False

    def step(self, name: str, step: ServiceStepName, app: str = "", *, limit: float = 0.0) -> None:
        """`app`: whose service it is, if it is that of an app."""
        self.site.emit(ServiceStep(name, step=step, app=app, limit=limit))


class ServiceUp(Struct, frozen=True):
    """A service that is healthy. `pid` is 0 of one that has ended as it should (oneshot)."""

    app: str
    name: str
    how: HowStarted
    seconds: float
    pid: int
    pid_before: int = 0
    tries: int = 1


class ServiceStopped(Struct, frozen=True):
    """A service that does not run any more; `pid_before` 0: it did not run."""

    app: str
    name: str
    seconds: float
    pid_before: int = 0


class ServiceFailed(Struct, frozen=True):
    """A service that did not come up, or does not stop."""

    app: str
    name: str
    error: HeroBuildError


ServiceOutcome = ServiceUp | ServiceStopped | ServiceFailed

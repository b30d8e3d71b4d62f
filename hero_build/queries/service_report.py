"""What `start` and `stop` did, as a document."""

from typing import Literal

from msgspec import Struct

from hero_build.model.failure import Failure, exit_code, failures
from hero_build.ops.services import ServiceOutcomes
from hero_build.services.service_run import ServiceFailed, ServiceStopped, ServiceUp

ServiceResult = Literal["started", "restarted", "already healthy", "stopped", "already stopped", "failed"]


class ServiceChange(Struct, frozen=True):
    """`seconds`: until it was healthy, or had ended; `tries`: 2 where it took a reset. `pid_before`, `pid_after`: 0
    without a process.
    """

    app: str
    service: str
    result: ServiceResult
    seconds: float
    pid_before: int
    pid_after: int
    tries: int


class ServiceReport(Struct, frozen=True):
    """The services in the order in which they were started or stopped."""

    services: tuple[ServiceChange, ...]
    failed: tuple[Failure, ...]

    @property
    def code(self) -> int:
        return exit_code(self.failed, len(self.services) - len(self.failed))


def service_report(result: ServiceOutcomes) -> ServiceReport:
    return ServiceReport(tuple(_change(item) for item in result.outcomes), failures(result.failed))


def _change(item: ServiceUp | ServiceStopped | ServiceFailed) -> ServiceChange:
    match item:
        case ServiceUp(app, name, how, seconds, pid, before, tries):
            took = round(seconds, 3)
            return ServiceChange(
                app, service=name, result=how, seconds=took, pid_before=before, pid_after=pid, tries=tries
            )
        case ServiceStopped(app, name, seconds, before):
            return ServiceChange(
                app,
                service=name,
                result="stopped" if before else "already stopped",
                seconds=round(seconds, 3),
                pid_before=before,
                pid_after=0,
                tries=1,
            )
        case ServiceFailed(app, name):
            return ServiceChange(app, service=name, result="failed", seconds=0.0, pid_before=0, pid_after=0, tries=2)

"""`health`: what each service answers to its probes, now."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from hero_build.errors import NotHealthy
from hero_build.model.failure import Failure, exit_code, failure
from hero_build.model.services import Service, ServiceState
from hero_build.services import targets
from hero_build.services.definitions import AppServices
from hero_build.services.probes import ProbeAnswer
from hero_build.services.records import recorded_services, wanted
from hero_build.services.service_run import ServiceRun
from hero_build.services.start_service import status_of
from hero_build.services.wait_until_up import check_health
from hero_build.system.thread_pool import ThreadPool

_TOGETHER = 16


class ServiceHealth(Struct, frozen=True):
    """`healthy`: all its probes are; of a service without probes: it runs."""

    app: str
    service: str
    state: ServiceState
    healthy: bool
    probes: tuple[ProbeAnswer, ...]

    @property
    def message(self) -> str:
        """Why it is not healthy, as the end of a sentence."""
        bad = [answer.message for answer in self.probes if not answer.healthy]
        return bad[0] if bad else f"it is {self.state}"


class HealthReport(Struct, frozen=True):
    services: tuple[ServiceHealth, ...]
    failed: tuple[Failure, ...]

    @property
    def code(self) -> int:
        return exit_code(self.failed, len(self.services) - len(self.failed))


def health(names: Sequence[str], run: ServiceRun) -> HealthReport:
    """Of the services that are named, or of all that should run. Raises AppNotFound, NotFound, UsageError."""
    owners = [owner for name in names for owner in _selected(name, run)] if names else _wanted(run)
    services = [(owner, service) for owner in owners for service in owner.services]
    with ThreadPool(_TOGETHER, thread_name_prefix="health") as pool:
        answers = tuple(pool.map(lambda item: service_health(item[1], run), services))
    labels = {service.name: owner.label for owner, service in services}
    failed = tuple(_failure(item, labels[item.service]) for item in answers if not item.healthy)
    return HealthReport(answers, failed)


def service_health(service: Service, run: ServiceRun) -> ServiceHealth:
    status = status_of(service.name, run)
    answers = check_health(service, run.timeouts.call)
    healthy = all(answer.healthy for answer in answers) if answers else status.is_running
    return ServiceHealth(service.app, service=service.name, state=status.state, healthy=healthy, probes=answers)


def _selected(name: str, run: ServiceRun) -> Sequence[AppServices]:
    expanded = targets.expand((name,), run.site)
    return [owner for target in expanded for owner in targets.select(target, run.site, secrets=False)]


def _wanted(run: ServiceRun) -> Sequence[AppServices]:
    root = run.site.root
    running = [record for record in recorded_services(root) if wanted(root, record.name) == "running"]
    names = dict.fromkeys(f"{item.app}:{item.instance}" if item.instance else item.app for item in running)
    owners = [owner for name in names for owner in _selected(name, run)]
    started = {record.name for record in running}
    return [replace(owner, services=tuple(item for item in owner.services if item.name in started)) for owner in owners]


def _failure(item: ServiceHealth, label: str) -> Failure:
    hint = f"`hero-build troubleshoot {label}` shows more."
    return failure(NotHealthy(f"{item.service} is not healthy: {item.message}", hint), item.app)

"""`logs`: what services wrote."""

from collections.abc import Iterator, Sequence
from queue import SimpleQueue
from threading import Thread

from msgspec import Struct

from hero_build.errors import HeroBuildError, NotFound
from hero_build.services import targets
from hero_build.services.records import ServiceRecord, recorded_services
from hero_build.services.service_run import ServiceRun
from hero_build.supervisors.protocol import ServiceNotDefined
from hero_build.system.plain_text import clean


class ServiceLog(Struct, frozen=True):
    """The last lines of a service's log, the oldest first, without control characters.

    With --build, those of the last build of an app, which is then `service`; `file` has all of them.
    """

    service: str
    lines: tuple[str, ...]
    file: str | None = None


class LogReport(Struct, frozen=True):
    logs: tuple[ServiceLog, ...]


class LogLine(Struct, frozen=True):
    service: str
    text: str


class FollowedLogs(Struct, frozen=True):
    """`lines` of all `services`, in the order in which they are written; they do not end by themselves."""

    services: tuple[str, ...]
    lines: Iterator[LogLine]


def logs(names: Sequence[str], lines: int, run: ServiceRun) -> LogReport:
    """Of APP, APP/BINARY, APP:INSTANCE and @SET. Raises AppNotFound, NotFound for what was never started."""
    return LogReport(tuple(_log(record, lines, run) for record in _all_records(names, run)))


def follow(names: Sequence[str], lines: int, run: ServiceRun) -> FollowedLogs:
    """The last lines of each service, then each line as it is written. Raises as `logs`."""
    services = tuple(record.name for record in _all_records(names, run))
    if len(services) == 1:
        return FollowedLogs(services, _lines(services[0], lines, run))
    return FollowedLogs(services, _merged(services, lines, run))


def _merged(services: Sequence[str], lines: int, run: ServiceRun) -> Iterator[LogLine]:
    """One thread reads each log; it ends with the process. Raises what one of them raises."""
    arrived: SimpleQueue[LogLine | HeroBuildError] = SimpleQueue()

    def read(service: str) -> None:
        try:
            for line in _lines(service, lines, run):
                arrived.put(line)
        except HeroBuildError as error:  # raised again by the thread that prints
            arrived.put(error)

    for service in services:
        Thread(target=read, args=(service,), name=f"log of {service}", daemon=True).start()
    while True:
        item = arrived.get()
        if isinstance(item, HeroBuildError):
            raise item
        yield item


def _lines(service: str, lines: int, run: ServiceRun) -> Iterator[LogLine]:
    return (LogLine(service, clean(line)) for line in run.supervisor.follow(service, lines))


def _all_records(names: Sequence[str], run: ServiceRun) -> tuple[ServiceRecord, ...]:
    """Each once, in the order of the names."""
    return tuple({record.name: record for name in names for record in _records(name, run)}.values())


def _records(name: str, run: ServiceRun) -> tuple[ServiceRecord, ...]:
    selected = [targets.parse(name)] if not name.startswith("@") else targets.expand_whole((name,), run.site)
    recorded = recorded_services(run.site.root)
    records = tuple(item for item in recorded if any(targets.covers(target, item) for target in selected))
    if not records:
        for target in targets.expand((name,), run.site):
            targets.select(target, run.site, secrets=False)
        raise NotFound(f"{name} was never started here", f"`hero-build start {name}` first.")
    return records


def _log(record: ServiceRecord, lines: int, run: ServiceRun) -> ServiceLog:
    try:
        written = run.supervisor.logs(record.name, lines)
    except ServiceNotDefined:
        written = ()
    return ServiceLog(record.name, tuple(clean(line) for line in written))

"""`logs`: what services wrote."""

from collections.abc import Iterator

from msgspec import Struct

from hero_build.errors import NotFound
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


def logs(name: str, lines: int, run: ServiceRun) -> LogReport:
    """Of APP, APP/BINARY, APP:INSTANCE or @SET. Raises AppNotFound, NotFound for what was never started."""
    return LogReport(tuple(_log(record, lines, run) for record in _records(name, run)))


def follow(name: str, lines: int, run: ServiceRun) -> Iterator[str]:
    """The last lines of one service, then each as it is written. Raises NotFound where the name has several."""
    records = _records(name, run)
    if len(records) > 1:
        names = ", ".join(f"{record.app}/{record.binary}" for record in records)
        raise NotFound(f"{name} has {len(records)} services", f"Follow one of them: {names}.")
    return (clean(line) for line in run.supervisor.follow(records[0].name, lines))


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

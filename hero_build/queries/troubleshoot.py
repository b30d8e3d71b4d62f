"""`troubleshoot`: all that explains why a service does not run or is not healthy, and the next command."""

import os
from collections.abc import Sequence
from contextlib import suppress

from msgspec import Struct

from hero_build.errors import HeroBuildError
from hero_build.install.layout import Root
from hero_build.model.services import PortProbe, Service, probe_sockets
from hero_build.queries.selected_apps import selected_apps
from hero_build.queries.service_health import service_health
from hero_build.services import holders
from hero_build.services.definitions import AppServices, missing_program
from hero_build.services.journal import Operation
from hero_build.services.leftovers import marked_processes
from hero_build.services.overview import ServiceRow
from hero_build.services.probes import ProbeAnswer
from hero_build.services.processes import process_table
from hero_build.services.service_run import ServiceRun
from hero_build.system.plain_text import clean

_LINES = 20


class AddressHolder(Struct, frozen=True):
    """Who listens at a socket or port: `process`, `command` and `user` of nobody are 0 and empty."""

    address: str
    exists: bool
    process: int
    command: str
    user: str


class Diagnosis(Struct, frozen=True):
    """One service: `problem` is empty of one that runs as it should. `log` has its last 20 lines."""

    app: str
    service: str
    status: ServiceRow | None
    healthy: bool
    problem: str
    probes: tuple[ProbeAnswer, ...]
    addresses: tuple[AddressHolder, ...]
    log: tuple[str, ...]
    next: str


class DiagnosisReport(Struct, frozen=True):
    """`apps`: those that were named, `app` the first of them; `operations`: the last five of each, its newest first."""

    app: str
    supervisor: str
    services: tuple[Diagnosis, ...]
    operations: tuple[Operation, ...]
    apps: tuple[str, ...]


def troubleshoot(names: Sequence[str], run: ServiceRun) -> DiagnosisReport:
    """Raises AppNotFound, NotFound, UsageError, RecipeError."""
    selected = selected_apps(names, run)
    return DiagnosisReport(
        selected[0].app,
        supervisor=run.supervisor.name,
        services=tuple(
            _diagnosis(owner, service, row=item.rows.get(service.name), run=run)
            for item in selected
            for owner, service in item.services
        ),
        operations=tuple(operation for item in selected for operation in item.operations),
        apps=tuple(item.app for item in selected),
    )


def _diagnosis(owner: AppServices, service: Service, *, row: ServiceRow | None, run: ServiceRun) -> Diagnosis:
    health = service_health(service, run)
    lines: tuple[str, ...] = ()
    with suppress(HeroBuildError):
        lines = tuple(clean(line) for line in run.supervisor.logs(service.name, _LINES))
    problem, command = _problem(row, owner.label, healthy=health.healthy, message=health.message)
    addresses = tuple(_addresses(service))
    if row is not None and not row.pid and row.wanted == "running":
        problem, command = _obstacle(service, owner.label, addresses=addresses, root=run.site.root) or (
            problem,
            command,
        )
    return Diagnosis(
        service.app,
        service=service.name,
        status=row,
        healthy=health.healthy,
        problem=problem,
        probes=health.probes,
        addresses=addresses,
        log=lines,
        next=command,
    )


def _problem(row: ServiceRow | None, label: str, *, healthy: bool, message: str) -> tuple[str, str]:
    """What is wrong, and the command that follows from it."""
    if row is None or (row.state == "stopped" and row.wanted != "running"):
        word = "stopped by a command" if row and row.wanted == "stopped" else "never started"
        return f"it does not run: it was {word}", f"hero-build start {label}"
    if row.state == "flapping":
        return f"it is flapping: {row.reason or 'it ended too often'}", f"hero-build start --reset {label}"
    if not row.pid:
        return f"it is {row.state}: {row.reason or 'it has no process'}", f"hero-build start {label}"
    if row.program == "old":
        return "it runs an older file than the installed one", f"hero-build restart {label}"
    if not healthy:
        return f"it is not healthy: {message}", f"hero-build restart {label}"
    return "", ""


def _obstacle(
    service: Service, label: str, *, addresses: Sequence[AddressHolder], root: Root
) -> tuple[str, str] | None:
    """What a further start would fail at, too, and the command that removes it."""
    if program := missing_program(service, root):
        return f"it cannot be started: {program} is missing or not executable", f"hero-build verify --repair {label}"
    for item in addresses:
        if item.process and not _is_ours(item.process, service.name, root):
            reason = f"it cannot be started: process {item.process} of user {item.user} holds {item.address}"
            return reason, f"kill {item.process} && hero-build start {label}"
    return None


def _is_ours(pid: int, service: str, root: Root) -> bool:
    """Whether a start stops it: a program of the root, or what the service has started."""
    return pid in process_table(root).programs or pid in marked_processes(service, root)


def _addresses(service: Service) -> list[AddressHolder]:
    found: list[AddressHolder] = []
    for path in (path for probe in service.probes for path in probe_sockets(probe)[:1]):
        with suppress(OSError):
            found.append(_holder(str(path), holders.socket_holder(path), exists=os.path.lexists(path)))
    ports = {*service.ports, *(probe.port for probe in service.probes if isinstance(probe, PortProbe))}
    for port in sorted(ports):
        holder = holders.port_holder(port)
        found.append(_holder(f"127.0.0.1:{port}", holder, exists=holder is not None))
    return found


def _holder(address: str, holder: holders.Holder | None, *, exists: bool) -> AddressHolder:
    if holder is None:
        return AddressHolder(address, exists=exists, process=0, command="", user="")
    return AddressHolder(address, exists=True, process=holder.pid, command=holder.command, user=holder.user)

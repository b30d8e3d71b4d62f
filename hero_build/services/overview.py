"""What is installed, joined with what runs: one row for each service. Reads, and changes nothing."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from hero_build import manifest
from hero_build.errors import HeroBuildError, RuntimeFailed
from hero_build.install.layout import Root
from hero_build.model.installed import Generation, PartId
from hero_build.model.services import ServiceState, SupervisedStatus
from hero_build.services import processes
from hero_build.services.processes import ProcessTable, ProgramState, RunningProgram
from hero_build.services.records import ServiceRecord, Wanted, recorded_services, wanted
from hero_build.supervisors.protocol import Supervisor
from hero_build.system import proc_stat

_GENERATION = re.compile(r"/generations/(\d+)/")


class ServiceRow(Struct, frozen=True):
    """A service of an installed app. `supervisor` is empty of one that was not started by `start`.

    `since`: when it entered its state; `version_running` is None if it is not known, or nothing
    runs; `program`: whether the running file is the installed one. `wanted`: what the last start or stop said.
    """

    name: str
    app: str
    binary: str
    instance: str
    state: ServiceState
    pid: int
    since: datetime | None
    restarts: int
    reason: str
    wanted: Wanted | None
    version_installed: str | None
    version_running: str | None
    program: ProgramState | None
    supervisor: str


class Known(Struct, frozen=True):
    """What a root, its supervisor and /proc say at one moment."""

    root: Root
    generation: Generation
    records: tuple[ServiceRecord, ...]
    statuses: Mapping[str, SupervisedStatus]
    table: ProcessTable
    trouble: str = ""
    """Why the supervisor did not say anything."""


def known(root: Root, generation: Generation, supervisor: Supervisor) -> Known:
    """Asks the supervisor only if something was started by `start`."""
    records, trouble = recorded_services(root), ""
    reported: Mapping[str, SupervisedStatus] = {}
    if records:
        try:
            reported = supervisor.statuses()
        except RuntimeFailed as error:
            trouble = error.message
    table = processes.process_table(root)
    return Known(root, generation, records=records, statuses=reported, table=table, trouble=trouble)


def rows(apps: Sequence[str], state: Known) -> Mapping[str, tuple[ServiceRow, ...]]:
    """The services of each app: those that were started, and its other startable programs."""
    versions: dict[int, Mapping[str, str]] = {}
    return {app: tuple(_rows(app, state, versions)) for app in apps}


def _rows(app: str, state: Known, versions: dict[int, Mapping[str, str]]) -> Iterator[ServiceRow]:
    records = [record for record in state.records if record.app == app]
    installed = state.generation.records.get(PartId(app))
    names = {record.binary for record in records}
    others = [entry.name for entry in (installed.entries if installed else ()) if entry.startable]
    unstarted = [ServiceRecord(app=app, name=name, binary=name) for name in others if name not in names]
    taken = {state.statuses[record.name].pid for record in records if record.name in state.statuses}
    for record in (*records, *unstarted):
        status = _status(record, state, taken)
        program = next((item for item in state.table.descendants(status.pid) if item.binary == record.binary), None)
        yield ServiceRow(
            name=record.name,
            app=app,
            binary=record.binary,
            instance=record.instance,
            state="flapping" if record.flapping is not None and not status.pid else status.state,
            pid=status.pid,
            since=None if status.since is None else datetime.fromtimestamp(round(status.since, 3), UTC),
            restarts=status.restarts,
            reason=_reason(record, status, state),
            wanted=wanted(state.root, record.name),
            version_installed=installed.origin.version if installed else None,
            version_running=_version(app, program, state=state, versions=versions),
            program=program.state if program else None,
            supervisor=record.supervisor if record.name in state.statuses else "",
        )


def _status(record: ServiceRecord, state: Known, taken: set[int]) -> SupervisedStatus:
    """As the supervisor reports it; else by a process of the program that something else started."""
    if record.name in state.statuses:
        return state.statuses[record.name]
    if record.supervisor and state.trouble:
        return SupervisedStatus(name=record.name, state="unknown", reason=state.trouble)
    held = {item.pid for pid in taken for item in state.table.descendants(pid)}
    for program in state.table.programs.values():
        if program.binary == record.binary and program.pid not in held and not record.instance:
            since = proc_stat.start_time(program.pid)
            reason = "not started by hero-build start"
            return SupervisedStatus(name=record.name, state="running", pid=program.pid, since=since, reason=reason)
    return SupervisedStatus(name=record.name, state="stopped")


def _reason(record: ServiceRecord, status: SupervisedStatus, state: Known) -> str:
    if status.pid:
        return status.reason
    if record.reason and wanted(state.root, record.name) == "running":
        return record.reason
    if status.state in ("failed", "flapping") and status.signal:
        return f"ended by signal {status.signal}"
    if status.state in ("failed", "flapping") and status.exit_code is not None:
        return f"exited with code {status.exit_code}"
    return status.reason


def _version(
    app: str, program: RunningProgram | None, *, state: Known, versions: dict[int, Mapping[str, str]]
) -> str | None:
    """That of the generation whose file runs: generations share files, so one with the installed file is current."""
    if program is None:
        return None
    installed = state.generation.records.get(PartId(app))
    if program.state == "running" and installed:
        return installed.origin.version
    if (match := _GENERATION.search(program.path)) is None:
        return None
    number = int(match[1])
    if number not in versions:
        versions[number] = _versions(state.root.generation(number))
    return versions[number].get(app)


def _versions(folder: Path) -> Mapping[str, str]:
    with suppress(HeroBuildError):
        return {part.app: record.origin.version for part, record in manifest.read(folder).records.items()}
    return {}

"""The start and the stop of one service.

A start: check ─► reclaim ─► prepare ─► define ─► start ─► settle ─► healthy; else once more with a reset (stop,
reclaim, start); else an error that explains. It is up when its supervisor reports the same process for a while, that
process runs the installed file, and every probe is healthy.
"""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager

from msgspec.structs import replace

from hero_build.errors import HeroBuildError, NotHealthy, ServiceConflict
from hero_build.events import silent
from hero_build.model.services import Definition, SupervisedStatus, probe_sockets
from hero_build.os_errors import machine_errors
from hero_build.services import containers, definitions, reclaim, records
from hero_build.services.records import ServiceRecord
from hero_build.services.service_map import ROUTER_CANNOT_RESTART
from hero_build.services.service_run import PlannedService, ServiceRun, ServiceStopped, ServiceUp
from hero_build.services.wait_until_up import Attempt, NotUp, check_health, runs_as_installed, wait_until_up
from hero_build.supervisors import exec_file
from hero_build.supervisors.protocol import ROUTER, ServiceNotDefined
from hero_build.system.plain_text import clean

TAIL = 20
"""How many of the last lines of its log an error has."""
_CHECK_SECONDS = 2.0  # for the answer of a service that may be healthy already


def start_service(item: PlannedService, run: ServiceRun) -> ServiceUp:
    """Start it, or see that there is nothing to do. Raises NotHealthy, RuntimeFailed, MachineError, RecipeError,
    RootDamaged.
    """
    root, name, began = run.site.root, item.name, time.monotonic()
    _require_other_supervisor(item, run)
    definitions.check_sockets(item.service)
    definitions.require_program(item.service, root)
    with machine_errors(root.path), _turn(item.app, name, run):
        records.set_wanted(root, name, "running")
        record = replace(_record(item, run), supervisor=run.supervisor.name)
        before = status_of(name, run)
        if not run.reset:
            _require_not_flapping(item, record, before)
        run.step(name, "check", item.app)
        variables = dict(definitions.variables(item.owner, item.service))
        if not run.fresh and _is_up_to_date(item, before, run=run, variables=variables):
            return ServiceUp(item.app, name=name, how="already healthy", seconds=0.0, pid=before.pid)
        if records.read_record(root, name) is None:
            records.write_record(root, record)  # from here on something may run: other commands know whose it is
        try:
            status, tries = _start_or_reset(item, before, run=run, record=record)
        except NotHealthy:
            raise  # recorded, with its ends
        except HeroBuildError as error:
            records.write_record(root, replace(record, reason=error.message))
            raise
        records.write_record(root, replace(record, ends=(), flapping=None, reason=""))
    how, seconds = "restarted" if before.pid else "started", time.monotonic() - began
    up = ServiceUp(item.app, name=name, how="started", seconds=seconds, pid=status.pid, pid_before=before.pid)
    return replace(up, how=how, tries=tries)


def stop_service(app: str, name: str, run: ServiceRun) -> ServiceStopped:
    """Stop it, and wait until its process has ended. Raises NotHealthy, RuntimeFailed, MachineError."""
    root, began = run.site.root, time.monotonic()
    should_run = records.wanted(root, name) == "running"
    records.set_wanted(root, name, "stopped")  # a start that waits for its health ends by that
    with machine_errors(root.path), _turn(app, name, run):
        records.set_wanted(root, name, "stopped")
        before = status_of(name, run)
        limit = _stop_timeout(name, run)
        if should_run or before.pid or before.is_changing:
            run.step(name, "stop", app, limit=limit)
        _stop_and_wait(name, run)
        reclaim.end_leftovers(name, root, supervisors=(run.supervisor, *run.others), emit=silent, seconds=limit)
        if (record := records.read_record(root, name)) is not None:
            records.write_record(root, replace(record, ends=(), flapping=None, reason=""))
    return ServiceStopped(app, name=name, seconds=time.monotonic() - began, pid_before=before.pid)


def _turn(app: str, name: str, run: ServiceRun) -> AbstractContextManager[None]:
    """One command at a time starts or stops a service."""
    return records.locked_service(run.site.root, name, run.wait, on_wait=lambda: run.step(name, "wait", app))


def status_of(name: str, run: ServiceRun) -> SupervisedStatus:
    """Its status; stopped, if the supervisor does not know it."""
    try:
        return run.supervisor.status(name)
    except ServiceNotDefined:
        return SupervisedStatus(name=name, state="stopped")


def _start_or_reset(
    item: PlannedService, before: SupervisedStatus, *, run: ServiceRun, record: ServiceRecord
) -> tuple[SupervisedStatus, int]:
    """The status once it is up, and the number of attempts. Raises NotHealthy."""
    result = _attempt(item, before, run)
    if isinstance(result, SupervisedStatus):
        return result, 1
    if result.cancelled:
        raise _cancelled(item, result)
    run.step(item.name, "reset", item.app)
    _stop_and_wait(item.name, run)
    result = _attempt(item, status_of(item.name, run), run)
    if isinstance(result, SupervisedStatus):
        return result, 2
    if result.cancelled:
        raise _cancelled(item, result)
    error = _explain(item, result, run)
    _stop_and_wait(item.name, run)
    records.write_record(run.site.root, replace(record.ended(2, item.service.flap), reason=result.reason))
    raise error


def _attempt(item: PlannedService, before: SupervisedStatus, run: ServiceRun) -> SupervisedStatus | NotUp:
    """Reclaim, prepare, define and start, then wait. What runs is restarted in one request, so that it is down for as
    short as its supervisor can.
    """
    name = item.name
    if not before.pid:
        _reclaim(item, run)
    run.step(name, "prepare", item.app)
    item.owner.prepare()
    _define(item, run)  # what is defined in another way is stopped by that
    current, requested = status_of(name, run), time.time()
    if current.pid:
        run.step(name, "stop", item.app, limit=item.service.stop_timeout)
        run.supervisor.restart(name)
    else:
        run.step(name, "start", item.app)
        run.supervisor.start(name)
    return wait_until_up(Attempt(item.service, requested, current.pid), run)


def _reclaim(item: PlannedService, run: ServiceRun) -> None:
    reclaim.reclaim(
        item.service,
        helpers=item.helpers,
        root=run.site.root,
        supervisor=run.supervisor,
        others=run.others,
        emit=run.site.emit,
    )
    if item.service.container:
        containers.remove_leftover(item.service)


def _define(item: PlannedService, run: ServiceRun) -> None:
    root, name = run.site.root, item.name
    variables = dict(definitions.variables(item.owner, item.service))
    exec_file.write_environment(exec_file.environment_path(root, name), variables)
    for path in (path for probe in item.service.probes for path in probe_sockets(probe)[:1]):
        path.parent.mkdir(parents=True, exist_ok=True)
    run.supervisor.define(_definition(item, run))


def _definition(item: PlannedService, run: ServiceRun) -> Definition:
    root = run.site.root
    path = exec_file.environment_path(root, item.name)
    return definitions.definition(item.service, log=records.log_path(root, item.name), env_file=path)


def _stop_and_wait(name: str, run: ServiceRun) -> None:
    """Raises NotHealthy if its process does not end."""

    def has_ended() -> bool:
        status = status_of(name, run)
        return not (status.pid or status.is_changing)

    try:
        run.supervisor.stop(name)
    except ServiceNotDefined:
        return
    if not reclaim.wait_for(has_ended, _stop_timeout(name, run) + run.timeouts.change, run.timeouts.poll):
        status = status_of(name, run)
        reason = f"{name} did not stop: it is still {status.state}, as process {status.pid}"
        raise NotHealthy(reason, f"Its log may say why; `kill -9 {status.pid}` ends it.")


def _stop_timeout(name: str, run: ServiceRun) -> float:
    """The seconds that it may take to stop, as it was started; 0 of one that was not started here."""
    record = records.read_record(run.site.root, name)
    return record.definition.stop_timeout if record and record.definition else 0.0


def _is_up_to_date(
    item: PlannedService, status: SupervisedStatus, *, run: ServiceRun, variables: Mapping[str, str]
) -> bool:
    """Whether it runs from the installed file, as it is defined now, and is healthy."""
    root, name = run.site.root, item.name
    record = records.read_record(root, name)
    if not status.is_running or record is None or record.definition != _definition(item, run):
        return False
    if exec_file.read_environment(exec_file.environment_path(root, name)) != variables:
        return False
    healthy = all(answer.healthy for answer in check_health(item.service, _CHECK_SECONDS))
    return healthy and runs_as_installed(item.service, status.pid, run)


def _record(item: PlannedService, run: ServiceRun) -> ServiceRecord:
    known = records.read_record(run.site.root, item.name)
    service = item.service
    record = known or ServiceRecord(app=service.app, name=service.name, binary=service.binary)
    return replace(record, instance=service.instance, definition=_definition(item, run))


def _require_other_supervisor(item: PlannedService, run: ServiceRun) -> None:
    if run.supervisor.name == ROUTER and item.app in ROUTER_CANNOT_RESTART:
        reason = f"{item.name} is not managed through hero_router, which would end with it"
        raise ServiceConflict(reason, "Name another supervisor: --supervisor supervisord.")


def _require_not_flapping(item: PlannedService, record: ServiceRecord, status: SupervisedStatus) -> None:
    if record.flapping is None and status.state != "flapping":
        return
    limit = item.service.flap
    reason = f"{item.name} is flapping: it ended {limit.starts} times within {limit.seconds:g} s"
    why = f" ({record.reason})" if record.reason else ""
    label = item.owner.label
    hint = f"`hero-build logs {label}` says why; `hero-build start --reset {label}` starts it again."
    raise NotHealthy(f"{reason}{why}", hint)


def _explain(item: PlannedService, result: NotUp, run: ServiceRun) -> NotHealthy:
    try:
        tail = tuple(clean(line) for line in run.supervisor.logs(item.name, TAIL))
    except HeroBuildError:
        tail = ()
    label = item.owner.label
    hint = f"`hero-build troubleshoot {label}` shows more. Correct the cause, then `hero-build start {label}`."
    log = records.log_path(run.site.root, item.name)
    reason = f"{item.name} did not come up: {result.reason}"
    return NotHealthy(reason, hint, tail=tail, log=log if log.exists() else None)


def _cancelled(item: PlannedService, result: NotUp) -> NotHealthy:
    return NotHealthy(f"{item.name} is not started: {result.reason}", f"`hero-build start {item.owner.label}` again.")

"""Before a start: what an earlier run of the service left behind is removed, and nothing foreign is touched.

A process of the root, or one that the service started, is stopped if no supervisor holds it; a socket file on which
nobody listens is removed. A socket or port that another process holds is an error that names it.
"""

import os
import select
import signal
import stat
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path

from hero_build.errors import RuntimeFailed, ServiceConflict
from hero_build.events import Emit, WarningRaised
from hero_build.install.layout import Root
from hero_build.model.services import PortProbe, Service, probe_sockets
from hero_build.os_errors import raise_for_machine
from hero_build.services import holders, processes
from hero_build.services.holders import Holder
from hero_build.services.leftovers import leftovers, marked_processes
from hero_build.services.processes import ProcessTable, RunningProgram
from hero_build.supervisors.protocol import Supervisor
from hero_build.system.thread_pool import ThreadPool

_TERM_WAIT = 5.0  # seconds for what a service has left behind
_KILL_WAIT = 5.0  # seconds until a killed process is gone
_TOGETHER = 16
"""Processes that are stopped at the same time."""


def reclaim(
    service: Service,
    *,
    helpers: Collection[str],
    root: Root,
    supervisor: Supervisor,
    others: Collection[Supervisor],
    emit: Emit,
) -> None:
    """Stop leftover processes of the service, remove its stale sockets. `helpers`: programs that it starts itself.

    What the `supervisor` or one of the `others` holds is no leftover. Raises ServiceConflict.
    """
    table = processes.process_table(root)
    names = {service.binary, *helpers}
    programs = [program for program in table.programs.values() if program.binary in names]
    if programs:
        held = {other.name: supervised_pids(other, table) for other in others}
        own = supervised_pids(supervisor, table)
        for program in (program for program in programs if program.pid not in own):
            _require_not_held(program, held)
            _require_no_unit(program)
            _stop_leftover(program, service, emit)
    supervisors = (supervisor, *others)
    end_leftovers(service.name, root, supervisors=supervisors, emit=emit, seconds=service.stop_timeout)
    for probe in service.probes:
        for path in probe_sockets(probe):
            _free_socket(path, service)
    for port in sorted({*service.ports, *(probe.port for probe in service.probes if isinstance(probe, PortProbe))}):
        if (holder := holders.port_holder(port)) is not None:
            raise _conflict(service, f"port {port}", holder)


def end_leftovers(
    name: str, root: Root, *, supervisors: Collection[Supervisor], emit: Emit, seconds: float = 0.0
) -> None:
    """End what a service started, lives on without it, and is held by no supervisor: zinit leaves that alive.

    `seconds`: how long it may take to stop, at least 5.
    """
    if not tuple(marked_processes(name, root)):
        return
    table = processes.process_table(root)
    held = frozenset().union(*(supervised_pids(item, table) for item in supervisors))
    left = leftovers(name, root, table=table, held=held)
    for pid in left:
        emit(WarningRaised(f"process {pid}, {holders.process_command(pid)}, was left by {name}: it is stopped"))
    with ThreadPool(_TOGETHER, thread_name_prefix="leftover") as pool:
        list(pool.map(lambda pid: _end_leftover(pid, max(seconds, _TERM_WAIT)), left))


def supervised_pids(supervisor: Supervisor, table: ProcessTable) -> frozenset[int]:
    """All processes below the services of a supervisor; none where it does not answer."""
    pids: set[int] = set()
    with suppress(RuntimeFailed):
        level = [supervisor.status(name).pid for name in supervisor.services()]
        while level := [pid for pid in level if pid and pid not in pids]:
            pids.update(level)
            level = [child for pid in level for child in table.children.get(pid, ())]
    return frozenset(pids)


def end_process(pid: int, number: int, seconds: float) -> bool:
    """Send a signal, then SIGKILL after `seconds`; whether the process is gone. Raises PermissionError."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    try:
        for sent, wait in ((number, seconds), (signal.SIGKILL, _KILL_WAIT)):
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, sent)
            if poller.poll(wait * 1000):
                return True
        return False
    finally:
        os.close(descriptor)


def signal_number(name: str) -> int:
    """`TERM`, `SIGTERM` or `15`."""
    if name.isdecimal():
        return int(name)
    return int(signal.Signals["SIG" + name.upper().removeprefix("SIG")])


def wait_for(done: Callable[[], bool], seconds: float, poll: float) -> bool:
    """Whether `done` is true within `seconds`."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() >= end:
            return False
        time.sleep(poll)
    return True


def _end_leftover(pid: int, seconds: float) -> None:
    with suppress(PermissionError):
        end_process(pid, signal.SIGTERM, seconds)


def _require_not_held(program: RunningProgram, held: Mapping[str, frozenset[int]]) -> None:
    for name, pids in held.items():
        if program.pid in pids:
            reason = f"{program.binary} (process {program.pid}) runs already, under {name}"
            raise ServiceConflict(reason, f"Stop it there first, so that only one supervisor runs {program.binary}.")


def _require_no_unit(program: RunningProgram) -> None:
    """A unit of systemd that is not ours would start it again."""
    unit = systemd_unit(program.pid)
    if unit and unit != systemd_unit(os.getpid()):
        reason = f"{program.binary} (process {program.pid}) runs already, in systemd's unit {unit}"
        raise ServiceConflict(reason, f"Stop and disable that unit first: systemctl disable --now {unit}")


def systemd_unit(pid: int, proc: Path = Path("/proc")) -> str:
    """The service unit of a process by its control group; empty for none, and for the manager of a user."""
    try:
        lines = (proc / str(pid) / "cgroup").read_text().splitlines()
    except OSError as error:
        raise_for_machine(error)
        return ""
    units = [part for line in lines for part in line.rpartition(":")[2].split("/") if part.endswith(".service")]
    return next((unit for unit in reversed(units) if not unit.startswith("user@")), "")


def _stop_leftover(program: RunningProgram, service: Service, emit: Emit) -> None:
    process = f"{program.binary} (process {program.pid})"
    if program.state == "unknown":
        try:
            owner = holders.user_name(os.stat(f"/proc/{program.pid}").st_uid)
        except FileNotFoundError:  # it has ended
            return
        reason = f"{process} of this root runs as user {owner}, and no supervisor of this user holds it"
        raise ServiceConflict(reason, "Stop it as that user, or as root; then start it again.")
    emit(WarningRaised(f"{process} was left by an earlier run, held by no supervisor: it is stopped"))
    try:
        gone = end_process(program.pid, signal_number(service.stop_signal), service.stop_timeout)
    except PermissionError:
        gone = False
    if not gone:
        raise ServiceConflict(f"{process} cannot be stopped", f"Stop it: kill -9 {program.pid}")


def _free_socket(path: Path, service: Service) -> None:
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        raise_for_machine(error, path)
        return
    if not stat.S_ISSOCK(mode):
        hint = "hero-build did not create it: move it away, then start the service again."
        raise ServiceConflict(f"{path} is in the way: {service.name} binds its socket there", hint)
    try:
        holder = holders.socket_holder(path)
    except OSError as error:
        raise_for_machine(error)
        reason = f"{path} cannot be connected to: {error.strerror}"
        raise ServiceConflict(reason, "Stop what listens there, or remove it as its owner.") from error
    if holder is not None:
        raise _conflict(service, str(path), holder)
    with suppress(FileNotFoundError):
        path.unlink()


def _conflict(service: Service, what: str, holder: Holder) -> ServiceConflict:
    reason = f"{service.name} needs {what}, which is held by {holder}"
    hint = f"Stop that process (it does not belong to {service.app}), then `hero-build start {service.app}`."
    return ServiceConflict(reason, hint)

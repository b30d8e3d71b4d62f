"""Runs inside supervisord, as its `[rpcinterface:hero_build]`: our restart policy, and statuses with all details.

supervisord alone restarts at once and without a limit what ran for a while, takes an exit with code 0 in the first
seconds for a failure, forgets by which signal a process ended, and cannot restart as one request. So its own
`autorestart` is off; this module listens to its events and moves a process to BACKOFF, which supervisord then starts.
"""

import fcntl
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from supervisor import events
from supervisor.process import Subprocess
from supervisor.states import ProcessStates, SupervisorStates
from supervisor.xmlrpc import Faults, RPCError

from hero_build.model.services import Definition, ServiceState, SupervisedStatus
from hero_build.supervisors import rpc
from hero_build.supervisors.definitions import decode_definition, definition_path
from hero_build.supervisors.service_names import service_name

_STATES: dict[int, ServiceState] = {
    ProcessStates.STOPPED: "stopped",
    ProcessStates.STARTING: "running",  # startsecs is 0: it has a process
    ProcessStates.RUNNING: "running",
    ProcessStates.BACKOFF: "starting",
    ProcessStates.STOPPING: "stopping",
    ProcessStates.EXITED: "failed",
    ProcessStates.FATAL: "failed",
    ProcessStates.UNKNOWN: "unknown",
}


class ProcessHistory(Struct):
    """What supervisord does not keep of a process."""

    starts: list[float] = []
    """Of the last `FlapLimit.seconds`, in seconds of time.monotonic()."""
    restarts: int = 0
    since: float = 0.0
    wait_status: int | None = None
    """Of the last process, as waitpid(2) has it."""
    flapping: bool = False
    start_again: bool = False
    """Start it as soon as it has stopped."""


class HeroBuildInterface:
    """The methods `hero_build.*` of supervisord's XML-RPC. A name is that of supervisord, see service_names."""

    def __init__(self, supervisord: Any, folder: Path) -> None:
        self._supervisord = supervisord
        self._folder = folder
        self._lock = _lock(folder / "running.lock")

    def statuses(self) -> str:
        """All services, as a JSON array of SupervisedStatus."""
        return msgspec.json.encode([self._status(process) for process in self._processes()]).decode()

    def start(self, name: str) -> bool:
        process = self._process(name)
        history = _history(process)
        history.starts, history.restarts, history.flapping = [], 0, False
        if process.get_state() == ProcessStates.STOPPING:
            history.start_again = True
        elif process.get_state() == ProcessStates.BACKOFF:
            process.delay = 0
        elif not process.pid:
            process.spawn()
        return True

    def stop(self, name: str) -> bool:
        process, history = self._process(name), _history(self._process(name))
        history.starts, history.flapping, history.start_again = [], False, False
        process.stop()
        return True

    def restart(self, name: str) -> bool:
        process = self._process(name)
        if not process.pid:
            return self.start(name)
        history = _history(process)
        history.starts, history.restarts, history.start_again = [], 0, True
        if process.get_state() != ProcessStates.STOPPING:
            process.stop()
        return True

    def on_state(self, event: Any) -> None:
        """Called by supervisord in the middle of each change of a process's state."""
        process, history = event.process, _history(event.process)
        history.since = time.time()
        match process.get_state():
            case ProcessStates.STARTING:
                history.starts.append(time.monotonic())
            case ProcessStates.STOPPED if history.start_again:
                history.start_again = False
                _start_in(process, 0)
            case ProcessStates.EXITED:
                self._exited(process, history)

    def on_tick(self, _: Any) -> None:
        """Called every five seconds: a supervisord whose root was deleted ends, with its services."""
        if not os.fstat(self._lock).st_nlink:
            self._supervisord.options.mood = SupervisorStates.SHUTDOWN

    def _exited(self, process: Any, history: ProcessHistory) -> None:
        definition = self._definition(process)
        if definition is None or not _restarts(definition, history):
            return
        recent = time.monotonic() - definition.flap.seconds
        history.starts = [moment for moment in history.starts if moment >= recent]
        if len(history.starts) >= definition.flap.starts:
            history.flapping = True
            return
        history.restarts += 1
        _start_in(process, definition.backoff)

    def _status(self, process: Any) -> SupervisedStatus:
        history, state = _history(process), _STATES.get(process.get_state(), "unknown")
        status = history.wait_status
        if process.get_state() == ProcessStates.EXITED and status == 0:
            state = "exited"
        exit_code = os.WEXITSTATUS(status) if status is not None and os.WIFEXITED(status) else None
        signal_number = os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else None
        ended = rpc.exit_reason(exit_code, signal_number) if not process.pid else ""
        return SupervisedStatus(
            name=service_name(process.config.name),
            state="flapping" if history.flapping else state,
            pid=process.pid,
            since=history.since or None,
            restarts=history.restarts,
            exit_code=exit_code,
            signal=signal_number,
            reason=ended or process.spawnerr or "",
        )

    def _definition(self, process: Any) -> Definition | None:
        """The file may be gone while a service is removed."""
        with suppress(OSError, ValueError):
            return decode_definition(definition_path(self._folder, process.config.name).read_bytes())
        return None

    def _processes(self) -> list[Any]:
        return [process for group in self._supervisord.process_groups.values() for process in group.processes.values()]

    def _process(self, name: str) -> Any:
        for process in self._processes():
            if process.config.name == name:
                return process
        raise RPCError(Faults.BAD_NAME, name)


def make_interface(supervisord: Any) -> HeroBuildInterface:
    """The factory that supervisord.conf names. Raises OSError when another supervisord has this folder, which it was
    started in.
    """
    interface = HeroBuildInterface(supervisord, Path.cwd())
    Subprocess.finish = _finish_and_keep_status(Subprocess.finish)
    events.subscribe(events.ProcessStateEvent, interface.on_state)
    events.subscribe(events.Tick5Event, interface.on_tick)
    return interface


def _finish_and_keep_status(finish: Any) -> Any:
    def finish_and_keep_status(process: Any, pid: int, status: int) -> object:
        _history(process).wait_status = status
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGTERM)  # what it started ends with it
        return finish(process, pid, status)

    return finish_and_keep_status


def _history(process: Any) -> ProcessHistory:
    if not hasattr(process, "hero_build_history"):
        process.hero_build_history = ProcessHistory()
    history: ProcessHistory = process.hero_build_history
    return history


def _start_in(process: Any, seconds: float) -> None:
    """Let supervisord start a process that has ended, which it does in BACKOFF after `delay`."""
    process.backoff = 0
    process.change_state(ProcessStates.BACKOFF)
    process.delay = time.time() + seconds if seconds else 0


def _restarts(definition: Definition, history: ProcessHistory) -> bool:
    if definition.oneshot or definition.restart == "never":
        return False
    return definition.restart == "always" or history.wait_status != 0


def _lock(path: Path) -> int:
    """Held while this supervisord runs: its pidfile is no lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor

"""zinit 0.3.9 as a supervisor. Our definitions are files of hero-build; zinit has a service only while it is started.

What zinit does differently from what its names say, as measured:
- `service.set` of a name that exists blocks the daemon for good: a service is deleted first.
- `service.delete` of one that runs blocks it for 5 s: it is stopped first, and waited for.
- `service.set` starts the service, and so does each start of zinit: what is stopped is therefore deleted.
- A byte that is not UTF-8 closes the service's output: the service writes to a file of ours instead.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from shlex import join
from typing import Literal

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from hero_build.errors import NotHealthy
from hero_build.install.layout import Root
from hero_build.model.services import Definition, ServiceState, SupervisedStatus
from hero_build.supervisors import exec_file, log_files, rpc, socket_client
from hero_build.supervisors.definitions import DefinitionFolder
from hero_build.supervisors.protocol import ZINIT, ServiceNotDefined, Timeouts
from hero_build.supervisors.service_names import file_name
from hero_build.supervisors.socket_client import RpcClient


class ZinitReason(Struct, frozen=True):
    """Why a service failed; the fields depend on the type."""

    type: str
    code: int | None = None
    signal: int | None = None
    message: str = ""


class ZinitState(Struct, frozen=True):
    """A service's state in `service.status_full`; the fields depend on the state."""

    state: Literal["inactive", "blocked", "starting", "running", "stopping", "exited", "failed"]
    pid: int = 0
    exit_code: int | None = None
    reason: ZinitReason | None = None


class ZinitStatus(Struct, frozen=True):
    """The result of `service.status_full`."""

    state: ZinitState
    uptime_secs: int | None = None


class Zinit(Struct, frozen=True):
    """A Supervisor: the zinit that listens on `path`."""

    root: Root
    path: Path
    timeouts: Timeouts

    @property
    def name(self) -> str:
        return ZINIT

    def services(self) -> tuple[str, ...]:
        """Ours, started or not, and others that zinit runs."""
        ours = {zinit_name(name): name for name in self._definitions.names()}
        others = [name for name in self._known() if name not in ours]
        return (*ours.values(), *sorted(others))

    def definition(self, name: str) -> Definition | None:
        return self._definitions.read(name)

    def define(self, definition: Definition) -> None:
        with self._definitions.changing(self.timeouts.change):
            if self._definitions.read(definition.name) != definition:
                self._delete(definition.name, definition.stop_timeout)
            exec_file.write_exec(self.root, definition, own_log=True, count_starts=True)
            self._definitions.write(definition)

    def forget(self, name: str) -> None:
        with self._definitions.changing(self.timeouts.change):
            definition = self._definitions.read(name)
            self._delete(name, definition.stop_timeout if definition else 0)
            self._definitions.remove(name)
            exec_file.remove_exec(self.root, name)

    def start(self, name: str) -> None:
        definition = self._definitions.read(name)
        if definition is None:
            self._call("service.start", {"name": name}, self.timeouts.change)
            return
        with self._definitions.changing(self.timeouts.change):
            if zinit_name(name) in self._known():
                if self.status(name).pid:
                    return
                self._delete(name, definition.stop_timeout)
            exec_file.forget_starts(self.root, name)
            words = exec_file.write_exec(self.root, definition, own_log=True, count_starts=True)
            self._call("service.set", {"config": _config(definition, words)}, self.timeouts.change)

    def stop(self, name: str) -> None:
        definition = self._definitions.read(name)
        if definition is None:
            self._call("service.stop", {"name": name}, self.timeouts.change)
            return
        with self._definitions.changing(self.timeouts.change):
            self._delete(name, definition.stop_timeout)

    def restart(self, name: str) -> None:
        ours = self._definitions.read(name) is not None
        if ours and not self.status(name).pid:
            self.start(name)
            return
        if ours:
            exec_file.forget_starts(self.root, name)
        self._call("service.restart", {"name": zinit_name(name)}, self.timeouts.change)

    def status(self, name: str) -> SupervisedStatus:
        definition = self._definitions.read(name)
        try:
            raw = self._call("service.status_full", {"name": zinit_name(name)}, self.timeouts.call)
        except ServiceNotDefined:
            if definition is None:
                raise
            return SupervisedStatus(name=name, state="stopped")
        result = rpc.decode(raw, ZinitStatus, peer=self._client.peer, what=f"its status of {name}")
        if definition is None:
            return _status(name, result)
        return _own_status(_status(name, result), definition, exec_file.starts(self.root, name))

    def statuses(self) -> dict[str, SupervisedStatus]:
        return {name: self.status(name) for name in self.services()}

    def logs(self, name: str, lines: int) -> tuple[str, ...]:
        definition = self._definitions.read(name)
        if definition is not None:
            return log_files.last_lines(definition.log, lines)
        raw = self._call("logs.get", {"name": name, "lines": max(lines, 0)}, self.timeouts.call)
        return rpc.decode_lines(raw, self._client.peer)

    def follow(self, name: str, lines: int = 0) -> Iterator[str]:
        definition = self._definitions.read(name)
        if definition is None:
            raise ServiceNotDefined(f"{name} is not defined by hero-build", "`zinit logs` shows what it writes.")
        return log_files.follow(definition.log, lines)

    @property
    def _definitions(self) -> DefinitionFolder:
        return DefinitionFolder(self.root, ZINIT)

    @property
    def _client(self) -> RpcClient:
        return socket_client.zinit_client(self.path)

    def _known(self) -> tuple[str, ...]:
        return rpc.decode_services(self._call("service.list", {}, self.timeouts.call), self._client.peer)

    def _delete(self, name: str, stop_timeout: float) -> None:
        """Stop and delete it in zinit, if it is there."""
        item: dict[str, object] = {"name": zinit_name(name)}
        if zinit_name(name) not in self._known():
            return
        self._call("service.stop", item, self.timeouts.change)
        self._wait(lambda: not self.status(name).pid, f"{name} does not stop", stop_timeout)
        self._call("service.delete", item, self.timeouts.change)

    def _wait(self, done: Callable[[], bool], problem: str, seconds: float) -> None:
        end = time.monotonic() + seconds + self.timeouts.change
        while not done():
            if time.monotonic() >= end:
                raise NotHealthy(f"{ZINIT}: {problem}", "Its log says more.")
            time.sleep(self.timeouts.poll)

    def _call(self, method: str, params: dict[str, object], seconds: float) -> Raw:
        return self._client.call(method, params, seconds)


def zinit_name(name: str) -> str:
    """The name in zinit, which has letters, digits, `-`, `_` and `.`: the `:` of an instance becomes `--`."""
    file_name(name)
    return name.replace(":", "--")


def _config(definition: Definition, words: tuple[str, ...]) -> dict[str, object]:
    """As of 0.3.9. Without `requires`: zinit would stop what depends on it, too, and leave it so. Never `kill_others`:
    it can end unrelated processes. `exec` is a line for /bin/sh, whose first word must be a program; the service takes
    the shell's place, so that its pid and its exit are its own.
    """
    delay = max(1, round(definition.backoff * 1000))
    never = definition.oneshot or definition.restart == "never"
    return {
        "service": {
            "name": zinit_name(definition.name),
            "exec": f"true && exec {join(words)}",
            "oneshot": definition.oneshot,
        },
        "lifecycle": {
            "restart": "never" if never else definition.restart,
            "restart_delay_ms": delay,
            "restart_delay_max_ms": delay,
            "max_restarts": max(1, definition.flap.starts - 1),
            "stability_period_ms": round(1000 * definition.flap.seconds / definition.flap.starts),
            "stop_timeout_ms": max(1, round(definition.stop_timeout * 1000)),
            "stop_signal": f"SIG{definition.stop_signal.removeprefix('SIG')}",
        },
    }


def _status(name: str, status: ZinitStatus) -> SupervisedStatus:
    state, reason = status.state, status.state.reason or ZinitReason("")
    code = state.exit_code if state.reason is None else reason.code
    ended: ServiceState = "failed" if code else "exited"
    states: dict[str, ServiceState] = {"inactive": "stopped", "blocked": "starting", "exited": ended}
    return SupervisedStatus(
        name=name,
        state=states.get(state.state) or msgspec.convert(state.state, ServiceState),
        pid=state.pid,
        since=None if status.uptime_secs is None else time.time() - status.uptime_secs,
        exit_code=code,
        signal=reason.signal,
        reason=reason.message or rpc.exit_reason(code, reason.signal) if state.state in ("exited", "failed") else "",
    )


def _own_status(status: SupervisedStatus, definition: Definition, starts: tuple[float, ...]) -> SupervisedStatus:
    """With what zinit does not report of a service: how often it was restarted, and whether it will be again."""
    since = starts[-1] if starts and status.pid else None
    status = replace(status, restarts=max(len(starts) - 1, 0), since=since)
    if status.pid or not _will_restart(status, definition):
        return status
    recent = starts[-definition.flap.starts :]
    is_full = len(recent) == definition.flap.starts
    if is_full and recent[-1] - recent[0] <= definition.flap.seconds:
        return replace(status, state="flapping")
    return replace(status, state="starting")


def _will_restart(status: SupervisedStatus, definition: Definition) -> bool:
    """Whether zinit starts it again by its policy: after an exit in the states `failed` and `exited`."""
    if definition.oneshot or definition.restart == "never" or status.state not in ("failed", "exited"):
        return False
    return definition.restart == "always" or status.state == "failed"

"""systemd as a supervisor: a unit `hero-<service>.service` for each service, in the system's manager or the user's.

A service that is started is enabled, too, so that it starts with the machine (a user's only if the user may linger:
`loginctl enable-linger`); one that is stopped is disabled.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from hero_build.errors import NotHealthy, NotWritable, RuntimeUnreachable
from hero_build.install.layout import Root
from hero_build.model.services import Definition, ServiceState, SupervisedStatus
from hero_build.os_errors import machine_errors
from hero_build.supervisors import exec_file, rpc, systemd_journal, systemd_unit
from hero_build.supervisors.definitions import DefinitionFolder
from hero_build.supervisors.exec_file import write_file
from hero_build.supervisors.protocol import SYSTEMD, ServiceNotDefined, Timeouts
from hero_build.supervisors.systemd_client import SystemdClient, SystemdManager
from hero_build.supervisors.systemd_journal import Journalctl
from hero_build.supervisors.systemd_unit import service_of, unit_name

_PROPERTIES = (
    "Id,LoadState,ActiveState,SubState,MainPID,NRestarts,Result,ExecMainCode,ExecMainStatus,"
    "StateChangeTimestampMonotonic,ExecMainStartTimestampMonotonic,Job"
)
_KILLED = ("2", "3")  # ExecMainCode: CLD_KILLED, CLD_DUMPED


class Systemd(Struct, frozen=True):
    """A Supervisor: a manager of systemd, for the services of one root."""

    root: Root
    manager: SystemdManager
    timeouts: Timeouts

    @property
    def name(self) -> str:
        return SYSTEMD

    def services(self) -> tuple[str, ...]:
        return self._definitions.names()

    def definition(self, name: str) -> Definition | None:
        return self._definitions.read(name)

    def define(self, definition: Definition) -> None:
        unit = self._unit_path(definition.name)
        with machine_errors(unit):
            self._require_own(unit)
            before = self._definitions.read(definition.name)
            if before != definition and unit.exists():
                self._stop_and_wait(definition.name, before)
        with self._definitions.changing(self.timeouts.change), machine_errors(unit):
            words = exec_file.write_exec(self.root, definition)
            text = systemd_unit.render(definition, words=words, root=self.root.path, target=self.manager.target)
            changed = self._definitions.read(definition.name) != definition
            self._definitions.write(definition)
            if changed or not unit.exists() or unit.read_text() != text:
                unit.parent.mkdir(parents=True, exist_ok=True)
                write_file(unit, text.encode(), mode=0o644)
                self._systemctl("daemon-reload")

    def forget(self, name: str) -> None:
        unit = self._unit_path(name)
        if (definition := self._definitions.read(name)) is None:
            return
        self._stop_and_wait(name, definition)
        with self._definitions.changing(self.timeouts.change), machine_errors(unit):
            if self._definitions.read(name) is None:
                return
            unit.unlink(missing_ok=True)
            self._systemctl("daemon-reload")
            self._stop_and_wait(name, definition)  # what another command has started meanwhile
            self._systemctl("reset-failed", unit_name(name), may_fail=True)
            self._definitions.remove(name)
            exec_file.remove_exec(self.root, name)

    def start(self, name: str) -> None:
        self._require(name)
        self._enable(name, enable=True)
        if not self.status(name).is_running:
            self._systemctl("reset-failed", unit_name(name), may_fail=True)
        self._request("start", name)

    def stop(self, name: str) -> None:
        self._require(name)
        self._enable(name, enable=False)
        self._request("stop", name)

    def restart(self, name: str) -> None:
        self._require(name)
        self._enable(name, enable=True)
        self._systemctl("reset-failed", unit_name(name), may_fail=True)
        self._request("restart", name)

    def status(self, name: str) -> SupervisedStatus:
        self._require(name)
        return self._statuses([name])[name]

    def statuses(self) -> dict[str, SupervisedStatus]:
        names = self.services()
        return self._statuses(names) if names else {}

    def logs(self, name: str, lines: int) -> tuple[str, ...]:
        return systemd_journal.last_lines(self._journalctl(name), lines)

    def follow(self, name: str, lines: int = 0) -> Iterator[str]:
        return systemd_journal.follow(self._journalctl(name), lines)

    @property
    def _definitions(self) -> DefinitionFolder:
        return DefinitionFolder(self.root, SYSTEMD)

    def _require(self, name: str) -> Definition:
        if (definition := self._definitions.read(name)) is None:
            raise _not_defined(name)
        return definition

    def _request(self, verb: str, name: str) -> None:
        try:
            self._systemctl(verb, "--no-block", unit_name(name))
        except RuntimeUnreachable:
            with self._definitions.changing(self.timeouts.change):  # another command forgets it, or defines it anew
                if self._unit_path(name).exists():
                    self._systemctl(verb, "--no-block", unit_name(name))
                    return
            self._enable(name, enable=False)
            raise _not_defined(name) from None

    def _unit_path(self, name: str) -> Path:
        return self.manager.units / unit_name(name)

    def _require_own(self, unit: Path) -> None:
        """A unit of that name that somebody else wrote, or that is of another root, is left alone."""
        try:
            if systemd_unit.root_of(unit.read_text(errors="replace")) == str(self.root.path):
                return
        except FileNotFoundError:
            return
        hint = "Remove it, or name another supervisor with --supervisor."
        raise NotWritable(f"{unit} is not of the root {self.root.path}", hint)

    def _enable(self, name: str, *, enable: bool) -> None:
        """Write the link that `systemctl enable` writes, without the reload that this does each time."""
        unit = self._unit_path(name)
        link = unit.parent / f"{self.manager.target}.wants" / unit.name
        with machine_errors(link):
            if not enable:
                link.unlink(missing_ok=True)
            elif not link.is_symlink():
                link.parent.mkdir(parents=True, exist_ok=True)
                with suppress(FileExistsError):  # by another command
                    link.symlink_to(unit)
                self._systemctl("daemon-reload")  # the target then holds the unit, also after it has ended

    def _is_enabled(self, name: str) -> bool:
        unit = self._unit_path(name)
        return (unit.parent / f"{self.manager.target}.wants" / unit.name).is_symlink()

    def _stop_and_wait(self, name: str, definition: Definition | None) -> None:
        """Without the lock: other services are started and stopped meanwhile."""
        self._enable(name, enable=False)
        self._systemctl("stop", "--no-block", unit_name(name), may_fail=True)
        seconds = definition.stop_timeout if definition else 0.0
        self._wait(lambda: self._is_down(name), f"{name} does not stop", seconds)

    def _is_down(self, name: str) -> bool:
        status = self._statuses([name])[name]
        if status.is_running:  # another command has started it
            self._enable(name, enable=False)
            self._systemctl("stop", "--no-block", unit_name(name), may_fail=True)
        return not (status.pid or status.is_changing)

    def _statuses(self, names: Sequence[str]) -> dict[str, SupervisedStatus]:
        units = [unit_name(name) for name in names]
        text = self._systemctl("show", f"--property={_PROPERTIES}", *units)
        blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in text.split("\n\n")]
        known = {service_of(block["Id"]): block for block in blocks if "Id" in block}
        return {name: self._status(name, known.get(name, {})) for name in names}

    def _status(self, name: str, shown: dict[str, str]) -> SupervisedStatus:
        definition, status = self._definitions.read(name), int(shown.get("ExecMainStatus", 0))
        ended = shown.get("ExecMainCode", "0")
        code = status if ended == "1" else None
        number = status if ended in _KILLED else None
        state = _state(shown, definition, is_enabled=self._is_enabled(name))
        return SupervisedStatus(
            name=name,
            state=state,
            pid=int(shown.get("MainPID", 0)),
            since=_wall_time(int(shown.get("StateChangeTimestampMonotonic", 0))),
            restarts=int(shown.get("NRestarts", 0)) - (state == "flapping"),  # the last one was refused
            exit_code=code,
            signal=number,
            reason=rpc.exit_reason(code, number) if state in ("exited", "failed", "flapping", "starting") else "",
        )

    @property
    def _client(self) -> SystemdClient:
        return SystemdClient(self.manager, self.timeouts.change)

    def _systemctl(self, *words: str, may_fail: bool = False) -> str:
        return self._client.systemctl(*words, may_fail=may_fail)

    def _journalctl(self, name: str) -> Journalctl:
        self._require(name)
        return self._client.journalctl(unit_name(name))

    def _wait(self, done: Callable[[], bool], problem: str, seconds: float) -> None:
        end = time.monotonic() + seconds + self.timeouts.change
        while not done():
            if time.monotonic() >= end:
                raise NotHealthy(f"{SYSTEMD}: {problem}", "`systemctl status` says more.")
            time.sleep(self.timeouts.poll)


def _not_defined(name: str) -> ServiceNotDefined:
    return ServiceNotDefined(f"{SYSTEMD} has no service {name}", "`hero-build start APP` defines it.")


def _state(shown: dict[str, str], definition: Definition | None, *, is_enabled: bool) -> ServiceState:
    match shown.get("ActiveState"):
        case "active" | "reloading":
            return "running"
        case "activating":
            return "starting"
        case "deactivating":
            return "stopping"
        case "inactive" | "failed" if shown.get("Job", "0") not in ("", "0"):
            return "starting"  # between the stop and the start of a restart, for longer where a reload comes between
        case "inactive" if is_enabled and shown.get("ExecMainStartTimestampMonotonic", "0") != "0":
            return "exited"
        case "inactive":
            return "stopped"
        case "failed" if not is_enabled:
            return "stopped"  # by SIGKILL, after its stop timeout
        case "failed":
            restarts = definition and not definition.oneshot and definition.restart != "never"
            return "flapping" if restarts else "failed"  # systemd restarts it until the start limit
    return "unknown"


def _wall_time(monotonic: int) -> float | None:
    """Seconds of time.time() of a moment in microseconds of CLOCK_MONOTONIC; None if it is 0."""
    return time.time() - time.monotonic() + monotonic / 1e6 if monotonic else None

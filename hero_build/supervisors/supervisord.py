"""supervisord, the supervisor that needs nothing installed: hero-build starts one for its root, as its own process.

Its folder is `<root>/var/hero_build/supervisord`. The definitions there are the truth; supervisord.conf is written from
them, and a supervisord that runs is brought up to date. It ends when its last service is forgotten.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

from hero_build.errors import NotHealthy, RuntimeUnreachable
from hero_build.install.layout import Root
from hero_build.model.services import Definition, SupervisedStatus
from hero_build.os_errors import machine_errors
from hero_build.supervisors import exec_file, log_files, supervisord_client, supervisord_config
from hero_build.supervisors.definitions import DefinitionFolder
from hero_build.supervisors.protocol import SUPERVISORD, ServiceNotDefined, Timeouts
from hero_build.supervisors.rpc import RpcError
from hero_build.supervisors.service_names import file_name, service_name
from hero_build.supervisors.supervisord_client import SupervisordNotRunning
from hero_build.system import filelock, packed, process
from hero_build.system.decoding import decode_json

_KEPT = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "PYTHONPATH")
"""What supervisord itself has of the environment; services have their own."""


class Supervisord(Struct, frozen=True):
    """A Supervisor: the supervisord of one root."""

    root: Root
    timeouts: Timeouts

    @property
    def name(self) -> str:
        return SUPERVISORD

    @property
    def folder(self) -> Path:
        return self.root.state / "supervisord"

    @property
    def socket(self) -> Path:
        return self.folder / "supervisord.sock"

    def services(self) -> tuple[str, ...]:
        return self._definitions.names()

    def definition(self, name: str) -> Definition | None:
        return self._definitions.read(name)

    def define(self, definition: Definition) -> None:
        before = self._definitions.read(definition.name)
        if before not in (None, definition):
            self._stop_and_wait(definition.name, before.stop_timeout)
        with self._changing():
            if self._definitions.read(definition.name) not in (None, definition):
                self._remove(definition.name)
            self._definitions.write(definition)
            self._write_config()
            self._bring_up_to_date()

    def forget(self, name: str) -> None:
        if (definition := self._definitions.read(name)) is not None:
            self._stop_and_wait(name, definition.stop_timeout)
        with self._changing():
            if self._definitions.read(name) is None:
                return
            self._remove(name)
            self._definitions.remove(name)
            self._write_config()
            self._bring_up_to_date()
            exec_file.remove_exec(self.root, name)
            if not self.services():
                self.shut_down()

    def start(self, name: str) -> None:
        self._ensure_running(name)
        self._call("hero_build.start", file_name(name))

    def stop(self, name: str) -> None:
        self._require(name)
        try:
            self._call("hero_build.stop", file_name(name))
        except SupervisordNotRunning:
            return

    def restart(self, name: str) -> None:
        self._ensure_running(name)
        self._call("hero_build.restart", file_name(name))

    def status(self, name: str) -> SupervisedStatus:
        self._require(name)
        return self._reported().get(name) or SupervisedStatus(name=name, state="stopped")

    def statuses(self) -> dict[str, SupervisedStatus]:
        stopped = {name: SupervisedStatus(name=name, state="stopped") for name in self.services()}
        return {**stopped, **self._reported()}

    def logs(self, name: str, lines: int) -> tuple[str, ...]:
        return log_files.last_lines(self._require(name).log, lines)

    def follow(self, name: str, lines: int = 0) -> Iterator[str]:
        return log_files.follow(self._require(name).log, lines)

    def shut_down(self) -> None:
        """End supervisord and all that it runs, if it runs; return when it has ended."""
        try:
            self._call("supervisor.shutdown")
        except SupervisordNotRunning:
            return
        self._wait(lambda: not self._holds_lock(), "it is still shutting down")

    @property
    def _definitions(self) -> DefinitionFolder:
        return DefinitionFolder(self.root, SUPERVISORD)

    def _require(self, name: str) -> Definition:
        if (definition := self._definitions.read(name)) is None:
            raise ServiceNotDefined(f"{SUPERVISORD} has no service {name}", "`hero-build start APP` defines it.")
        return definition

    def _reported(self) -> dict[str, SupervisedStatus]:
        """Of all services that a running supervisord knows, in one call."""
        try:
            raw = self._call("hero_build.statuses")
        except SupervisordNotRunning:
            return {}
        return {status.name: status for status in decode_json(raw, kind=list[SupervisedStatus])}

    def _write_config(self) -> None:
        definitions = self._definitions.all()
        pid_file = self.folder / "supervisord.pid"
        programs = [(item, exec_file.write_exec(self.root, item, parent_pid_file=pid_file)) for item in definitions]
        text = supervisord_config.render(self.folder, programs)
        with machine_errors(self.folder):
            exec_file.write_file(self.folder / "supervisord.conf", text.encode())

    def _bring_up_to_date(self) -> None:
        """Have a supervisord that runs read its configuration."""
        try:
            ((added, changed, removed),) = self._call("supervisor.reloadConfig")
        except SupervisordNotRunning:
            return
        for name in (
            *changed,
            *removed,
        ):  # by an interrupted or an older hero-build
            self._remove(service_name(name))
        for name in (*added, *changed):
            self._call("supervisor.addProcessGroup", name)

    def _stop_and_wait(self, name: str, stop_timeout: float) -> None:
        """Without the lock: other services are started and stopped meanwhile."""
        if name in self._reported():
            with suppress(ServiceNotDefined):  # forgotten meanwhile
                self._call("hero_build.stop", file_name(name))
                self._wait(lambda: self._is_down(name), f"{name} does not stop", stop_timeout)

    def _remove(self, name: str) -> None:
        """Remove a service from a supervisord that runs; one that was started meanwhile is stopped."""
        while name in self._reported():
            self._stop_and_wait(name, 0)
            try:
                self._call("supervisor.removeProcessGroup", file_name(name))
            except RpcError:
                if self._is_down(name):
                    raise

    def _is_down(self, name: str) -> bool:
        status = self._reported().get(name)
        if status is not None and status.is_running:  # another command has started it
            self._call("hero_build.stop", file_name(name))
        return status is None or not (status.pid or status.is_changing)

    def _ensure_running(self, name: str) -> None:
        """Have a supervisord that knows this service."""
        with self._changing():
            self._require(name)
            try:
                self._call("supervisor.getState")
            except SupervisordNotRunning:
                self._wait(lambda: not self._holds_lock(), "it is still shutting down")
                self._write_config()
                self._run_daemon()

    def _run_daemon(self) -> None:
        """It becomes a daemon once it listens: the command that starts it ends then."""
        command = [*packed.python("supervisor.supervisord"), "-c", "supervisord.conf"]
        env = {name: os.environ[name] for name in _KEPT if name in os.environ}
        result = process.run(command, cwd=self.folder, env=env)
        if result.code:
            errors = [line for line in result.tail if line.startswith("Error: ")]
            reason = errors[-1] if errors else f"it ended with {result.code}"
            hint = f"Its log is {self.folder / 'supervisord.log'}."
            raise RuntimeUnreachable(f"{SUPERVISORD} does not start: {reason}", hint)

    def _holds_lock(self) -> bool:
        """Whether a supervisord of this folder runs, listening or not."""
        try:
            descriptor = os.open(self.folder / "running.lock", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            return not filelock.attempt(descriptor)
        finally:
            os.close(descriptor)

    def _changing(self) -> AbstractContextManager[None]:
        return self._definitions.changing(self.timeouts.change)

    def _wait(self, done: Callable[[], bool], problem: str, seconds: float = 0.0) -> None:
        end = time.monotonic() + seconds + self.timeouts.change
        while not done():
            if time.monotonic() >= end:
                raise NotHealthy(f"{SUPERVISORD}: {problem}", f"Its log is {self.folder / 'supervisord.log'}.")
            time.sleep(self.timeouts.poll)

    def _call(self, method: str, *arguments: str | bool) -> Any:
        return supervisord_client.call(self.socket, method, *arguments, seconds=self.timeouts.call)

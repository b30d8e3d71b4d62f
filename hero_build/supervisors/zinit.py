"""zinit 0.3.9 as a supervisor.

What it does differently from what its names say, as measured (see zinit_entries, too):
- Each start of zinit starts all its services: the shim of one that is stopped ends at once.
- A byte that is not UTF-8 closes a service's output: the service writes to a file of ours instead.
- It reports neither how often it restarted a service nor whether it will: the shim counts.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain, count
from pathlib import Path

from msgspec import Raw, Struct
from msgspec.structs import replace

from hero_build.errors import HeroBuildError, NotHealthy
from hero_build.install.layout import Root
from hero_build.model.services import Definition, SupervisedStatus
from hero_build.supervisors import exec_file, log_files, rpc, socket_client
from hero_build.supervisors.definitions import DefinitionFolder
from hero_build.supervisors.protocol import ZINIT, ServiceNotDefined, Timeouts
from hero_build.supervisors.rpc import RpcError
from hero_build.supervisors.socket_client import RpcClient
from hero_build.supervisors.zinit_entries import ZinitConfig, ZinitEntries, ZinitEntry, zinit_config, zinit_name
from hero_build.supervisors.zinit_status import ZinitStatus, own_status, supervised_status


class AddedService(Struct, frozen=True):
    """The result of `service.set`."""

    path: str | None = None


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
        own = {entry.name for entry in self._entries.all()}
        return (*self._definitions.names(), *sorted(name for name in self._known() if name not in own))

    def definition(self, name: str) -> Definition | None:
        return self._definitions.read(name)

    def define(self, definition: Definition) -> None:
        if self._definitions.read(definition.name) not in (None, definition):
            self._stop_and_wait(definition.name)
        with self._definitions.changing(self.timeouts.change):
            self._write_exec(definition)
            self._definitions.write(definition)

    def forget(self, name: str) -> None:
        while self._definitions.read(name) is not None:
            self._stop_and_wait(name)
            with self._definitions.changing(self.timeouts.change):
                if self._definitions.read(name) is not None and self._is_down(name):  # else it was started again
                    self._retire(name)
                    self._definitions.remove(name)
                    exec_file.remove_exec(self.root, name)

    def start(self, name: str) -> None:
        definition = self._definitions.read(name)
        if definition is None:
            self._request("service.start", self._foreign(name))
            return
        rotate_logs(self.root)
        with self._definitions.changing(self.timeouts.change):
            entry, config = self._entry(name), zinit_config(definition, self._write_exec(definition))
            if entry and not exec_file.is_held(self.root, name) and self.status(name).is_running:
                return
            self._release(name)
            if entry and entry.config == config:
                self._request("service.restart", entry.name)  # this also forgets failures
                return
            self._retire(name)
            self._add(name, config)

    def stop(self, name: str) -> None:
        entry = self._entry(name)
        if self._definitions.read(name) is None:
            self._request("service.stop", self._foreign(name))
        elif entry:
            exec_file.hold(self.root, name, held=True)
            self._request("service.stop", entry.name)

    def restart(self, name: str) -> None:
        if self._definitions.read(name) is None:
            self._request("service.restart", self._foreign(name))
            return
        with self._definitions.changing(self.timeouts.change):
            entry = self._entry(name)
            runs = entry is not None and self.status(name).is_running
            if entry and runs:
                self._release(name)
                self._request("service.restart", entry.name)
        if not runs:
            self.start(name)

    def status(self, name: str) -> SupervisedStatus:
        definition, entry = self._definitions.read(name), self._entry(name)
        if definition is not None and entry is None:
            return SupervisedStatus(name=name, state="stopped")
        status = supervised_status(name, self._status(entry.name if entry else self._foreign(name)))
        if definition is None:
            return status
        if exec_file.is_held(self.root, name) and not status.pid:
            return replace(status, state="stopped", reason="")
        return own_status(status, definition, exec_file.starts(self.root, name))

    def statuses(self) -> dict[str, SupervisedStatus]:
        read: dict[str, SupervisedStatus] = {}
        for name in self.services():
            with suppress(ServiceNotDefined):  # forgotten meanwhile
                read[name] = self.status(name)
        return read

    def logs(self, name: str, lines: int) -> tuple[str, ...]:
        definition = self._definitions.read(name)
        if definition is not None:
            return log_files.last_lines(definition.log, lines)
        raw = self._call("logs.get", {"name": self._foreign(name), "lines": max(lines, 0)}, self.timeouts.call)
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

    @property
    def _entries(self) -> ZinitEntries:
        return ZinitEntries(self.root)

    def _known(self) -> tuple[str, ...]:
        return rpc.decode_services(self._call("service.list", {}, self.timeouts.call), self._client.peer)

    def _entry(self, name: str) -> ZinitEntry | None:
        """The service in zinit, if it is there: a zinit of another folder does not have it."""
        entry = self._entries.of(name)
        return entry if entry and entry.name in self._known() else None

    def _foreign(self, name: str) -> str:
        """The name, if it is that of a service that hero-build did not define. Raises ServiceNotDefined."""
        if any(entry.name == name for entry in self._entries.all()):  # a retired one
            raise ServiceNotDefined(f"{ZINIT} has no service {name}", "`hero-build start APP` defines it.")
        return name

    def _status(self, name: str) -> ZinitStatus:
        """Of the service that zinit has under this name."""
        raw = self._call("service.status_full", {"name": name}, self.timeouts.call)
        return rpc.decode(raw, ZinitStatus, peer=self._client.peer, what=f"its status of {name}")

    def _request(self, method: str, name: str) -> None:
        """Start, stop or restart a service of zinit, which rejects a stop and a restart of one that has ended until it
        has noticed that: it is asked again. Raises ServiceNotDefined.
        """
        end, before = time.monotonic() + self.timeouts.change, None
        while True:
            try:
                self._call(method, {"name": name}, self.timeouts.change)
            except RpcError:
                pid = self._status(name).state.pid
                if time.monotonic() >= end or (pid == before and not (pid and _has_ended(pid))):
                    raise
                before = pid
                time.sleep(self.timeouts.poll)
            else:
                return

    def _release(self, name: str) -> None:
        """Let its shim start the service, and count the starts anew."""
        exec_file.forget_starts(self.root, name)
        exec_file.hold(self.root, name, held=False)

    def _add(self, name: str, config: ZinitConfig) -> None:
        known, base = self._known(), zinit_name(name)
        names = chain((base,), (f"{base}.{number}" for number in count(2)))
        free = next(item for item in names if item not in known)
        named = replace(config, service=replace(config.service, name=free))
        raw = self._call("service.set", {"config": named}, self.timeouts.change)
        added = rpc.decode(raw, AddedService, peer=self._client.peer, what=f"its answer to service.set of {name}")
        self._entries.write(ZinitEntry(free, service=name, config=config, file=added.path))

    def _retire(self, name: str) -> None:
        """Delete what has ended where it is safe: the service that zinit has as its last one."""
        entry = self._entries.of(name)
        if entry is None:
            return
        known = self._known()
        if known[-1:] == (entry.name,):
            self._call("service.delete", {"name": entry.name}, self.timeouts.change)
        if known[-1:] == (entry.name,) or entry.name not in known:
            self._entries.remove(entry)
        else:
            self._entries.retire(entry)

    def _stop_and_wait(self, name: str) -> None:
        """Without the lock: other services are started and stopped meanwhile."""
        definition = self._definitions.read(name)
        with suppress(ServiceNotDefined):  # forgotten meanwhile
            seconds = definition.stop_timeout if definition else 0.0
            self._wait(lambda: self._is_down(name), f"{name} does not stop", seconds)

    def _is_down(self, name: str) -> bool:
        """Looks twice: between an end and a start that another command has asked for, zinit shows no process."""
        for _ in range(2):
            self.stop(name)
            if self.status(name).pid:
                return False
        return True

    def _write_exec(self, definition: Definition) -> tuple[str, ...]:
        return exec_file.write_exec(self.root, definition, own_log=True, count_starts=True, may_be_held=True)

    def _wait(self, done: Callable[[], bool], problem: str, seconds: float) -> None:
        end = time.monotonic() + seconds + self.timeouts.change
        while not done():
            if time.monotonic() >= end:
                raise NotHealthy(f"{ZINIT}: {problem}", "Its log says more.")
            time.sleep(self.timeouts.poll)

    def _call(self, method: str, params: dict[str, object], seconds: float) -> Raw:
        return self._client.call(method, params, seconds)


def rotate_logs(root: Root) -> None:
    """Rotate the logs that have grown, which zinit does not: at the start of a service, and regularly under `serve`."""
    definitions = DefinitionFolder(root, ZINIT)
    if not definitions.names():
        return
    with suppress(HeroBuildError), definitions.changing(0):  # else another hero-build does
        for definition in definitions.all():
            log_files.rotate_in_place(definition.log)


def _has_ended(pid: int) -> bool:
    """Whether nothing is left of the process group, which is what zinit signals."""
    try:
        os.killpg(pid, 0)
    except OSError as error:
        return isinstance(error, ProcessLookupError)
    return False

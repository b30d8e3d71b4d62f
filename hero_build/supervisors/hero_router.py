"""hero_router as a supervisor: a client of its `service.*` methods. What it runs is its own to define."""

import time
from collections.abc import Iterator
from pathlib import Path

from msgspec import Raw, Struct

from hero_build.errors import RuntimeUnreachable, Unsupported
from hero_build.model.services import Definition, SupervisedStatus
from hero_build.supervisors import router_rpc, rpc, socket_client
from hero_build.supervisors.protocol import ROUTER, ServiceNotDefined, Timeouts
from hero_build.supervisors.socket_client import RpcClient

_LINES = 1000  # that `follow` compares
_POLL = 0.5  # seconds


class HeroRouter(Struct, frozen=True):
    """A Supervisor: the hero_router that listens on `path`."""

    path: Path
    timeouts: Timeouts

    @property
    def name(self) -> str:
        return ROUTER

    def services(self) -> tuple[str, ...]:
        names, apps = self._list()
        return names or tuple(self._rows(apps))

    def definition(self, name: str) -> Definition | None:
        return None

    def define(self, definition: Definition) -> None:
        if definition.name not in self.services():
            hint = "Let hero_router define it, or name another supervisor with --supervisor."
            raise Unsupported(f"{ROUTER} has no service {definition.name} and defines its services itself", hint)

    def forget(self, name: str) -> None:
        if name in self.services():
            self.stop(name)

    def start(self, name: str) -> None:
        if self.status(name).state == "flapping":
            self.restart(name)  # which also resets it
            return
        self._request("service.start", name)

    def stop(self, name: str) -> None:
        self._request("service.stop", name)

    def restart(self, name: str) -> None:
        self._request("service.restart", name)

    def status(self, name: str) -> SupervisedStatus:
        _, apps = self._list()
        if apps:
            return self._row(name, apps)[1]
        result = self._call("service.status", {"name": name}, self.timeouts.call)
        return rpc.decode_status(result, name, self._client.peer)

    def statuses(self) -> dict[str, SupervisedStatus]:
        names, apps = self._list()
        return {name: self.status(name) for name in names} or {
            name: status for name, (_, status) in self._rows(apps).items()
        }

    def logs(self, name: str, lines: int) -> tuple[str, ...]:
        result = self._call("service.logs", {"name": self._address(name), "lines": max(lines, 1)}, self.timeouts.call)
        return router_rpc.decode_logs(result, name, self._client.peer)[-lines:] if lines > 0 else ()

    def follow(self, name: str, lines: int = 0) -> Iterator[str]:
        """It has no stream of lines: asks for the last ones again and again."""
        last = self.logs(name, _LINES)
        yield from last[len(last) - lines :] if lines else ()
        while True:
            time.sleep(_POLL)
            current = self.logs(name, _LINES)
            yield from current[_overlap(last, current) :]
            last = current

    @property
    def _client(self) -> RpcClient:
        return socket_client.router_client(self.path)

    def _call(self, method: str, params: dict[str, object], seconds: float) -> Raw:
        return self._client.call(method, params, seconds)

    def _request(self, method: str, name: str) -> None:
        """It may answer only when the service is up, or has ended: one that is on its way there takes its time."""
        address = self._address(name)
        try:
            self._call(method, {"name": address}, self.timeouts.change)
        except RuntimeUnreachable:
            if not self._is_changing(name):
                raise

    def _is_changing(self, name: str) -> bool:
        try:
            return self.status(name).is_changing
        except RuntimeUnreachable:
            return False

    def _list(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return router_rpc.decode_list(self._call("service.list", {}, self.timeouts.call), self._client.peer)

    def _rows(self, apps: tuple[str, ...]) -> dict[str, tuple[str, SupervisedStatus]]:
        """The services of these apps, each with the app it is of."""
        rows: dict[str, tuple[str, SupervisedStatus]] = {}
        for app in apps:
            result = self._call("service.status", {"name": app}, self.timeouts.call)
            rows |= {status.name: (app, status) for status in router_rpc.decode_rows(result, app, self._client.peer)}
        return rows

    def _row(self, name: str, apps: tuple[str, ...]) -> tuple[str, SupervisedStatus]:
        if (row := self._rows(apps).get(name)) is None:
            raise ServiceNotDefined(
                f"{self._client.peer} has no service {name}", "`hero-build status` lists what there is."
            )
        return row

    def _address(self, name: str) -> str:
        """How a service is named in a request: `APP/BINARY`, or `APP:INSTANCE/BINARY`, where apps have the services."""
        _, apps = self._list()
        if not apps:
            return name
        app, _ = self._row(name, apps)
        binary, _, instance = name.partition(":")
        return f"{app}:{instance}/{binary}" if instance else f"{app}/{binary}"


def _overlap(before: tuple[str, ...], now: tuple[str, ...]) -> int:
    """How many lines at the start of `now` are the last ones of `before`."""
    return next((size for size in range(min(len(before), len(now)), 0, -1) if before[-size:] == now[:size]), 0)

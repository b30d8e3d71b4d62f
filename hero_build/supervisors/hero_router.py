"""hero_router as a supervisor: a client of its `service.*` methods. What it runs is its own to define."""

import time
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from hero_build.errors import Unsupported
from hero_build.model.services import Definition, SupervisedStatus
from hero_build.supervisors import rpc, socket_client
from hero_build.supervisors.protocol import ROUTER, Timeouts
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
        result = self._client.call("service.list", {}, self.timeouts.call)
        return rpc.decode_services(result, self._client.peer)

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
        self._client.call("service.start", {"name": name}, self.timeouts.change)

    def stop(self, name: str) -> None:
        self._client.call("service.stop", {"name": name}, self.timeouts.change)

    def restart(self, name: str) -> None:
        self._client.call("service.restart", {"name": name}, self.timeouts.change)

    def status(self, name: str) -> SupervisedStatus:
        result = self._client.call("service.status", {"name": name}, self.timeouts.call)
        return rpc.decode_status(result, name, self._client.peer)

    def statuses(self) -> dict[str, SupervisedStatus]:
        return {name: self.status(name) for name in self.services()}

    def logs(self, name: str, lines: int) -> tuple[str, ...]:
        result = self._client.call("service.logs", {"name": name, "lines": lines}, self.timeouts.call)
        return rpc.decode_lines(result, self._client.peer)[-lines:] if lines > 0 else ()

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


def _overlap(before: tuple[str, ...], now: tuple[str, ...]) -> int:
    """How many lines at the start of `now` are the last ones of `before`."""
    return next((size for size in range(min(len(before), len(now)), 0, -1) if before[-size:] == now[:size]), 0)

"""The supervisors' clients: hero_router over HTTP, zinit by lines. Both have the same `service.*` methods."""

import os
from collections.abc import Callable
from pathlib import Path

from msgspec import Raw, Struct

from hero_build.errors import RuntimeUnreachable
from hero_build.supervisors import rpc, unix_socket
from hero_build.supervisors.protocol import ROUTER, ZINIT, ServiceStatus, Timeouts
from hero_build.supervisors.rpc import RpcPeer

Exchange = Callable[[RpcPeer, bytes, float], bytes]
"""Sends a request and returns the response, within so many seconds. Raises OSError, BadRuntimeResponse."""


class SupervisorClient(Struct, frozen=True):
    """A Supervisor behind a socket. Every call has a connection, so that none reads the rest of another's response."""

    peer: RpcPeer
    exchange: Exchange
    timeouts: Timeouts

    @property
    def name(self) -> str:
        return self.peer.name

    def services(self) -> tuple[str, ...]:
        return rpc.decode_services(self._call("service.list", None, self.timeouts.call), self.peer)

    def status(self, service: str) -> ServiceStatus:
        result = self._call("service.status", service, self.timeouts.call)
        return rpc.decode_status(result, service, self.peer)

    def start(self, service: str) -> None:
        self._call("service.start", service, self.timeouts.change)

    def stop(self, service: str) -> None:
        self._call("service.stop", service, self.timeouts.change)

    def restart(self, service: str) -> None:
        self._call("service.restart", service, self.timeouts.change)

    def _call(self, method: str, service: str | None, seconds: float) -> Raw:
        number = int.from_bytes(os.urandom(4), "big")
        try:
            raw = self.exchange(self.peer, rpc.encode_request(number, method, service), seconds)
        except OSError as error:
            reason = f"{self.peer} cannot be reached: {unix_socket.describe_error(error, seconds)}"
            raise RuntimeUnreachable(reason, f"Start {self.name} again, then `hero-build restart APP`.") from error
        return rpc.decode_result(raw, number=number, method=method, peer=self.peer)


def hero_router(path: Path, timeouts: Timeouts) -> SupervisorClient:
    """hero_router: JSON-RPC as HTTP `POST /rpc` on its service.sock."""
    return SupervisorClient(RpcPeer(ROUTER, path), _exchange_http, timeouts)


def zinit(path: Path, timeouts: Timeouts) -> SupervisorClient:
    """zinit: one line of JSON in each direction (as of zinit 0.3.9)."""
    return SupervisorClient(RpcPeer(ZINIT, path), _exchange_line, timeouts)


def _exchange_line(peer: RpcPeer, request: bytes, seconds: float) -> bytes:
    with unix_socket.connect(peer.path, seconds) as connection:
        connection.sendall(request + b"\n")
        return unix_socket.read_line(connection, rpc.MAX_BYTES)


def _exchange_http(peer: RpcPeer, request: bytes, seconds: float) -> bytes:
    """Without httpx, whose timeouts restart with every byte: a response that trickles in would never time out."""
    from http.client import HTTPConnection, HTTPException  # 20 ms

    connection = HTTPConnection("localhost")
    with unix_socket.connect(peer.path, seconds) as sock:
        connection.sock = sock
        try:
            headers = {"Content-Type": "application/json", "Connection": "close"}
            connection.request("POST", "/rpc", request, headers)
            with connection.getresponse() as response:
                body = response.read(rpc.MAX_BYTES + 1)
        except (HTTPException, ValueError) as error:
            if isinstance(error, OSError):  # RemoteDisconnected is both
                raise
            raise rpc.bad_response(peer, f"it does not answer in HTTP ({type(error).__name__})") from error
    if not 200 <= response.status < 300 and not body.lstrip().startswith(b"{"):
        raise rpc.bad_response(peer, f"it answered POST /rpc with HTTP {response.status}")
    return body

"""JSON-RPC over a Unix socket: hero_router's over HTTP, zinit's by lines."""

import os
from collections.abc import Callable
from pathlib import Path

from msgspec import Raw, Struct

from hero_build.errors import RuntimeUnreachable
from hero_build.os_errors import raise_for_machine
from hero_build.supervisors import rpc, unix_socket
from hero_build.supervisors.protocol import ROUTER, ZINIT
from hero_build.supervisors.rpc import RpcPeer


class Message(Struct, frozen=True):
    """A request, the seconds until its response is there, and how many bytes that may have."""

    request: bytes
    seconds: float
    limit: int = rpc.MAX_BYTES


Exchange = Callable[[RpcPeer, Message], bytes]
"""Sends a request and returns the response. Raises OSError, BadRuntimeResponse."""


class RpcClient(Struct, frozen=True):
    """Calls of one server. Each has a connection, so that none reads the rest of another's response.

    `not_found`: the error codes with which the server says that it has no such service.
    """

    peer: RpcPeer
    exchange: Exchange
    not_found: frozenset[int]

    def call(self, method: str, params: dict[str, object], seconds: float) -> Raw:
        """The result of one call. Raises RuntimeUnreachable, BadRuntimeResponse, RpcError, ServiceNotDefined."""
        number = int.from_bytes(os.urandom(4), "big")  # zinit's numbers have no sign
        try:
            request = Message(rpc.encode_request(number, method, params), seconds, rpc.max_bytes(method))
            raw = self.exchange(self.peer, request)
        except OSError as error:
            raise_for_machine(error)
            reason = f"{self.peer} cannot be reached: {unix_socket.describe_error(error, seconds)}"
            raise RuntimeUnreachable(reason, f"Start {self.peer.name} again, then `hero-build restart APP`.") from error
        return rpc.decode_result(raw, number=number, method=method, peer=self.peer, not_found=self.not_found)


def router_client(path: Path) -> RpcClient:
    """hero_router: JSON-RPC as HTTP `POST /rpc` on its service.sock."""
    return RpcClient(RpcPeer(ROUTER, path), _exchange_http, frozenset({-32000, -32001}))


def zinit_client(path: Path) -> RpcClient:
    """zinit: one line of JSON in each direction (as of zinit 0.3.9)."""
    return RpcClient(RpcPeer(ZINIT, path), _exchange_line, frozenset({-32000}))


def _exchange_line(peer: RpcPeer, message: Message) -> bytes:
    with unix_socket.connect(peer.path, message.seconds) as connection:
        connection.sendall(message.request + b"\n")
        return unix_socket.read_line(connection, message.limit)


def _exchange_http(peer: RpcPeer, message: Message) -> bytes:
    """A response without a success status counts if it is JSON: an error may come with one."""
    status, body = post(peer, message, path="/rpc", content_type="application/json")
    if not 200 <= status < 300 and not body.lstrip().startswith(b"{"):
        raise rpc.bad_response(peer, f"it answered POST /rpc with HTTP {status}")
    return body


def post(peer: RpcPeer, message: Message, *, path: str, content_type: str) -> tuple[int, bytes]:
    """The status and the body (cut after `limit` + 1) of one POST. Raises OSError, BadRuntimeResponse.

    Without httpx, whose timeouts restart with every byte: a response that trickles in would never time out.
    """
    from http.client import HTTPConnection, HTTPException  # 20 ms

    connection = HTTPConnection("localhost")
    with unix_socket.connect(peer.path, message.seconds) as sock:
        connection.sock = sock
        try:
            headers = {"Content-Type": content_type, "Connection": "close"}
            connection.request("POST", path, message.request, headers)
            with connection.getresponse() as response:
                return response.status, response.read(message.limit + 1)
        except (HTTPException, ValueError) as error:
            if isinstance(error, OSError):  # RemoteDisconnected is both
                raise
            raise rpc.bad_response(peer, f"it does not answer in HTTP ({type(error).__name__})") from error

"""`serve --address`: a new one-time address from the server that runs, over its Unix socket."""

from pathlib import Path

import msgspec
from msgspec import Struct

from hero_build.errors import MachineError, RuntimeUnreachable, UsageError
from hero_build.supervisors import unix_socket
from hero_build.supervisors.rpc import RpcPeer, bad_response
from hero_build.supervisors.socket_client import Message, post
from hero_build.system.decoding import decode_json

_PATH = "/cockpit/address"
_SECONDS = 10.0


class CockpitAddress(Struct, frozen=True):
    """An address that opens the cockpit once."""

    url: str


class RefusedAddress(Struct, frozen=True):
    """Why this machine cannot store one, with status 507."""

    message: str
    hint: str


def fresh_address(socket: Path) -> CockpitAddress:
    """Raises RuntimeUnreachable, BadRuntimeResponse, MachineError; UsageError where the server has no page."""
    peer = RpcPeer("hero-build serve", socket)
    try:
        status, body = post(peer, Message(b"", _SECONDS), path=_PATH, content_type="application/json")
    except OSError as error:
        reason = unix_socket.describe_error(error, _SECONDS)
        hint = "Start it: `hero-build serve --http 127.0.0.1:9470`."
        raise RuntimeUnreachable(f"no hero-build serve answers at {socket}: {reason}", hint) from error
    if status == 404:
        raise UsageError("the server that runs has no cockpit", "Start it with --http 127.0.0.1:9470.")
    try:
        if status == 507:
            refused = decode_json(body, kind=RefusedAddress)
            raise MachineError(refused.message, refused.hint)
        return decode_json(body, kind=CockpitAddress)
    except msgspec.DecodeError as error:
        raise bad_response(peer, f"it answered POST {_PATH} with HTTP {status}") from error

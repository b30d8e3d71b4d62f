"""Calls of supervisord's XML-RPC over its Unix socket."""

from pathlib import Path
from typing import Any

from hero_build.errors import RuntimeUnreachable
from hero_build.os_errors import raise_for_machine
from hero_build.supervisors import rpc, socket_client, unix_socket
from hero_build.supervisors.protocol import SUPERVISORD, ServiceNotDefined
from hero_build.supervisors.rpc import RpcError, RpcPeer
from hero_build.supervisors.socket_client import Message
from hero_build.system.plain_text import plural

_BAD_NAME = 10  # supervisor.xmlrpc.Faults


class SupervisordNotRunning(RuntimeUnreachable):
    """Nothing listens on its socket, or it ends."""


def call(socket: Path, method: str, *arguments: str | bool, seconds: float) -> Any:
    """The result of one call. Raises SupervisordNotRunning, RuntimeUnreachable, BadRuntimeResponse, ServiceNotDefined,
    all of them RuntimeFailed.
    """
    from xmlrpc import client  # 20 ms

    peer = RpcPeer(SUPERVISORD, socket)
    request = client.dumps(arguments, method).encode()
    try:
        body = _post(peer, request, seconds)
        values, _ = client.loads(body)
    except (FileNotFoundError, ConnectionError) as error:  # one that ends closes its connections
        raise SupervisordNotRunning(f"{peer} does not run", "`hero-build start` starts it.") from error
    except OSError as error:
        raise_for_machine(error)
        sentence = f"{peer} cannot be reached: {unix_socket.describe_error(error, seconds)}"
        raise RuntimeUnreachable(sentence, f"Its log is {socket.with_name('supervisord.log')}.") from error
    except client.Fault as fault:
        if fault.faultCode == _BAD_NAME:
            hint = "`hero-build start APP` defines it."
            raise ServiceNotDefined(f"{peer} has no service {arguments[0]}", hint) from fault
        raise RpcError(f"{peer} rejects {method}: {fault.faultString}", "Its log says more.") from fault
    except Exception as error:
        raise rpc.bad_response(peer, f"its response to {method} is not XML-RPC") from error
    return values[0]


def _post(peer: RpcPeer, request: bytes, seconds: float) -> bytes:
    status, body = socket_client.post(peer, Message(request, seconds), path="/RPC2", content_type="text/xml")
    if status != 200 or len(body) > rpc.MAX_BYTES:
        raise rpc.bad_response(peer, f"it answered with HTTP {status} and {plural(len(body), 'byte')}")
    return body

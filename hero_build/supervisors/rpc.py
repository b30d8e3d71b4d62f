"""JSON-RPC 2.0 messages of supervisors (jsonrpc.org/specification). A response is untrusted: its size is limited, and
one of another shape is a BadRuntimeResponse that names the field.
"""

from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from hero_build.errors import BadRuntimeResponse
from hero_build.supervisors.protocol import ServiceStatus

T = TypeVar("T")
MAX_BYTES = 1 << 20
"""The size limit of a response: a list of ten thousand services is smaller."""
_MAX_QUOTE = 200  # characters of a response that an error quotes
_SEE_LOG = "Its own log says more; fix it there, then run this again."
_CHECK_SUPERVISOR = (
    "Is it {0} that listens there, in a version that speaks JSON-RPC 2.0? Restart it, or move that socket away."
)


class RpcPeer(Struct, frozen=True):
    """A supervisor's name and socket."""

    name: str
    path: Path

    def __str__(self) -> str:
        return f"{self.name} at {self.path}"


class RpcRequest(Struct, frozen=True):
    id: int
    method: str
    params: dict[str, str]
    jsonrpc: str = "2.0"


class RpcFailure(Struct, frozen=True):
    message: str | None = None


class RpcResponse(Struct, frozen=True):
    """`result` stays undecoded: its type depends on the method. Without a result it is empty, not `null`."""

    id: object = None
    error: RpcFailure | str | None = None
    result: Raw = Raw()


class StatusResult(Struct, frozen=True):
    """The result of `service.status`. `error` and `exit_code` are only shown: any type is accepted."""

    state: str
    pid: Annotated[int, Meta(ge=0)] | None = None
    error: object = None
    exit_code: object = None


class RpcError(BadRuntimeResponse):
    """The supervisor understood the request and rejects it."""


def encode_request(number: int, method: str, service: str | None) -> bytes:
    """One line, without its newline; `service` is the `name` in the params."""
    params = {} if service is None else {"name": service}
    return msgspec.json.encode(RpcRequest(number, method, params))


def decode_result(raw: bytes, number: int, method: str, peer: RpcPeer) -> Raw:
    """The result in the response to request `number`. Raises RpcError, BadRuntimeResponse."""
    if len(raw) > MAX_BYTES:
        raise bad_response(peer, f"it answered {method} with more than {MAX_BYTES >> 20} MiB")
    if not raw:
        raise bad_response(peer, f"it closed the connection instead of answering {method}")
    response = _response(raw, method, peer)
    if response.error is not None:  # with id 0 or null if the supervisor could not read the request
        reason = response.error if isinstance(response.error, str) else response.error.message
        raise RpcError(f"{peer} rejects {method}: {_quote(reason or 'without a reason')}", _SEE_LOG.format(peer.name))
    if not response.result or isinstance(response.id, bool) or response.id != number:
        raise bad_response(peer, f"its response to {method} belongs to another request: {_quote(response.id)}")
    return response.result


def decode_services(result: Raw, peer: RpcPeer) -> tuple[str, ...]:
    """The result of `service.list`. Raises BadRuntimeResponse."""
    return _decode(result, tuple[str, ...], peer=peer, what="its list of services")


def decode_status(result: Raw, name: str, peer: RpcPeer) -> ServiceStatus:
    """The result of `service.status`. Raises BadRuntimeResponse."""
    status = _decode(result, StatusResult, peer=peer, what=f"its status of {name}")
    note = _quote(status.error) if status.error else _exit_note(status.exit_code)
    return ServiceStatus(name, pid=status.pid or 0, state=status.state.lower(), note=note)


def bad_response(peer: RpcPeer, reason: str) -> BadRuntimeResponse:
    return BadRuntimeResponse(f"{peer} sent an unexpected response: {reason}", _CHECK_SUPERVISOR.format(peer.name))


def _response(raw: bytes, method: str, peer: RpcPeer) -> RpcResponse:
    try:
        return msgspec.json.decode(raw, type=RpcResponse)
    except msgspec.ValidationError as error:
        reason = f"its response to {method} is not a JSON-RPC response: {error}"
        raise bad_response(peer, reason) from error
    except (ValueError, RecursionError) as error:
        text = _quote(raw.decode(errors="replace"))
        raise bad_response(peer, f"its response to {method} is not JSON: {text}") from error


def _decode(result: Raw, kind: type[T], peer: RpcPeer, what: str) -> T:
    try:
        return msgspec.json.decode(result, type=kind)
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        reason = str(error).replace("`$", "`$.result")  # the path from the response's root
        raise bad_response(peer, f"{what} is malformed: {_quote(reason)}") from error


def _exit_note(code: object) -> str:
    return f"it ended with {code}" if isinstance(code, int) else ""


def _quote(value: object) -> str:
    words = value if isinstance(value, str) else repr(value)
    return words if len(words) <= _MAX_QUOTE else f"{words[:_MAX_QUOTE]}…"

"""JSON-RPC 2.0 messages of supervisors (jsonrpc.org/specification). A response is untrusted: its size is limited, and
one of another shape is a BadRuntimeResponse that names the field.
"""

import time
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from hero_build.errors import BadRuntimeResponse
from hero_build.model.services import ServiceState, SupervisedStatus
from hero_build.supervisors.protocol import ServiceNotDefined
from hero_build.system.decoding import decode_json

T = TypeVar("T")
MAX_BYTES = 1 << 20
"""The size limit of a response: a list of ten thousand services is smaller."""
_MAX_LOG_BYTES = 32 << 20
"""Of lines: MAX_TAIL characters, most of which JSON may escape."""
_MAX_QUOTE = 200  # characters of a response that an error quotes
_SEE_LOG = "Its own log says more; fix it there, then run this again."
_CHECK_SUPERVISOR = (
    "Is it {0} that listens there, in a version that speaks JSON-RPC 2.0? Restart it, or move that socket away."
)


_STATES: dict[str, ServiceState] = {
    "inactive": "stopped",
    "stopped": "stopped",
    "blocked": "starting",
    "starting": "starting",
    "running": "running",
    "stopping": "stopping",
    "exited": "exited",
    "failed": "failed",
    "flapping": "flapping",
}
"""`blocked`: it waits for a service that it requires."""


class RpcPeer(Struct, frozen=True):
    """A supervisor's name and socket."""

    name: str
    path: Path

    def __str__(self) -> str:
        return f"{self.name} at {self.path}"


class RpcRequest(Struct, frozen=True):
    id: int
    method: str
    params: dict[str, object]
    jsonrpc: str = "2.0"


class RpcFailure(Struct, frozen=True):
    message: str | None = None
    code: int = 0


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
    uptime_ms: float | None = None
    restart_count: int = 0


class LinesResult(Struct, frozen=True):
    """The result of `service.logs`, as an object."""

    lines: tuple[str, ...]


class RpcError(BadRuntimeResponse):
    """The supervisor understood the request and rejects it."""


def max_bytes(method: str) -> int:
    """The size limit of a response."""
    return _MAX_LOG_BYTES if method in ("service.logs", "logs.get") else MAX_BYTES


def encode_request(number: int, method: str, params: dict[str, object]) -> bytes:
    """One line, without its newline."""
    return msgspec.json.encode(RpcRequest(number, method, params))


def decode_result(
    raw: bytes, number: int, method: str, peer: RpcPeer, *, not_found: frozenset[int] = frozenset()
) -> Raw:
    """The result in the response to request `number`. Raises RpcError, BadRuntimeResponse, and ServiceNotDefined for
    an error of these codes.
    """
    if len(raw) > (limit := max_bytes(method)):
        raise bad_response(peer, f"it answered {method} with more than {limit >> 20} MiB")
    if not raw:
        raise bad_response(peer, f"it closed the connection instead of answering {method}")
    response = _response(raw, method, peer)
    if response.error is not None:  # with id 0 or null if the supervisor could not read the request
        reason = response.error if isinstance(response.error, str) else response.error.message
        sentence = f"{peer} rejects {method}: {_quote(reason or 'without a reason')}"
        if isinstance(response.error, RpcFailure) and response.error.code in not_found:
            raise ServiceNotDefined(sentence, "`hero-build status` lists what there is.")
        raise RpcError(sentence, _SEE_LOG.format(peer.name))
    if not response.result or isinstance(response.id, bool) or response.id != number:
        raise bad_response(peer, f"its response to {method} belongs to another request: {_quote(response.id)}")
    return response.result


def decode_services(result: Raw, peer: RpcPeer) -> tuple[str, ...]:
    """The result of `service.list`. Raises BadRuntimeResponse."""
    return decode(result, tuple[str, ...], peer=peer, what="its list of services")


def decode_status(result: Raw, name: str, peer: RpcPeer) -> SupervisedStatus:
    """The result of `service.status`. Raises BadRuntimeResponse."""
    status = decode(result, StatusResult, peer=peer, what=f"its status of {name}")
    code = status.exit_code if isinstance(status.exit_code, int) else None
    return SupervisedStatus(
        name=name,
        pid=status.pid or 0,
        state=_STATES.get(status.state.lower(), "unknown"),
        since=None if status.uptime_ms is None else time.time() - status.uptime_ms / 1000,
        restarts=status.restart_count,
        exit_code=code,
        reason=_quote(status.error) if status.error else exit_reason(code, None),
    )


def decode_lines(result: Raw, peer: RpcPeer) -> tuple[str, ...]:
    """The result of `service.logs`: its lines, in an array or in an object's `lines`. Raises BadRuntimeResponse."""
    if bytes(result).lstrip().startswith(b"{"):
        return decode(result, LinesResult, peer=peer, what="its list of log lines").lines
    return decode(result, tuple[str, ...], peer=peer, what="its list of log lines")


def exit_reason(code: int | None, signal: int | None) -> str:
    """The end of a process as the end of a sentence."""
    if signal is not None:
        return f"it was ended by signal {signal}"
    return f"it ended with {code}" if code is not None else ""


def bad_response(peer: RpcPeer, reason: str) -> BadRuntimeResponse:
    return BadRuntimeResponse(f"{peer} sent an unexpected response: {reason}", _CHECK_SUPERVISOR.format(peer.name))


def _response(raw: bytes, method: str, peer: RpcPeer) -> RpcResponse:
    try:
        return decode_json(raw, kind=RpcResponse)
    except msgspec.ValidationError as error:
        reason = f"its response to {method} is not a JSON-RPC response: {error}"
        raise bad_response(peer, reason) from error
    except (ValueError, RecursionError) as error:
        text = _quote(raw.decode(errors="replace"))
        raise bad_response(peer, f"its response to {method} is not JSON: {text}") from error


def decode(result: Raw, kind: type[T], peer: RpcPeer, what: str) -> T:
    """A result of this type; `what` it is, for the error. Raises BadRuntimeResponse."""
    try:
        return decode_json(result, kind=kind)
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        reason = str(error).replace("`$", "`$.result")  # the path from the response's root
        raise bad_response(peer, f"{what} is malformed: {_quote(reason)}") from error


def _quote(value: object) -> str:
    words = value if isinstance(value, str) else repr(value)
    return words if len(words) <= _MAX_QUOTE else f"{words[:_MAX_QUOTE]}…"

"""JSON-RPC 2.0, as supervisors speak it: requests written, answers read with suspicion (jsonrpc.org/specification)."""

import json
from pathlib import Path

from msgspec import Struct

from hero_build.errors import BadRuntimeResponse
from hero_build.runtime.protocol import ServiceStatus

MAX_BYTES = 1 << 20
"""Bytes of an answer: a list of ten thousand services has fewer."""
_MAX_QUOTE = 200  # characters of somebody's words in a sentence of ours


class RpcPeer(Struct, frozen=True):
    """Who is asked, and where."""

    name: str
    path: Path

    def __str__(self) -> str:
        return f"{self.name} at {self.path}"


class RpcError(BadRuntimeResponse):
    """The supervisor understood, and will not."""


def encode_request(number: int, method: str, service: str | None) -> bytes:
    """One line, without its newline: `service` is the `name` among its params."""
    params = {} if service is None else {"name": service}
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()


def decode_result(raw: bytes, number: int, method: str, peer: RpcPeer) -> object:
    """The result in an answer to request `number`. Raises Refused, BadRuntimeResponse."""
    if len(raw) > MAX_BYTES:
        raise bad_response(peer, f"it answered {method} with more than {MAX_BYTES >> 20} MiB")
    if not raw:
        raise bad_response(peer, f"it closed the connection instead of answering {method}")
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        raise bad_response(peer, f"its answer to {method} is no JSON: {_quote(raw.decode(errors='replace'))}") from None
    if not isinstance(answer, dict):
        raise bad_response(peer, f"its answer to {method} is no JSON-RPC: {_quote(answer)}")
    if (refusal := answer.get("error")) is not None:  # its id may be 0 or null, where the request was not understood
        said = refusal.get("message") if isinstance(refusal, dict) else refusal
        raise RpcError(f"{peer} refuses {method}: {_quote(said)}", _SEE_LOG.format(peer.name))
    if "result" not in answer or isinstance(answer.get("id"), bool) or answer.get("id") != number:
        raise bad_response(peer, f"its answer to {method} belongs to another question: {_quote(answer)}")
    return answer["result"]


def decode_services(value: object, peer: RpcPeer) -> tuple[str, ...]:
    """The result of `service.list`. Raises BadRuntimeResponse."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise bad_response(peer, f"its list of services is no list of names: {_quote(value)}")
    return tuple(value)


def decode_status(value: object, name: str, peer: RpcPeer) -> ServiceStatus:
    """The result of `service.status`. Raises BadRuntimeResponse."""
    if isinstance(value, dict):
        state, pid, note = value.get("state"), value.get("pid") or 0, value.get("error")
        if isinstance(state, str) and isinstance(pid, int) and not isinstance(pid, bool) and pid >= 0:
            return ServiceStatus(
                name, pid=pid, state=state.lower(), note=_quote(note) if note else _exit_note(value.get("exit_code"))
            )
    raise bad_response(peer, f"its status of {name} has no state and pid: {_quote(value)}")


def bad_response(peer: RpcPeer, how: str) -> BadRuntimeResponse:
    return BadRuntimeResponse(f"{peer} cannot be understood: {how}", _CHECK_SUPERVISOR.format(peer.name))


_SEE_LOG = "Its own log says more; mend it there, then run this again."
_CHECK_SUPERVISOR = (
    "Is it {0} that listens there, of a version that speaks JSON-RPC 2.0? Restart it, or move that socket away."
)


def _exit_note(code: object) -> str:
    return f"it ended with {code}" if isinstance(code, int) else ""


def _quote(value: object) -> str:
    words = value if isinstance(value, str) else repr(value)
    return words if len(words) <= _MAX_QUOTE else f"{words[:_MAX_QUOTE]}…"

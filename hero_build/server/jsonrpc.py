"""JSON-RPC 2.0 (jsonrpc.org/specification): what a body holds, and what a response looks like. No I/O.

An id is kept as the text that it had, so that it comes back unchanged.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from hero_build import events
from hero_build.errors import HeroBuildError, UsageError
from hero_build.model.failure import Failure, failure
from hero_build.output.json_document import DocumentHead
from hero_build.system.decoding import decode_json

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = UsageError.rpc
INTERNAL_ERROR = HeroBuildError.rpc
MAX_BODY = 256 << 10
"""Bytes of a request's body."""
MAX_BATCH = 1000
"""Requests in a batch."""
NULL = Raw(b"null")


class RpcErrorData(DocumentHead, frozen=True):
    """The error document of `--json`; `field` is the parameter that is wrong, if one is."""

    error: Failure
    field: str | None = None


class ErrorObject(Struct, frozen=True):
    code: int
    message: str
    data: RpcErrorData | None = None


class RpcCall(Struct, frozen=True):
    """A valid request. `id` is UNSET for a notification; `params` is UNSET, an object or an array."""

    method: str
    id: Raw | UnsetType = UNSET
    params: Raw | UnsetType = UNSET


class RpcRefusal(Struct, frozen=True):
    """What is no valid request."""

    error: ErrorObject
    id: Raw = NULL


Item = RpcCall | RpcRefusal


class Batch(Struct, frozen=True):
    items: tuple[Item, ...]


class RpcFailed(Exception):
    """A call that ends with an error."""

    def __init__(self, error: ErrorObject) -> None:
        super().__init__(error.message)
        self.error = error


class _Envelope(Struct, frozen=True):
    jsonrpc: Literal["2.0"]
    method: str
    params: Raw | UnsetType = UNSET
    id: Raw | UnsetType = UNSET


class _Result(Struct, frozen=True):
    result: Raw
    id: Raw
    jsonrpc: Literal["2.0"] = "2.0"


class _Error(Struct, frozen=True):
    error: ErrorObject
    id: Raw
    jsonrpc: Literal["2.0"] = "2.0"


def parse(body: bytes) -> Item | Batch:
    """What a body asks for."""
    try:
        value = msgspec.json.decode(body)  # all of it, also what a Raw would pass over
    except RecursionError:
        return RpcRefusal(ErrorObject(PARSE_ERROR, "the body is nested too deeply"))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return RpcRefusal(ErrorObject(PARSE_ERROR, f"the body is not JSON: {error}"))
    if not isinstance(value, list):
        return _item(Raw(body))
    if not value:
        return RpcRefusal(ErrorObject(INVALID_REQUEST, "a batch has at least one request"))
    if len(value) > MAX_BATCH:
        return RpcRefusal(ErrorObject(INVALID_REQUEST, f"a batch has at most {MAX_BATCH} requests"))
    return Batch(tuple(_item(item) for item in decode_json(body, kind=list[Raw])))


def success(call_id: Raw, result: bytes) -> bytes:
    return msgspec.json.encode(_Result(Raw(result), call_id))


def refused(call_id: Raw, error: ErrorObject) -> bytes:
    return msgspec.json.encode(_Error(error, call_id))


def error_of(
    item: Failure,
    *,
    code: int,
    method: str,
    warnings: tuple[events.WarningRaised, ...] = (),
    field: str | None = None,
) -> ErrorObject:
    """An expected failure as the error of a call."""
    data = RpcErrorData(1, method, exit=item.exit, warnings=warnings, error=item, field=field)
    return ErrorObject(code, item.message, data)


def invalid_params(method: str, field: str, sentence: str) -> RpcFailed:
    """`params` that the method does not take; names the field."""
    item = failure(UsageError(f"{method}: {sentence}", "`rpc.discover` describes the parameters of each method."))
    data = RpcErrorData(1, method, exit=item.exit, warnings=(), error=item, field=field)
    return RpcFailed(ErrorObject(INVALID_PARAMS, item.message, data))


def _item(raw: Raw) -> Item:
    try:
        envelope = decode_json(raw, kind=_Envelope)
    except msgspec.ValidationError as error:
        return RpcRefusal(ErrorObject(INVALID_REQUEST, f"not a JSON-RPC 2.0 request: {error}"), _id_of(raw))
    if not _valid_id(envelope.id):
        return RpcRefusal(ErrorObject(INVALID_REQUEST, "an id is a string, a number or null"))
    if envelope.params is not UNSET and bytes(envelope.params)[:1] not in (b"{", b"["):
        sentence = "params is an object or an array"
        return RpcRefusal(ErrorObject(INVALID_REQUEST, sentence), NULL if envelope.id is UNSET else envelope.id)
    return RpcCall(envelope.method, envelope.id, envelope.params)


def _id_of(raw: Raw) -> Raw:
    """The id of an invalid request, where it has a valid one."""
    try:
        found = decode_json(raw, kind=Mapping[str, Raw]).get("id", NULL)
    except msgspec.ValidationError:
        return NULL
    return found if _valid_id(found) else NULL


def _valid_id(raw: Raw | UnsetType) -> bool:
    return raw is UNSET or bytes(raw)[:1] in b'"-0123456789' or bytes(raw) == b"null"

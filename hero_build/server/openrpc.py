"""The OpenRPC document (spec.open-rpc.org, 1.3.2) of the server, from the signatures of the handlers."""

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import NODEFAULT, Struct
from msgspec.json import schema_components
from msgspec.structs import FieldInfo, fields

from hero_build import __version__, errors
from hero_build.output.json_schema import strict
from hero_build.server.jsonrpc import RpcErrorData
from hero_build.server.methods import METHODS, Method

_REFERENCE = "#/components/schemas/{name}"
APPLICATION_ERRORS = {
    errors.NotFound.rpc: "Not found",
    errors.AmbiguousAsset.rpc: "Ambiguous, or already there",
    errors.ForgeError.rpc: "Network or authentication",
    errors.VerificationError.rpc: "Verification failed",
    errors.BuildError.rpc: "Build failed",
    errors.LockHeld.rpc: "Locked or busy",
    errors.MachineError.rpc: "This machine refuses or lacks something",
    errors.NotHealthy.rpc: "Not healthy",
    errors.RuntimeUnreachable.rpc: "The supervisor cannot be reached",
}


@functools.cache
def document() -> Mapping[str, Any]:
    """The same for every server of this version."""
    results, components = schema_components(
        [*(method.result for method in METHODS.values()), RpcErrorData], ref_template=_REFERENCE
    )
    methods = [_method(method, result) for method, result in zip(METHODS.values(), results, strict=False)]
    return {
        "openrpc": "1.3.2",
        "info": {
            "title": "hero-build",
            "description": "Installs, runs, upgrades and removes the services of Hero OS. `POST /rpc` on "
            "$HERO_SOCKET_DIR/hero_build/service.sock; docs/rpc.md describes operations, events and limits.",
            "version": __version__,
            "license": {"name": "Apache-2.0"},
        },
        "methods": methods,
        "components": {
            "schemas": {name: strict(item) for name, item in sorted(components.items())},
            "errors": {_key(code): _error(code, text) for code, text in APPLICATION_ERRORS.items()},
        },
    }


def _method(method: Method, result: Any) -> dict[str, Any]:
    named = [{"$ref": f"#/components/errors/{_key(code)}"} for code in APPLICATION_ERRORS]
    return {
        "name": method.name,
        "summary": method.summary.split("\n")[0],
        "paramStructure": "either",
        "params": list(_params(method.params)),
        "result": {"name": "result", "schema": strict(result)},
        "errors": [] if method.name.startswith("rpc.") else named,
    }


def _params(kind: type[Struct]) -> Iterator[dict[str, Any]]:
    for field in fields(kind):
        (schema,), _ = schema_components([field.type])
        default = {} if field.default is NODEFAULT else {"default": field.default}
        yield {"name": field.encode_name, "required": _required(field), "schema": {**schema, **default}}


def _required(field: FieldInfo) -> bool:
    return field.default is NODEFAULT and field.default_factory is NODEFAULT


def _error(code: int, text: str) -> dict[str, Any]:
    return {"code": code, "message": text}


def _key(code: int) -> str:
    return f"E{-code}"

"""Whether an operation of the journal can be asked for again, with the arguments that the journal has of it."""

import msgspec
from msgspec import Raw

from hero_build.server.jsonrpc import RpcFailed
from hero_build.server.methods import METHODS
from hero_build.server.params import decode
from hero_build.services.journal import Argument, Operation


def can_retry(operation: Operation) -> bool:
    """Not what commands record alone (`uninstall`), nor what the server does by itself (`resume`)."""
    method = METHODS.get(operation.method)
    if method is None or not method.changes:
        return False
    try:
        decode(method.name, Raw(msgspec.json.encode(arguments_again(operation))), method.params)
    except RpcFailed:
        return False
    return True


def arguments_again(operation: Operation) -> dict[str, Argument]:
    """The arguments of a call that asks for it again: those that were given."""
    return {name: value for name, value in operation.arguments.items() if value is not None}

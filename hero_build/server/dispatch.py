"""From the body of a request to the body of the response: finds the method, decodes, calls, encodes."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import TypeVar

import msgspec
from msgspec import UNSET, Struct, field

from hero_build import manifest
from hero_build.catalog.loader import load
from hero_build.errors import HeroBuildError
from hero_build.events import WarningRaised
from hero_build.model.failure import Failure, failure
from hero_build.model.names import nearest
from hero_build.os_errors import machine_error
from hero_build.server import jsonrpc
from hero_build.server.call import Call
from hero_build.server.jsonrpc import Batch, ErrorObject, Item, RpcCall, RpcFailed, RpcRefusal
from hero_build.server.methods import METHODS, Method
from hero_build.server.operations import Operations
from hero_build.server.params import decode
from hero_build.server.targets import known_app
from hero_build.system.bug_report import bug

T = TypeVar("T")
WHOLE_ROOT = "hero_build"
"""The app in whose name a change of all apps is recorded."""
_FIELDS = {"UsageError": "name", "UnsafeName": "version"}
"""The parameters that have a meaning beside their type, by the error that it leads to."""


class Dispatcher(Struct, frozen=True, eq=False):
    """What answers a request: `call` for the methods that read, `operations` for those that change an app."""

    call: Call
    operations: Operations
    threads: Executor
    notified: set[asyncio.Task[None]] = field(default_factory=set)
    """Notifications that are being carried out."""

    async def answer(self, body: bytes) -> bytes | None:
        """The response; None where the body has notifications only."""
        parsed = jsonrpc.parse(body)
        if not isinstance(parsed, Batch):
            return await self._item(parsed)
        answers = [await self._item(item) for item in parsed.items]
        texts = [text for text in answers if text is not None]
        return b"[" + b",".join(texts) + b"]" if texts else None

    async def result(self, method: str) -> bytes:
        """The result of a method without parameters, for the addresses beside /rpc. Raises RpcFailed."""
        return await self._result(RpcCall(method))

    async def _item(self, item: Item) -> bytes | None:
        if isinstance(item, RpcRefusal):
            return jsonrpc.refused(item.id, item.error)
        if item.id is UNSET:  # nobody waits for it
            task = asyncio.create_task(self._notified(item))
            self.notified.add(task)
            task.add_done_callback(self.notified.discard)
            return None
        try:
            return jsonrpc.success(item.id, await self._result(item))
        except RpcFailed as failed:
            return jsonrpc.refused(item.id, failed.error)

    async def _notified(self, item: RpcCall) -> None:
        with suppress(RpcFailed):  # JSON-RPC 2.0, 4.1: the client does not hear of errors
            await self._result(item)

    async def _result(self, item: RpcCall) -> bytes:
        """Every way in which a call may fail is an RpcFailed."""
        if item.method not in METHODS:
            close = nearest(item.method[:100], METHODS)
            suggestion = f"did you mean {' or '.join(close)}?" if close else "rpc.discover lists them"
            raise RpcFailed(
                ErrorObject(jsonrpc.METHOD_NOT_FOUND, f"unknown method {item.method[:100]!r}; {suggestion}")
            )
        method = METHODS[item.method]
        try:
            params = decode(item.method, item.params, method.params)
            return await (self._change(method, params) if method.changes else self._read(method, params))
        except HeroBuildError as error:
            raise RpcFailed(_error(failure(error), error.rpc, item.method)) from error
        except RpcFailed:
            raise
        except Exception as error:
            refused = machine_error(error)
            reason = failure(refused) if refused else bug(error)
            raise RpcFailed(_error(reason, refused.rpc if refused else jsonrpc.INTERNAL_ERROR, item.method)) from error

    async def _read(self, method: Method, params: Struct) -> bytes:
        return await self._in_thread(lambda: msgspec.json.encode(method.handler(params, self.call)))

    async def _change(self, method: Method, params: Struct) -> bytes:
        name: str = getattr(params, "name", "")
        app = await self._in_thread(lambda: _app(name, self.call)) if name else WHOLE_ROOT
        ending = await self.operations.run(method.name, app, params)
        if ending.failure is None:
            return bytes(ending.result)
        raise RpcFailed(_error(ending.failure, ending.code, method.name, warnings=ending.warnings))

    async def _in_thread(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.threads, function)


def _error(reason: Failure, code: int, method: str, *, warnings: tuple[WarningRaised, ...] = ()) -> jsonrpc.ErrorObject:
    return jsonrpc.error_of(reason, code=code, method=method, warnings=warnings, field=_FIELDS.get(reason.kind))


def _app(name: str, call: Call) -> str:
    return known_app(name, load(call.settings.recipes), manifest.load(call.settings.root))

"""The addresses of the server, as an ASGI application. Imported by `run` only: starlette takes 100 ms."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from hero_build import __version__
from hero_build.server import jsonrpc
from hero_build.server.dispatch import Dispatcher
from hero_build.server.jsonrpc import ErrorObject, RpcFailed

_JSON = "application/json"
_ACCEPTED = frozenset({_JSON, "application/json-rpc", "application/jsonrequest"})
_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii"})
_MANIFEST = {
    "name": "hero_build",
    "version": __version__,
    "description": "Installs, runs, upgrades and removes the services of Hero OS on this machine.",
    "protocol": "jsonrpc-2.0",
    "rpc": "/rpc",
    "openrpc": "/openrpc.json",
    "health": "/health",
    "events": "/events",
}
Answer = Callable[[Request], Awaitable[Response]]


def create_app(dispatcher: Dispatcher, *more: Route) -> Starlette:
    """`more`: addresses that only one of the listeners has."""

    async def rpc(request: Request) -> Response:
        return await _rpc(request, dispatcher)

    async def events(request: Request) -> Response:
        headers = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store"}
        if request.method == "HEAD":  # a stream without a body would never end
            return Response(headers=headers)
        return StreamingResponse(
            dispatcher.operations.hub.stream(request.headers.get("last-event-id")), headers=headers
        )

    async def about(_request: Request) -> Response:
        return Response(msgspec.json.encode(_MANIFEST), media_type=_JSON)

    routes = [
        Route("/rpc", rpc, methods=["POST"]),
        Route("/events", events, methods=["GET"]),
        Route("/openrpc.json", _result("rpc.discover", dispatcher), methods=["GET"]),
        Route("/health", _result("rpc.health", dispatcher), methods=["GET"]),
        Route("/.well-known/heroservice.json", about, methods=["GET"]),
    ]
    app = Starlette(routes=[*routes, *more])
    app.router.redirect_slashes = False  # to http://, also where a proxy has TLS
    return app


def _result(method: str, dispatcher: Dispatcher) -> Answer:
    """An address that has the result of a method."""

    async def answer(_request: Request) -> Response:
        try:
            return Response(await dispatcher.result(method), media_type=_JSON)
        except RpcFailed as failed:
            return Response(msgspec.json.encode(failed.error), status_code=500, media_type=_JSON)

    return answer


async def _rpc(request: Request, dispatcher: Dispatcher) -> Response:
    if (sentence := _refused_type(request)) is not None:
        return _refuse(415, sentence)
    body = await _body(request)
    if body is None:
        return _refuse(413, f"the body is over {jsonrpc.MAX_BODY} bytes")
    # Shielded: what was asked for is done, also where the client goes away before it has the answer.
    text = await asyncio.shield(asyncio.create_task(dispatcher.answer(body)))
    return Response(status_code=204) if text is None else Response(text, media_type=_JSON)


def _refused_type(request: Request) -> str | None:
    """Why a body of this type is not read; none named is taken for JSON."""
    kind, *parameters = request.headers.get("content-type", _JSON).lower().split(";")
    named = dict(parameter.strip().partition("=")[::2] for parameter in parameters)
    charset = named.get("charset", "").strip('"') or "utf-8"
    if kind.strip() not in _ACCEPTED:
        return f"the content type is not {_JSON}"
    if charset not in _CHARSETS or "content-encoding" in request.headers:
        return "the body is not plain UTF-8"
    return None


async def _body(request: Request) -> bytes | None:
    """The body; None where it is too large, however long it says it is."""
    length = request.headers.get("content-length", "0")
    if len(length) > 15 or int(length) > jsonrpc.MAX_BODY:
        return None
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > jsonrpc.MAX_BODY:
                return None
    except ClientDisconnect:
        return b""
    return bytes(body)


def _refuse(status: int, sentence: str) -> Response:
    text = jsonrpc.refused(jsonrpc.NULL, ErrorObject(jsonrpc.INVALID_REQUEST, sentence))
    return Response(text, status_code=status, media_type=_JSON)

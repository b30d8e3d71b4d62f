"""The applications of the two listeners: of the Unix socket, and of the page behind its gate."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hero_build.server.app import create_app
from hero_build.server.cockpit.access import CockpitAccess
from hero_build.server.cockpit.files import page_file
from hero_build.server.cockpit.gate import ASSETS, Gate
from hero_build.server.cockpit.listener import Addresses
from hero_build.server.dispatch import Dispatcher

ADDRESS_PATH = "/cockpit/address"
"""On the Unix socket: `POST` makes a new one-time address."""


class Cockpit:
    """The page's addresses, and its one-time address."""

    def __init__(self, access: CockpitAccess, addresses: Addresses) -> None:
        self._access = access
        self._addresses = addresses

    def new_address(self) -> str:
        """Raises MachineError."""
        return f"{self._addresses.url}/?token={self._access.new_token()}"

    def application(self, dispatcher: Dispatcher) -> ASGIApp:
        """For both listeners."""

        async def address(_request: Request) -> Response:
            return Response(msgspec.json.encode({"url": self.new_address()}), media_type="application/json")

        local = create_app(dispatcher, Route(ADDRESS_PATH, address, methods=["POST"]))
        page = create_app(
            dispatcher,
            Route("/", _index, methods=["GET"]),
            Route(f"{ASSETS}{{name}}", _asset, methods=["GET"]),
        )
        return _ByListener(local, Gate(page, self._access, self._addresses))


class _ByListener:
    """What comes over the Unix socket is this user's; everything else passes the gate."""

    def __init__(self, local: ASGIApp, remote: ASGIApp) -> None:
        self._local = local
        self._remote = remote

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        server = scope.get("server")
        is_unix = server is not None and server[1] is None  # uvicorn: (path, None) of a Unix socket, else (host, port)
        await (self._local if is_unix else self._remote)(scope, receive, send)


async def _index(_request: Request) -> Response:
    file = page_file("index.html")
    return Response(file.content if file else b"", media_type="text/html; charset=utf-8")


async def _asset(request: Request) -> Response:
    file = page_file(request.path_params["name"])
    if file is None:
        return Response("no such file\n", status_code=404, media_type="text/plain; charset=utf-8")
    headers = {"ETag": file.etag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)

"""The applications of the two listeners: of the Unix socket, and of the page behind its gate."""

from collections.abc import AsyncIterator

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hero_build.errors import MachineError
from hero_build.server.app import create_app
from hero_build.server.cockpit.access import CockpitAccess
from hero_build.server.cockpit.files import ASSETS, page_file, page_files
from hero_build.server.cockpit.fresh_address import CockpitAddress, RefusedAddress
from hero_build.server.cockpit.gate import Gate
from hero_build.server.cockpit.listener import Addresses
from hero_build.server.dispatch import Dispatcher
from hero_build.server.jsonrpc import RpcFailed

ADDRESS_PATH = "/cockpit/address"
"""On the Unix socket: `POST` makes a new one-time address."""
_PLACE = b"<!-- catalog -->"
_DATA = b'<script id="catalog" type="application/json">%s</script>'


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
            try:
                return _json(CockpitAddress(self.new_address()))
            except MachineError as error:
                return _json(RefusedAddress(error.message, error.hint), 507)

        async def index(_request: Request) -> Response:
            return StreamingResponse(page_with_catalog(dispatcher), media_type="text/html; charset=utf-8")

        local = create_app(dispatcher, Route(ADDRESS_PATH, address, methods=["POST"]))
        page = create_app(
            dispatcher,
            Route("/", index, methods=["GET"]),
            Route(f"{ASSETS}{{version}}/{{name}}", _asset, methods=["GET"]),
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


async def page_with_catalog(dispatcher: Dispatcher) -> AsyncIterator[bytes]:
    """The page, and after it the first catalog: a browser loads the page's files while the catalog is made.

    It is data, which no browser runs as a script (html.spec.whatwg.org, data blocks). Without it the page asks.
    """
    file = page_file("index.html")
    head, _, end = (file.content if file else b"").partition(_PLACE)
    yield head
    try:
        catalog = await dispatcher.result("catalog.list")
    except RpcFailed:
        catalog = b""
    yield _DATA % catalog.replace(b"<", b"\\u003c") + end


def _json(answer: Struct, status: int = 200) -> Response:
    return Response(msgspec.json.encode(answer), status, media_type="application/json")


async def _asset(request: Request) -> Response:
    file = page_file(request.path_params["name"])
    if file is None:
        return Response("no such file\n", status_code=404, media_type="text/plain; charset=utf-8")
    # A page that an older server has sent may ask for its own version: it gets this one, for once.
    same = request.path_params["version"] == page_files().version
    kept = {"Cache-Control": "public, max-age=31536000, immutable"} if same else {}
    return Response(file.content, media_type=file.media_type, headers=kept)

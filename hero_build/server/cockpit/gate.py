"""What every request over TCP must pass before the server looks at it.

Host: a name that another site made to resolve to this machine is refused (DNS rebinding). Origin and Sec-Fetch-Site: no
other site may ask for anything; a link to the page is a navigation, which changes nothing. Writes are JSON, which no
form can send. The session's cookie is SameSite=Strict and HttpOnly. The page may load nothing but its own files, run no
inline script, and be shown in no frame (www.w3.org/TR/CSP3).
"""

from collections.abc import Iterable
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hero_build.errors import MachineError
from hero_build.server.cockpit.access import SESSION_SECONDS, CockpitAccess, TooManyTries
from hero_build.server.cockpit.files import ASSETS, page_file
from hero_build.server.cockpit.listener import Addresses

SIGN_OUT = "/sign-out"
"""`POST` ends the session of the browser that sends it."""
_METHODS = ("GET", "HEAD", "POST")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "X-Accel-Buffering": "no",
}
_NEW_ADDRESS = "Run hero-build serve --address in a terminal on this machine and open what it prints."


class Gate:
    """An ASGI application before another one."""

    def __init__(self, app: ASGIApp, access: CockpitAccess, addresses: Addresses) -> None:
        self._app = app
        self._access = access
        self._addresses = addresses
        prefix = "__Host-" if addresses.secure else ""  # browsers bind such a cookie to this host and to TLS
        self._cookie = f"{prefix}hero_build_{addresses.port}"  # cookies of one host are shared by all of its ports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        headers = Headers(scope=scope)
        response = self._refused(scope, headers) or self._signed_in(scope, headers)
        await (response or self._app)(scope, receive, self._protected(send, self._session(headers)))

    def _protected(self, send: Send, session: str) -> Send:
        """Adds the headers, and ends a stream whose session was ended."""
        ended = False

        async def protected(message: Message) -> None:
            nonlocal ended
            if ended:
                return
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            elif message.get("more_body") and session and not self._access.knows(session):
                ended = True
                message = {"type": "http.response.body"}
            await send(message)

        return protected

    def _refused(self, scope: Scope, headers: Headers) -> Response | None:
        """Why a request is refused, from any sender."""
        host = headers.get("host", "")
        if scope["method"] not in _METHODS:
            return _plain(405, "only GET and POST are answered")
        if len(headers.getlist("host")) != 1 or not self._addresses.accepts_host(host):
            return _plain(403, "this server has another name; open the address that hero-build serve printed")
        if not all(self._addresses.accepts_origin(origin, host) for origin in headers.getlist("origin")):
            return _plain(403, "requests of other sites are refused")
        if not all(site in ("same-origin", "none") for site in headers.getlist("sec-fetch-site")) and not _opens_page(
            scope, headers
        ):
            return _plain(403, "requests of other sites are refused")
        if scope["method"] == "POST" and not _is_json(headers.getlist("content-type")):
            return _plain(415, "the content type is not application/json")
        return None

    def _signed_in(self, scope: Scope, headers: Headers) -> Response | None:
        """The answer to a one-time address, or to a request without a session."""
        reads = scope["method"] in ("GET", "HEAD")
        if reads and scope["path"].startswith(ASSETS):
            return None
        token = _token(scope) if scope["method"] == "GET" and scope["path"] == "/" else None
        if session := self._session(headers):
            if scope["method"] == "POST" and scope["path"] == SIGN_OUT:
                return self._signed_out(session)
            return _forward() if token is not None else None  # the address is left for another browser
        if token is not None:
            return self._redeem(token)
        if reads and scope["path"] == "/":
            return _page(401, "signed-out.html")
        return _plain(401, f"not signed in. {_NEW_ADDRESS}")

    def _redeem(self, token: str) -> Response:
        try:
            session = self._access.redeem(token)
        except TooManyTries as error:
            refused = _plain(429, f"{error}")
            refused.headers["Retry-After"] = str(error.seconds)
            return refused
        except MachineError as error:
            return _plain(500, f"{error.message}. The address still works.")
        if session is None:
            return _page(403, "signed-out.html")
        return self._with_cookie(_forward(), session, SESSION_SECONDS)

    def _signed_out(self, session: str) -> Response:
        try:
            self._access.end(session)
        except MachineError as error:
            return _plain(500, error.message)
        return self._with_cookie(Response(status_code=204), "", 0)

    def _with_cookie(self, response: Response, value: str, seconds: int) -> Response:
        response.set_cookie(
            self._cookie,
            value,
            max_age=seconds,
            path="/",
            secure=self._addresses.secure,
            httponly=True,
            samesite="strict",
        )
        return response

    def _session(self, headers: Headers) -> str:
        """The session of a request; empty if it has none."""
        return next((session for session in self._sessions(headers) if self._access.knows(session)), "")

    def _sessions(self, headers: Headers) -> Iterable[str]:
        """Whatever other programs of this host have stored beside it, in any form (RFC 6265, 5.4)."""
        for pair in ";".join(headers.getlist("cookie")).split(";"):
            name, equals, value = pair.partition("=")
            if equals and name.strip() == self._cookie:
                yield value.strip()


def _opens_page(scope: Scope, headers: Headers) -> bool:
    """A link to the page, opened in a window of its own."""
    navigates = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return navigates and scope["method"] == "GET" and scope["path"] == "/"


def _is_json(types: list[str]) -> bool:
    return len(types) == 1 and types[0].partition(";")[0].strip().lower() == "application/json"


def _token(scope: Scope) -> str | None:
    pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return next((value for name, value in pairs if name == "token"), None)


def _forward() -> Response:
    """To the page without the token. Not a redirect: after a link on another site a browser would follow that one
    without the new cookie, which is SameSite=Strict.
    """
    return _page(200, "signed-in.html")


def _page(status: int, name: str) -> Response:
    file = page_file(name)
    return Response(file.content if file else b"", status_code=status, media_type="text/html; charset=utf-8")


def _plain(status: int, sentence: str) -> Response:
    return Response(f"{sentence}\n", status_code=status, media_type="text/plain; charset=utf-8")

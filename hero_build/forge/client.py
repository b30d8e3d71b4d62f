"""Requests to a forge: redirects followed here, the token for its origin only, bounded responses, statuses as errors.

Every request borrows a transport of its own (workers that share one race for its connections); all share one TLS
context, made when first needed. Cookies are neither kept nor sent.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, TypeVar
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from hero_build import __version__
from hero_build.errors import BadForgeResponse, UsageError
from hero_build.forge import url_policy
from hero_build.forge.http_types import Headers, HttpRequest, HttpResponse, Transport, TransportError
from hero_build.forge.limits import Limits
from hero_build.forge.transports import Transports
from hero_build.forge.url import Url
from hero_build.settings import Secret
from hero_build.system.decoding import decode_json

if TYPE_CHECKING:
    from hero_build.forge.access_hints import Access
    from hero_build.forge.pages import Page

T = TypeVar("T")
_COMMON = {
    "User-Agent": f"hero-build/{__version__}",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Connection": "keep-alive",
}
_REDIRECTS = (301, 302, 303, 307, 308)
_HEAD_SIZE = 1 << 16  # bytes of a response of which only the status matters
_NOT_A_FORGE = "Is that a Forgejo server, of a version that this hero-build supports? Check --forge and FORGEJO_URL."
_ADDRESS = "Check the address with --forge or FORGEJO_URL; does it open in a browser?"


class ServerFacts(Struct, frozen=True):
    """How the forge itself is reached, and whether a token may travel there."""

    scheme: str
    host: str
    port: int
    netloc: str
    may_send_token: bool


class ForgeClient:
    """Safe to use from many threads. Raises NetworkError, AuthError, BadForgeResponse, and HttpNotFound for a 404;
    making one raises UsageError for an address or a token that is not valid.
    """

    def __init__(self, base: str, token: Secret | None, limits: Limits, plain_http: tuple[str, ...]) -> None:
        self._base = _base_url(base)
        self._token = _valid_token(token)
        self._limits = limits
        self._plain_http = plain_http
        self._transports = Transports(limits)
        self._idle: deque[Transport] = deque()

    @property
    def server(self) -> ServerFacts:
        base = self._base
        return ServerFacts(
            base.scheme,
            host=base.ascii_host,
            port=base.known_port,
            netloc=base.netloc,
            may_send_token=self._may_send_token(base),
        )

    def target(self, path: str) -> str:
        """What a request for `path`, as of `get`, is sent for."""
        return self._base.target.rstrip("/") + path

    def get(self, path: str, kind: type[T], what: str) -> T:
        """One attempt at a JSON response as a value of `kind`; `path` begins with `/` and is already quoted.

        Raises BadForgeResponse, which names the document (`what`) and the path of the field that does not fit.
        """
        return self._document(path, kind, what)[0]

    def get_page(self, path: str, kind: type[tuple[T, ...]], what: str) -> "Page[T]":
        """One attempt at a page of a list, as `get`; `path` names the page."""
        from hero_build.forge.pages import to_page

        items, headers = self._document(path, kind, what)
        return to_page(items, headers)

    def _document(self, path: str, kind: type[T], what: str) -> tuple[T, Headers]:
        url = str(self._base).rstrip("/") + path
        with self.response(url, {"Accept": "application/json"}, self._limits.answer) as response:
            body = self._redacted(_read_bounded(response, self._limits.document))
        try:
            return decode_json(body, kind=kind), response.headers
        except msgspec.ValidationError as error:
            raise BadForgeResponse(f"{what} has an unexpected format: {error}", _NOT_A_FORGE) from error
        except (ValueError, RecursionError) as error:
            from hero_build.forge.http_errors import answerer, quoted

            text = (
                f"{answerer(response.url)} answered {response.url.path} with something that is not JSON{quoted(body)}"
            )
            raise BadForgeResponse(text, _ADDRESS) from error

    @contextmanager
    def response(self, url: str, headers: Mapping[str, str], seconds: float) -> Iterator[HttpResponse]:
        """One attempt with GET at a response of status 2xx or 416, its body unread; redirects are followed.

        Nothing is asked with HEAD: an address that a storage has signed for GET refuses it.
        """
        asked = target = url_policy.parse_url(url, "the release")
        visited: set[str] = set()
        while True:
            if str(target) in visited or len(visited) > self._limits.redirects:
                how = "in a circle" if str(target) in visited else f"more than {self._limits.redirects} times"
                raise BadForgeResponse(f"{target.host} redirects {how}, at {target.path}", _ADDRESS)
            visited.add(str(target))
            with self._send(target, headers, seconds) as response:
                if response.status not in _REDIRECTS:
                    self._check_status(response, asked=asked)
                    yield response
                    return
                _read_head(response)
                if not (location := response.headers.get("location", "")):
                    raise BadForgeResponse(f"{target.host} redirects {target.path} and does not say where", _ADDRESS)
                target = url_policy.redirect_target(target, self._redacted(location.encode()).decode())

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _send(self, url: Url, headers: Mapping[str, str], seconds: float) -> Iterator[HttpResponse]:
        fields = {"Host": url.netloc, **_COMMON, **headers, **self._authorization(url)}
        with self._borrowed() as transport:
            try:
                response = transport.send(HttpRequest("GET", url=url, headers=fields, seconds=seconds))
            except TransportError as error:
                from hero_build.forge.http_errors import connection_error

                raise connection_error(url, error) from error
            try:
                yield response
            except TransportError as error:
                from hero_build.forge.http_errors import interrupted_error

                raise interrupted_error(url, error) from error
            finally:
                response.close()

    def _authorization(self, url: Url) -> Mapping[str, str]:
        if url.login:
            from base64 import b64encode  # only for an address that carries a login

            return {"Authorization": f"Basic {b64encode(unquote(url.login).encode()).decode()}"}
        return {"Authorization": f"token {self._token.reveal()}"} if self._token and self._may_send_token(url) else {}

    def _redacted(self, text: bytes) -> bytes:
        """What a server says may be shown, and it may say the token that it got."""
        return self._token.redact(text) if self._token else text

    def _check_status(self, response: HttpResponse, asked: Url) -> None:
        if not (response.is_success or response.status == 416):
            from hero_build.forge.http_errors import http_error

            raise http_error(
                response.status,
                headers=response.headers,
                url=response.url,
                body=self._redacted(_read_head(response)),
                access=self._access(response.url, asked),
            )
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", ""):
            text = (
                f"{response.url.host} sends {response.url.path} encoded as {encoding[:40]!r}, which was not requested"
            )
            raise BadForgeResponse(text, "Ask the operator of that server to send releases uncompressed (no gzip).")

    def _may_send_token(self, url: Url) -> bool:
        return self._is_forge(url) and url_policy.may_send_token(url, self._plain_http)

    def _is_forge(self, url: Url) -> bool:
        return url_policy.origin(url) == url_policy.origin(self._base)

    def _access(self, url: Url, asked: Url) -> "Access":
        from hero_build.forge.access_hints import Access

        return Access(
            self._base.netloc,
            authorization="none" if not self._token else "sent" if self._may_send_token(url) else "withheld",
            reached=self._reached(url, asked),
            address=f"{url.scheme}://{url.netloc}{self._base.target}".rstrip("/"),
        )

    def _reached(self, url: Url, asked: Url) -> Literal["forge", "moved", "redirect", "address"]:
        if self._is_forge(url):
            return "forge"
        if self._is_forge(asked) and url.target == asked.target:
            return "moved"
        return "address" if url == asked else "redirect"

    @contextmanager
    def _borrowed(self) -> Iterator[Transport]:
        try:
            transport = self._idle.pop()
        except IndexError:
            transport = self._transports.make()
        try:
            yield transport
        finally:
            self._idle.append(transport)


def _base_url(url: str) -> Url:
    try:
        return url_policy.parse_url(url, "the configuration")
    except BadForgeResponse as error:
        raise UsageError(f"{url!r} is not the address of a forge", "It takes https://HOST.") from error


def _valid_token(token: Secret | None) -> Secret | None:
    if token is not None and not token.valid:
        raise UsageError(
            "FORGEJO_TOKEN contains characters that are not valid in a token", "Set it again, without quotes or spaces."
        )
    return token


def _read_bounded(response: HttpResponse, limit: int) -> bytes:
    """The body of at most `limit` bytes. Raises BadForgeResponse for a longer one, without reading further."""
    body = bytearray()
    for chunk in response.chunks:
        body += chunk
        if len(body) > limit:
            text = f"{response.url.host} answered {response.url.path} with more than {limit >> 20} MiB"
            raise BadForgeResponse(text, _ADDRESS)
    return bytes(body)


def _read_head(response: HttpResponse) -> bytes:
    """The first bytes of a body that is not used; a body that is read to its end keeps the connection."""
    head = bytearray()
    try:
        for chunk in response.chunks:
            head += chunk
            if len(head) > _HEAD_SIZE:
                break
    except TransportError:
        pass
    return bytes(head)

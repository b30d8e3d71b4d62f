"""Requests that write to a forge: one attempt each, on a connection of its own, never redirected.

A kept-alive connection may close at any moment, and nothing tells whether the server acted on the request: so every
request opens its own.
"""

import re
import time
from collections.abc import Iterable, Iterator
from io import FileIO

import msgspec
from msgspec import Struct

from hero_build import __version__
from hero_build.errors import AuthError, BadForgeResponse, HeroBuildError, PublicationRefused
from hero_build.forge import http_errors, url_policy
from hero_build.forge.access_hints import Access
from hero_build.forge.http_errors import connection_error, interrupted_error
from hero_build.forge.http_types import Chunk, Headers, HttpNotFound, HttpRequest, HttpResponse, TransportError
from hero_build.forge.limits import Limits
from hero_build.forge.partial_file import Progress
from hero_build.forge.transports import Transports
from hero_build.forge.url import Url
from hero_build.publish.types import ReleaseFile
from hero_build.settings import Secret

_CHUNK = 1 << 18  # bytes: small enough that a slow line sends one within the stall limit
_LARGE_CHUNK, _FAST = 1 << 20, 0.05  # bytes, once a chunk takes fewer seconds than that
_IN_BUFFERS = 8 << 20  # bytes that may be gone at once though the line is slow
_REDIRECTS = (301, 302, 303, 307, 308)
_CHECK_ADDRESS = "Check the address with --forge or FORGEJO_URL: use the one that a browser ends up at."
_USE_HTTPS = "Use https, or list that host under plain_http in cfg/hero_build.toml."
HOW_TO_AUTHORIZE = (
    "Set FORGEJO_TOKEN to a token with write access to the repository (write:repository; write:package for packages); "
    "in a workflow: `FORGEJO_TOKEN: ${{ github.token }}`."
)
_WRITE_ACCESS = (
    "The token in FORGEJO_TOKEN needs write access there (write:repository; write:package for packages). "
    "A workflow's own token may write to its own repository only, and with `permissions: contents: write`."
)
_RAISE_LIMIT = (
    "Ask the forge's administrator to allow larger files (FILE_MAX_SIZE of [repository.release], in older servers "
    "MAX_SIZE of [attachment]; a proxy before the server may have a limit, too)."
)
_RAISE_QUOTA = "Ask the forge's administrator to raise the limit that the message names ([packages] or [quota])."
_RERUN = "Run it again: it keeps what is uploaded and correct, and nothing but a draft is visible."
_ALLOW_TYPE = (
    "Ask the forge's administrator to allow that type of file in releases (ALLOWED_TYPES of [repository.release])."
)
_FOR_GOOD = "It will be refused each time: change what the message names, or ask the forge's administrator."
PROTECTED_TAG = (
    "Let an administrator of the repository allow this token's user to create it (Settings, Tags), or use another tag."
)
_PROTECTED = re.compile(r"\bprotected\b", re.IGNORECASE)
_QUOTA = re.compile(r"\bquota\b|\bmaximum allowed\b", re.IGNORECASE)
_FILE_TYPE = re.compile(r"\bfile\b.*\b(type|extension)\b", re.IGNORECASE)


class NameConflict(BadForgeResponse):
    """409: something of that name exists."""


class PayloadTooLarge(BadForgeResponse):
    """413, or a quota is used up."""


class WriteClient:
    """Safe to use from many threads. Every request carries the token. Raises AuthError without one, or where it would
    be sent unencrypted; NetworkError, BadForgeResponse, NameConflict, PayloadTooLarge, and HttpNotFound for a 404.
    """

    def __init__(self, base: str, token: Secret | None, limits: Limits, plain_http: tuple[str, ...]) -> None:
        self._base = url_policy.parse_url(base, "the configuration")
        self._token = token
        self._limits = limits
        self._plain_http = plain_http
        self._transports = Transports(limits)

    def send(self, method: str, path: str, document: Struct | None = None) -> bytes:
        """Send a JSON document (None: no body); the body of the response."""
        body = b"" if document is None else msgspec.json.encode(document)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        return self._send(method, path=path, headers=headers, body=(body,), seconds=self._limits.answer)

    def upload(self, method: str, path: str, file: ReleaseFile, progress: Progress) -> bytes:
        """Send a file as it is; the body of the response. Raises PublicationRefused when the file changes meanwhile."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(file.size)}
        body = FileStream(file, progress)
        return self._send(method, path=path, headers=headers, body=body, seconds=self._limits.transfer)

    def preflight(self) -> None:
        """Raises AuthError if every request would."""
        self._secret(self._base)

    def _send(self, method: str, path: str, headers: dict[str, str], body: Iterable[Chunk], seconds: float) -> bytes:
        url = Url(str(self._base).rstrip("/") + path)
        fields = {**self._common(url), **headers}
        request = HttpRequest(method, url=url, headers=fields, body=body, sending=seconds)
        transport = self._transports.make()
        try:
            response = transport.send(request)
        except TransportError as error:
            raise connection_error(url, error) from error
        try:
            return self._checked_content(response, url)
        finally:
            response.close()
            transport.close()

    def _checked_content(self, response: HttpResponse, url: Url) -> bytes:
        content = self._content(response, url)
        if response.status in _REDIRECTS:
            sentence = f"{url.host} redirects {url.path}, and publishing follows no redirects"
            raise BadForgeResponse(sentence, _CHECK_ADDRESS)
        if not response.is_success:
            raise publish_error(response.status, headers=response.headers, url=url, body=content)
        return content

    def _content(self, response: HttpResponse, url: Url) -> bytes:
        content = bytearray()
        try:
            for chunk in response.chunks:
                content += chunk
                if len(content) > self._limits.document:
                    raise BadForgeResponse(f"the response of {url.host} for {url.path} is too long", _CHECK_ADDRESS)
        except TransportError as error:
            raise interrupted_error(url, error) from error
        return self._secret(url).redact(bytes(content))

    def _secret(self, url: Url) -> Secret:
        if self._token is None:
            raise AuthError("publishing needs a token, and there is none", HOW_TO_AUTHORIZE)
        if not url_policy.may_send_token(url, self._plain_http):
            raise AuthError(f"the token is not sent to {url.host} over plain http", _USE_HTTPS)
        return self._token

    def _common(self, url: Url) -> dict[str, str]:
        return {
            "Host": url.netloc,
            "User-Agent": f"hero-build/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Authorization": f"token {self._secret(url).reveal()}",
        }


class FileStream:
    """The bytes of a release file, exactly `size` of them, in chunks that share one buffer."""

    def __init__(self, file: ReleaseFile, progress: Progress) -> None:
        self._file = file
        self._progress = progress

    def __iter__(self) -> Iterator[Chunk]:
        sent = 0
        for chunk in self._chunks():
            sent += len(chunk)
            if sent > self._file.size:
                break
            yield chunk
            self._progress(len(chunk))
        if sent != self._file.size:
            raise PublicationRefused(f"{self._file.path} changed while it was uploaded", "Build it again.")

    def _chunks(self) -> Iterator[memoryview]:
        """Separate from `__iter__`, so that a disk error is not reported as a failure of the connection."""
        try:
            file = self._file.path.open("rb", buffering=0)
        except OSError as error:
            raise _unreadable(self._file, error) from error
        buffer, sent = memoryview(bytearray(_CHUNK)), 0
        with file:
            while size := self._read(file, buffer):
                begin = time.monotonic()
                yield buffer[:size]
                sent += size
                buffer = _buffer_for(buffer, sent, time.monotonic() - begin)

    def _read(self, file: FileIO, buffer: memoryview) -> int:
        try:
            return file.readinto(buffer) or 0
        except OSError as error:
            raise _unreadable(self._file, error) from error


def _buffer_for(buffer: memoryview, sent: int, seconds: float) -> memoryview:
    """The buffer for the next chunk, after one that took so many seconds: on a fast line, calls cost most."""
    size = _LARGE_CHUNK if sent >= _IN_BUFFERS and seconds < _FAST else _CHUNK
    return buffer if len(buffer) == size else memoryview(bytearray(size))


def publish_error(status: int, headers: Headers, url: Url, body: bytes) -> HeroBuildError:
    """The error for the status of a request that writes."""
    host, quote = http_errors.answerer(url), http_errors.quoted(body)
    match status:
        case 403 if _QUOTA.search(quote):  # of packages: Gitea has no other status for it
            return PayloadTooLarge(f"{host} does not take more ({status}){quote}", _RAISE_QUOTA)
        case 401 | 403:
            return AuthError(f"{host} does not let this token publish ({status}){quote}", _WRITE_ACCESS)
        case 404:
            sentence = f"{host} has no {url.path}, or not for this token (404){quote}"
            return HttpNotFound(sentence, _WRITE_ACCESS)
        case 409:
            return NameConflict(f"{host} has one of that name already (409){quote}", _RERUN)
        case 413:
            return PayloadTooLarge(f"{host} does not take a file of that size (413){quote}", _RAISE_LIMIT)
        case 400 | 422:
            return BadForgeResponse(f"{host} rejects the request ({status}){quote}", _forbidden_hint(quote))
        case 500 if _PROTECTED.search(quote):  # Gitea's answer to a release whose tag is protected
            return AuthError(f"{host} does not let this token create the tag ({status}){quote}", PROTECTED_TAG)
        case _:
            access = Access(url.host, authorization="sent")
            error = http_errors.http_error(status, headers=headers, url=url, body=body, access=access)
            error.hint = _RERUN if status >= 500 or status == 429 else error.hint
            return error


def _forbidden_hint(quote: str) -> str:
    """The hint for a request that the server refuses however often it is sent."""
    if _PROTECTED.search(quote):
        return PROTECTED_TAG
    return _ALLOW_TYPE if _FILE_TYPE.search(quote) else _FOR_GOOD


def _unreadable(file: ReleaseFile, error: OSError) -> PublicationRefused:
    return PublicationRefused(f"{file.path} cannot be read: {error.strerror}", "Build it again.")

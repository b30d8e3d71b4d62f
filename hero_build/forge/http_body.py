"""The body of an asset in a response: where it starts, how long it is, and what must not change between two ranges."""

import re
from collections.abc import Iterator

from msgspec import Struct

from hero_build.errors import BadForgeResponse
from hero_build.forge.http_types import Chunk, Headers, HttpResponse

_WHOLE = r"bytes (?:0-0|\*)/(\d{1,18})"  # compiled where a server sends a part
_RANGE = r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})"
_ROOT_URL = "Ask the operator of that forge to check its public address (ROOT_URL) and its proxy."


class HttpBody(Struct, frozen=True):
    start: int
    total: int | None
    identity: str
    response: HttpResponse

    def chunks(self) -> Iterator[Chunk]:
        return self.response.chunks


def response_body(response: HttpResponse, start: int) -> HttpBody | None:
    """The body from `start` on, or from 0 where the server sends all of it; None for another range."""
    headers, host = response.headers, response.url.host
    if response.status == 200:
        total = _content_length(headers)
        return HttpBody(0, total=total, identity=identity(headers, total), response=response)
    match = re.fullmatch(_RANGE, headers.get("content-range", "")) if response.status == 206 else None
    if match is not None:
        first, last, total = (int(number) for number in match.groups())
        if first == start and last == total - 1:
            return HttpBody(start, total=total, identity=identity(headers, total), response=response)
    if start == 0:
        raise BadForgeResponse(
            f"{host} answered {response.url.path} with the unexpected status {response.status}", _ROOT_URL
        )
    return None


def whole_size(response: HttpResponse) -> int | None:
    """Bytes of the whole file, from the response to a request for a part of it; None if it does not say."""
    if response.status == 200:
        return _content_length(response.headers)
    match = re.fullmatch(_WHOLE, response.headers.get("content-range", ""))
    return int(match[1]) if match else None


def _content_length(headers: Headers) -> int | None:
    """Bytes of the whole body; None if the headers do not say."""
    length = headers.get("content-length", "")
    return int(length[:18]) if length.isascii() and length.isdigit() and "transfer-encoding" not in headers else None


def identity(headers: Headers, total: int | None) -> str:
    """A strong ETag, else time and size: what must not change between two ranges (RFC 9110, 8.8 and 14.2)."""
    etag = headers.get("etag", "")
    if etag and not etag.startswith("W/"):
        return etag
    modified = headers.get("last-modified", "")
    return f"{modified}/{total}" if modified and total is not None else ""

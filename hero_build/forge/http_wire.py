"""HTTP/1.1 on a connected socket (RFC 9112): one request, its response, and the body in its framing.

The standard library's http.client does the same, and imports the email package and ssl for it: longer than most
requests to a forge take. So nothing here imports more than it needs, typing included.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    import io
    from collections.abc import Iterable, Mapping

    from hero_build.forge.deadline_socket import DeadlineSocket

_LINE = 1 << 16  # bytes of a status line, a header field, or the size of a chunk
_FIELDS = 100
_SHOWN = 100  # characters of a header in an error
_INTERIM = range(100, 200)
_SWITCHING = 101
_NO_BODY = (101, 204, 304)


class MalformedHttp(ValueError):
    """A response that breaks the protocol."""


class NotHttp(MalformedHttp):
    """Something that is not a response at all."""


class UnexpectedEnd(Exception):
    """The connection ended before the response did."""


def send_head(sock: "DeadlineSocket", *, method: str, target: str, fields: "Mapping[str, str]") -> None:
    """Send the head of a request. Raises OSError, and ValueError for what a header cannot carry."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    if any("\r" in line or "\n" in line for line in lines) or " " in target:
        raise ValueError("a header contains a line break")
    sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))


class WireResponse:
    """The response that comes next on a socket; `headers` has the names in small letters.

    Raises OSError, MalformedHttp and UnexpectedEnd.
    """

    def __init__(self, sock: "DeadlineSocket") -> None:
        self._stream = sock.makefile("rb")
        try:
            self._read_head()
        except BaseException:
            self._stream.close()
            raise

    def _read_head(self) -> None:
        version, self.status = _status(self._stream)
        self.headers = _headers(self._stream)
        while self.status in _INTERIM and self.status != _SWITCHING:  # any number may come (RFC 9110, 15.2)
            version, self.status = _status(self._stream)
            self.headers = _headers(self._stream)
        self.chunked = _is_chunked(self.headers)
        self.remaining = 0 if self.status in _NO_BODY else None if self.chunked else _length(self.headers)
        self.complete = self.remaining == 0
        self._framed = self.chunked or self.remaining is not None
        connection = self.headers.get("connection", "").lower()
        self._persistent = "close" not in connection if version >= "HTTP/1.1" else "keep-alive" in connection
        self._chunk_left = 0

    @property
    def reusable(self) -> bool:
        """Whether the connection serves another request: the body was read to its end, and both sides keep it."""
        return self.complete and self._framed and self._persistent

    def readinto(self, view: memoryview) -> int:
        """Fill the view with what comes next of the body; the number of bytes, 0 at its end."""
        if self.complete:
            return 0
        if self.chunked:
            return self._read_chunked(view)
        size = self._stream.readinto(view if self.remaining is None else view[: self.remaining])
        if size == 0 and self.remaining:
            raise UnexpectedEnd
        if self.remaining is not None:
            self.remaining -= size
        self.complete = size == 0 or self.remaining == 0
        return size

    def close(self) -> None:
        self._stream.close()

    def _read_chunked(self, view: memoryview) -> int:
        filled = 0
        while filled < len(view):
            if self._chunk_left == 0 and not self._next_chunk():
                break
            size = self._stream.readinto(view[filled : filled + self._chunk_left])
            if size == 0:
                raise UnexpectedEnd
            filled += size
            self._chunk_left -= size
            if self._chunk_left == 0 and self._stream.readline(_LINE) != b"\r\n":
                raise UnexpectedEnd
        return filled

    def _next_chunk(self) -> bool:
        """Read the size of the next chunk; False at the last one, whose trailer is read, too."""
        line = self._stream.readline(_LINE)
        if not line:
            raise UnexpectedEnd
        digits = line.partition(b";")[0].strip()
        if not digits or digits.strip(b"0123456789abcdefABCDEF") or len(digits) > 16:
            raise MalformedHttp("a length is not a number")
        self._chunk_left = int(digits, 16)
        if self._chunk_left == 0:
            _headers(self._stream)
            self.complete = True
        return not self.complete


def _status(stream: "io.BufferedReader") -> tuple[str, int]:
    """Version and status of a status line."""
    line = stream.readline(_LINE + 1)
    if not line:
        raise UnexpectedEnd
    version, _, rest = line.decode("latin-1").strip().partition(" ")
    status = rest.lstrip(" ")[:3]
    if not version.startswith("HTTP/1.") or not (len(status) == 3 and status.isascii() and status.isdigit()):
        raise NotHttp
    return version, int(status)


def _headers(stream: "io.BufferedReader") -> "dict[str, str]":
    headers: dict[str, str] = {}
    name = ""
    for line in _field_lines(stream):
        if line[:1] in " \t" and name:  # folded, as old servers do
            headers[name] += f" {line.strip()}"
            continue
        name, colon, value = line.partition(":")
        name = name.strip().lower() if colon else ""
        if name:
            value = value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _field_lines(stream: "io.BufferedReader") -> "Iterable[str]":
    for _ in range(_FIELDS + 1):
        line = stream.readline(_LINE + 1)
        if len(line) > _LINE:
            raise MalformedHttp("a header is too long")
        if not line:
            raise UnexpectedEnd
        if line in (b"\r\n", b"\n"):
            return
        yield line.decode("latin-1").rstrip("\r\n")
    raise MalformedHttp(f"got more than {_FIELDS} headers")


def _is_chunked(headers: "Mapping[str, str]") -> bool:
    """Whether the body comes in chunks; any other coding was not asked for (RFC 9112, 7.4)."""
    coding = headers.get("transfer-encoding", "").lower()
    if coding not in ("", "identity", "chunked"):
        raise MalformedHttp(f"its transfer encoding {coding[:_SHOWN]!r} was not requested")
    return coding == "chunked"


def _length(headers: "Mapping[str, str]") -> int | None:
    """Bytes of the body; None where it ends with the connection."""
    values = {value.strip() for value in headers.get("content-length", "").split(",")}
    if len(values) > 1:
        raise MalformedHttp("it has two lengths")
    text = values.pop()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None

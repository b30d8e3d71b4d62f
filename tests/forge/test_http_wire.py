"""HTTP/1.1 on a socket: framing, folding, limits, and which connections serve a second request."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hero_build.forge import http_wire
from hero_build.forge.deadline_socket import DeadlineSocket
from hero_build.forge.http_wire import MalformedHttp, NotHttp, UnexpectedEnd, WireResponse

OK = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def connection(*pieces: bytes) -> Iterator[DeadlineSocket]:
    """A socket on which the pieces arrive one by one, and then the end."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        for piece in pieces:
            theirs.sendall(piece)
        theirs.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    sock = DeadlineSocket(ours, 60)
    sock.set_deadline(60)
    try:
        yield sock
    finally:
        sock.close()
        thread.join(60)
        theirs.close()


def body(response: WireResponse, size: int = 64) -> bytes:
    view, content = memoryview(bytearray(size)), b""
    while length := response.readinto(view):
        content += view[:length]
    return content


def exchange(*pieces: bytes) -> tuple[WireResponse, bytes]:
    with connection(*pieces) as sock:
        response = WireResponse(sock)
        return response, body(response)


@pytest.mark.parametrize(
    ("sent", "content", "reusable"),
    [
        (OK + b"Content-Length: 5\r\n\r\nhello", b"hello", True),
        (OK + b"Content-Length: 5, 5\r\n\r\nhello", b"hello", True),
        (OK + b"Content-Length: 0\r\n\r\n", b"", True),
        (OK + b"Content-Length: 5\r\nConnection: close\r\n\r\nhello", b"hello", False),
        (OK + b"\r\nuntil the end", b"until the end", False),
        (OK + b"Content-Length: five\r\n\r\nuntil the end", b"until the end", False),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: 1\r\n\r\n", b"hello", True),
        (OK + b"Transfer-Encoding: Chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n", b"0123456789", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 5\r\n\r\nhello", b"hello", True),
        (b"HTTP/1.1 204\r\nContent-Length: 5\r\n\r\n", b"", True),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b"", True),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\nx",
            b"x",
            True,
        ),
    ],
)
@pytest.mark.parametrize("split", [False, True])
def test_where_a_body_ends(sent: bytes, content: bytes, reusable: bool, split: bool) -> None:
    pieces = [sent[index : index + 1] for index in range(len(sent))] if split else [sent]
    response, received = exchange(*pieces)
    assert received == content
    assert response.reusable is reusable


def test_a_body_longer_than_the_buffer() -> None:
    content = bytes(range(256)) * 1000
    for head, end in ((f"Content-Length: {len(content)}\r\n\r\n", b""), ("\r\n", b"")):
        assert exchange(OK + head.encode() + content + end)[1] == content
    pieces = [b"%x\r\n%b\r\n" % (100, content[start : start + 100]) for start in range(0, len(content), 100)]
    assert exchange(OK + b"Transfer-Encoding: chunked\r\n\r\n", *pieces, b"0\r\n\r\n")[1] == content


def test_a_body_that_is_not_read_to_its_end_keeps_no_connection() -> None:
    with connection(OK + b"Content-Length: 5\r\n\r\nhello") as sock:
        response = WireResponse(sock)
        assert response.readinto(memoryview(bytearray(3))) == 3
        assert not response.reusable


def test_headers_are_joined_and_unfolded() -> None:
    response, _ = exchange(OK + b"A: 1\r\nb:  two \r\n\tlines\r\nA: 3\r\nno colon\r\nContent-Length: 0\r\n\r\n")
    assert response.headers == {"a": "1, 3", "b": "two lines", "content-length": "0"}


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b"", UnexpectedEnd),
        (b"HTTP/1.1 200 OK\r\nA: ", UnexpectedEnd),
        (OK + b"Content-Length: 5\r\n\r\nhell", UnexpectedEnd),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhell", UnexpectedEnd),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", UnexpectedEnd),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello!!0\r\n\r\n", UnexpectedEnd),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n", MalformedHttp),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\n", MalformedHttp),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n\r\n", MalformedHttp),
        (OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", MalformedHttp),
        (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", MalformedHttp),
        (OK + b"A: 1\r\n" * 101 + b"\r\n", MalformedHttp),
        (OK + b"A: " + b"x" * (1 << 16) + b"\r\n\r\n", MalformedHttp),
        (b"SSH-2.0-OpenSSH_9\r\n", NotHttp),
        (b"HTTP/2.0 200 OK\r\n\r\n", NotHttp),
        (b"HTTP/1.1 2x0 OK\r\n\r\n", NotHttp),
        (b"HTTP/1.1\r\n\r\n", NotHttp),
    ],
)
def test_what_is_not_a_whole_response(sent: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        exchange(sent)


def test_a_request_on_the_wire() -> None:
    ours, theirs = socket.socketpair()
    sock = DeadlineSocket(ours, 60)
    sock.set_deadline(60)
    with ours, theirs:
        http_wire.send_head(sock, method="GET", target="/a?b=%20", fields={"Host": "h", "Accept": "*/*"})
        assert theirs.recv(1000) == b"GET /a?b=%20 HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n"
        for target, fields in (("/a b", {}), ("/", {"A": "1\r\nB: 2"}), ("/\n", {}), ("/", {"A\n": ""})):
            with pytest.raises(ValueError, match="line break"):
                http_wire.send_head(sock, method="GET", target=target, fields=fields)

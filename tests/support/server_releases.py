"""For the tests of publishing: a release as an anonymous client sees it, and a proxy that cuts connections."""

import hashlib
import json
import re
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from hero_build.publish.forgejo import ForgejoPublisher
from hero_build.publish.types import ReleaseFile, ReleaseSpec
from support.forge_server import ForgeServer
from support.processes import LONG

Make = Callable[..., ForgejoPublisher]
Pack = Callable[..., tuple[ReleaseFile, ...]]
Publish = Callable[..., ReleaseSpec]
When = Literal["before", "within", "after"]
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def seen(server: ForgeServer, repo: str, tag: str) -> dict[str, bytes] | None:
    """The files of a release as someone without a token gets them; None if the release is not visible.

    Fails where one name is there twice.
    """
    try:
        release = json.loads(_get(f"{server.url}/api/v1/repos/{repo}/releases/tags/{tag}"))
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 404:
            raise
        return None
    names = [asset["name"] for asset in release["assets"]]
    assert len(names) == len(set(names)), names
    return {asset["name"]: _get(asset["browser_download_url"]) for asset in release["assets"]}


def drafts(server: ForgeServer, repo: str, tag: str) -> list[dict[str, Any]]:
    releases = server.api("GET", f"/repos/{repo}/releases?draft=true&limit=50")
    return [item for item in releases if item["tag_name"] == tag]


def whole(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a release with all that goes with them."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    beside = {f"{name}.sha256": f"{digest}  {name}\n".encode() for name, digest in digests.items()}
    sums = "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode()
    return {**files, **beside, "SHA256SUMS": sums}


def _get(url: str) -> bytes:
    with _OPENER.open(url) as answer:
        content: bytes = answer.read()
        return content


@dataclass(frozen=True, slots=True)
class ProxyRequest:
    method: str
    path: str


class CuttingProxy:
    """Stands before a server and shows it under its own address. From the request number `cut` on it is cut off:

    before: the request does not arrive; within: half of its body does; after: it does, and its answer is lost.
    `spoil` changes the body of what matches a method and path; `fail` answers so many of what matches with a status.
    """

    def __init__(self, url: str, cut: int | None = None, when: When = "before") -> None:
        self.asked: list[ProxyRequest] = []
        self.spoil: Callable[[ProxyRequest, bytes], bytes] = lambda asked, body: body
        self.answers: Callable[[ProxyRequest], bytes | None] = lambda asked: None
        self._upstream = (urlsplit(url).hostname or "", urlsplit(url).port or 80)
        self._cut, self._when = cut, when
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def dead(self) -> bool:
        return self._cut is not None and len(self.asked) > self._cut

    def stop(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def __enter__(self) -> "CuttingProxy":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        with sock, suppress(OSError), sock.makefile("rb") as stream:
            sock.settimeout(LONG)
            self._one(sock, stream)

    def _one(self, sock: socket.socket, stream: Any) -> None:
        """One request a connection: the head says so to both sides."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            if not line:
                return
            head += line
        method, path = head.decode("latin-1").split(" ")[:2]
        asked = ProxyRequest(method, path)
        with self._lock:
            dying = self._cut is not None and len(self.asked) == self._cut
            dead = self.dead
            self.asked.append(asked)
        if dead or (dying and self._when == "before"):
            return
        if (answer := self.answers(asked)) is not None:
            sock.sendall(answer)
            return
        length = int((re.search(rb"(?i)content-length: *(\d+)", head) or [b"", b"0"])[1])
        body = stream.read(length)
        if len(body) < length:  # the client is gone; the server would wait for the rest, with its database locked
            return
        body = self.spoil(asked, body)
        if dying and self._when == "within":
            self._forward(head, body[: length // 2], whole=False)
        else:
            answer = self._forward(head, body, whole=True)
            if not dying:
                sock.sendall(answer)

    def _forward(self, head: bytes, body: bytes, *, whole: bool) -> bytes:
        upstream = f"{self._upstream[0]}:{self._upstream[1]}".encode()
        mine = self.url.removeprefix("http://").encode()
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"host:", b"connection:"))]
        head = b"\r\n".join((lines[0], b"Host: " + upstream, b"Connection: close", *lines[1:]))
        with socket.create_connection(self._upstream, timeout=LONG) as server:
            server.sendall(head + body)
            if not whole:
                return b""
            answer = b"".join(iter(lambda: server.recv(1 << 16), b""))
        assert len(upstream) == len(mine)  # so that lengths stay right
        return answer.replace(upstream, mine)

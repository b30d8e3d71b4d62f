"""The bare work of a download or a pack, to compare with: no plan, no checks, no records, nothing imported but this.

    python -I bare.py receive FILE     FILE: lines of host, port, path, size and where to; 16 at once
    python -I bare.py write FILE       FILE: lines of source, size and where to; they come from the page cache

Each file is hashed, written and synced, and its folder once. Files of 32 MiB and more pass the page cache by.
"""

import _thread
import hashlib
import mmap
import os
import socket
import sys

_CHUNK = 1 << 20
_DIRECT = 32 << 20
_AT_ONCE = 16
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Fill = Callable[[memoryview], int]


def _receive(words: "list[str]") -> None:
    host, port, path, size, place = words
    with socket.create_connection((host, int(port))) as stream:
        stream.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += stream.recv(1)
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise OSError(head)
        _store(lambda view: stream.recv_into(view, 0, socket.MSG_WAITALL), int(size), place)


def _write(words: "list[str]") -> None:
    source, size, place = words
    with open(source, "rb", buffering=0) as file:
        _store(lambda view: file.readinto(view) or 0, int(size), place)


def _store(fill: "Fill", size: int, place: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | (os.O_DIRECT if size >= _DIRECT else 0)
    digest, descriptor = hashlib.sha256(), os.open(place, flags, 0o755)
    buffer, left = mmap.mmap(-1, _CHUNK), size
    while left:
        piece = memoryview(buffer)[: fill(memoryview(buffer)[: min(left, _CHUNK)])]
        digest.update(piece)
        os.write(descriptor, piece)
        left -= len(piece)
        if not piece:
            raise OSError(f"{place}: {left} bytes are missing")
    os.fsync(descriptor)
    os.close(descriptor)


def main() -> None:
    verb = sys.argv[1]
    with open(sys.argv[2]) as file:
        lines = file.read().splitlines()
    work = {"receive": _receive, "write": _write}[verb]
    ended = [_thread.allocate_lock() for _ in range(_AT_ONCE)]
    failed = []

    def run(number: int) -> None:
        try:
            while lines:
                work(lines.pop(0).split())
        except IndexError:  # another thread has the last one
            pass
        except OSError as error:
            failed.append(error)
        ended[number].release()

    for number, lock in enumerate(ended):
        lock.acquire()
        _thread.start_new_thread(run, (number,))
    for lock in ended:
        lock.acquire()
    if failed:
        raise failed[0]
    folder = os.open(".", os.O_RDONLY)
    os.fsync(folder)
    os._exit(0)


main()

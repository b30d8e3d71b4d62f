"""The server: how soon 200 clients have the status of an app whose services run among sixty, and its memory."""

import asyncio
import json
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench.bench import Bench
from bench.kinds import CLIENT, NETWORK, OTHER, SERVER, THREADS
from bench.measure import Command
from bench.profiles import Recorder
from bench.result import HERO, Row, Target
from bench.service_root import ServiceRoot, apps, service_root
from bench.times import mean, times, within

_CLIENTS = 200
_CALLS = 5
_LONGEST_PAUSE = 2.0  # seconds between two calls of a client: one a second on average, as a page that is open asks
_BODY = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "service.status", "params": {"name": "svc01"}}).encode()
_HEAD = b"POST /rpc HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
_REQUEST = _HEAD % len(_BODY) + _BODY


def rows(bench: Bench) -> list[Row]:
    binaries = apps(35, 25)
    with service_root(bench, binaries) as root:
        root.run("start", "@bench")
        with _serving(root.command("serve"), root) as (pid, path):
            waits = tuple(median(asyncio.run(_all(path))) for _ in range(bench.rounds))
            memory = _megabytes(pid)
        profile = _of_a_call(root, median(waits))
    title = f"`service.status` over the socket, {_CLIENTS} clients"
    note = "each client asks once a second on average, over a connection that it keeps"
    notes = (note, "its bar is the processor time of the server for a call, and what is left of the time")
    samples, resident = {HERO: waits}, {HERO: (memory,)}
    return [
        Row("serve", title=title, unit="s", samples=samples, targets=(Target(0.003),), notes=notes, profile=profile),
        Row("serve-memory", title="memory of `serve` after that", unit="MB", samples=resident, targets=(Target(60),)),
    ]


def _of_a_call(root: ServiceRoot, whole: float) -> dict[str, float]:
    """What the server takes of the processor for one call, in a run of its own; the rest of the time of a call is its
    way through the socket, and the client.
    """
    recorder = Recorder()
    with recorder.watching(root.command("serve")) as command, _serving(command, root) as (_, path):
        first = time.monotonic()
        asyncio.run(_all(path))
        last = time.monotonic()
    processor = dict(mean([times(within(recorder.notes[0], first, last))], _CLIENTS * _CALLS).processor)
    processor[SERVER] = sum(processor.pop(kind, 0.0) for kind in (SERVER, OTHER, THREADS, NETWORK))  # and its loop
    return {**processor, CLIENT: round(max(whole - sum(processor.values()), 0.0), 5)}


@contextmanager
def _serving(command: Command, root: ServiceRoot) -> Iterator[tuple[int, Path]]:
    """The process of a server that listens, and its socket."""
    path = root.sockets / "hero_build" / "service.sock"
    with subprocess.Popen(command.argv, env=command.env, cwd=command.cwd, stdout=subprocess.DEVNULL) as process:
        try:
            while not path.exists():
                time.sleep(0.02)
            yield process.pid, path
        finally:
            process.terminate()


async def _all(path: Path) -> list[float]:
    """The seconds of every call of all clients, which are connected at the same time."""
    streams = [await asyncio.open_unix_connection(path) for _ in range(_CLIENTS)]
    waits = await asyncio.gather(*(_client(*stream) for stream in streams))
    return [wait for client in waits for wait in client]


async def _client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> list[float]:
    waits = []
    for _ in range(_CALLS):
        await asyncio.sleep(random.uniform(0, _LONGEST_PAUSE))
        begin = time.perf_counter()
        writer.write(_REQUEST)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        answer = await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        waits.append(time.perf_counter() - begin)
        assert b'"running"' in answer, answer
    writer.close()
    return waits


def _megabytes(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))

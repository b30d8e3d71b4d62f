"""The process of a worker, as the event loop sees it."""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator

import msgspec
from msgspec import Struct

from hero_build.server.worker import Line, Task
from hero_build.system.decoding import decode_json

_LONGEST_LINE = 64 << 20  # bytes
_MAIN = "from hero_build.server.worker import main; main()"


class WorkerProcess(Struct, frozen=True, eq=False):
    """A worker that has been started, and waits for its task."""

    process: Process
    stdin: asyncio.StreamWriter
    stdout: asyncio.StreamReader

    @classmethod
    async def start(cls) -> "WorkerProcess":
        """It imports from where this process does. In a session of its own: Ctrl-C reaches the server alone."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            f"import sys; sys.path[:] = {sys.path!r}; {_MAIN}",
            stdin=PIPE,
            stdout=PIPE,
            limit=_LONGEST_LINE,
            start_new_session=True,
            env=dict(os.environ),
        )
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a process that was started with pipes has none")
        return cls(process, process.stdin, process.stdout)

    @property
    def pid(self) -> int:
        return self.process.pid

    async def send(self, task: Task) -> None:
        with contextlib.suppress(ConnectionError):  # it has ended, which `lines` shows
            self.stdin.write(msgspec.json.encode(task))
            await self.stdin.drain()
        self.stdin.close()

    async def lines(self) -> AsyncIterator[Line]:
        """What it reports, until its stdout ends."""
        while text := await self.stdout.readline():
            yield decode_json(text, kind=Line)

    async def wait(self) -> int:
        """The exit code; negative: the signal."""
        return await self.process.wait()

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

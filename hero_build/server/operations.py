"""Operations: each change of an app runs in a process of its own, one at a time for an app; the others wait.

An operation belongs to the server: a client that goes away ends nothing. Used in the event loop's thread only.
"""

import asyncio
import contextlib
import signal
from collections import defaultdict
from collections.abc import Callable

import msgspec
from msgspec import Raw, Struct

from hero_build.errors import HeroBuildError, LockHeld
from hero_build.install.layout import Root
from hero_build.model.failure import Failure, failure
from hero_build.os_errors import machine_error
from hero_build.server.hub import Hub
from hero_build.server.jsonrpc import INTERNAL_ERROR
from hero_build.server.worker import INTERRUPTED, Ended, Reported, Task
from hero_build.server.worker_process import WorkerProcess
from hero_build.services import journal
from hero_build.services.journal import Operation
from hero_build.settings import Settings
from hero_build.system.bug_report import bug

AT_ONCE = 4
"""Operations of different apps that run at the same time; each downloads with `-j` connections."""
MOST_QUEUED = 500
_STOPS = 10  # times a second apart that a worker is asked to stop, before it is killed


class Operations:
    """What runs and what waits."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._root = Root(settings.root)
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._current: dict[str, Operation] = {}
        self._tasks: set[asyncio.Task[Ended]] = set()
        self._workers: set[WorkerProcess] = set()
        self._stopping = False
        self.crashed = asyncio.Event()
        """Set when a worker has ended without saying how."""
        self.hub = Hub(self.current)
        self.on_end: Callable[[], None] = lambda: None
        """Called when an operation has ended, before its client gets the result."""

    def current(self) -> tuple[Operation, ...]:
        """The operations that run or wait, the oldest first."""
        return tuple(self._current.values())

    async def run(self, method: str, app: str, params: Struct) -> Ended:
        """Queue an operation and wait for its end. Raises LockHeld where too many wait."""
        if len(self._current) >= MOST_QUEUED or self._stopping:
            reason = "the server is stopping" if self._stopping else f"{MOST_QUEUED} operations are queued"
            raise LockHeld(reason, "Try again later; `GET /events` shows what runs.")
        operation = journal.new(app, method, msgspec.to_builtins(params))
        self._current[operation.id] = operation
        task = asyncio.create_task(self._take_turn(operation, Raw(msgspec.json.encode(params))))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def stop(self) -> None:
        """End everything: what waits is not started, what runs is interrupted, and leaves its app old or new."""
        self._stopping = True
        for _ in range(_STOPS):
            for worker in self._workers:
                worker.signal(signal.SIGTERM)
            if not self._tasks:
                return
            await asyncio.wait(self._tasks, timeout=1)
        for worker in self._workers:
            worker.signal(signal.SIGKILL)

    async def _take_turn(self, operation: Operation, params: Raw) -> Ended:
        try:
            ending = await self._queued(operation, params)
        finally:
            operation = self._current.pop(operation.id)
            self.on_end()
        self.hub.operation(journal.ended(operation, ending.failure, ending.generations))
        return ending

    async def _queued(self, operation: Operation, params: Raw) -> Ended:
        """Wait, then work. A worker records its own end; this does it where there was none, or where it crashed."""
        code = INTERNAL_ERROR
        try:
            noted = asyncio.create_task(self._note(operation))  # its place in the queue does not wait for the disk
            async with self._turns[operation.app], self._slots:
                await noted
                ending = INTERRUPTED if self._stopping else await self._work(operation, params)
            if isinstance(ending, Ended):
                return ending
            reason = ending
        except Exception as error:  # noqa: BLE001 - what the machine refuses (a process, the journal), and bugs
            refused = error if isinstance(error, HeroBuildError) else machine_error(error)
            reason, code = (failure(refused, operation.app), refused.rpc) if refused else (bug(error), code)
        with contextlib.suppress(HeroBuildError):
            await asyncio.to_thread(journal.record, self._root, journal.ended(self._current[operation.id], reason))
        return Ended(failure=reason, code=code)

    async def _work(self, operation: Operation, params: Raw) -> Ended | Failure:
        """How the worker ended; a Failure if it did not say."""
        worker = await WorkerProcess.start()
        self._workers.add(worker)
        try:
            operation = journal.running(operation, worker.pid)
            await self._note(operation)
            await worker.send(Task(operation, params, flags=self._flags(), token=self._token()))
            ending = await self._follow(worker, operation)
            code = await worker.wait()
        finally:
            self._workers.discard(worker)
        if ending is None:
            self.crashed.set()
        return ending or _crashed(operation, code)

    async def _follow(self, worker: WorkerProcess, operation: Operation) -> Ended | None:
        """Pass its steps on; None where it ends without saying how."""
        async for line in worker.lines():
            match line:
                case Reported(step):
                    self.hub.step(operation, step)
                case Ended():
                    return line
        return None

    async def _note(self, operation: Operation) -> None:
        """Record it, and tell all clients."""
        self._current[operation.id] = operation
        await asyncio.to_thread(journal.record, self._root, operation)
        self.hub.operation(operation)

    def _flags(self) -> dict[str, str | int | float]:
        settings = self._settings
        flags: dict[str, str | int | float] = {"root": str(settings.root), "forge": settings.forge}
        if settings.source("supervisor") == "flag":
            flags["supervisor"] = settings.supervisor
        return {**flags, "jobs": settings.jobs, "wait": settings.wait}

    def _token(self) -> str | None:
        return self._settings.token.reveal() if self._settings.token else None


def _crashed(operation: Operation, code: int) -> Failure:
    how = f"signal {-code}" if code < 0 else f"code {code}"
    message = f"the process of {operation.method} ended with {how} before it had a result"
    return Failure("Interrupted", message, "Run it again; `GET /health` shows the server.", exit=128 - min(code, 0))

"""Events for clients: numbered, kept for those who come back, sent as server-sent events (html.spec.whatwg.org, SSE).

A client that reconnects names the last number it has seen; what is still kept follows, and otherwise a snapshot. The
numbers of a server begin at its start time, so that those of an earlier server are never mistaken for its own.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Literal

import msgspec
from msgspec import Struct

from hero_build.server.progress import OperationStep
from hero_build.services import journal
from hero_build.services.journal import Operation

_KEPT = 1000
_HEARTBEAT = 15.0  # seconds


class ServerEvent(Struct, frozen=True, omit_defaults=True):
    """`operation`: one that was queued, started or ended; `step`: progress of the operation `id`; `message`: news of
    a service, such as an automatic restart.
    """

    seq: int
    time: str
    kind: Literal["operation", "step", "service"]
    app: str
    id: str = ""
    operation: Operation | None = None
    step: OperationStep | None = None
    message: str = ""


class Snapshot(Struct, frozen=True):
    """The operations that run or are queued, as of the event `seq`, and the last step of each kind of them."""

    seq: int
    operations: tuple[Operation, ...]
    steps: tuple[ServerEvent, ...] = ()


class Hub:
    """Used in the event loop's thread only. `current` gives the operations of a snapshot."""

    def __init__(self, current: Callable[[], tuple[Operation, ...]]) -> None:
        self._current = current
        self._seq = int(time.time() * 1000)
        self._events: deque[ServerEvent] = deque(maxlen=_KEPT)
        self._news = asyncio.Event()
        self._closed = False
        self._steps: dict[str, dict[tuple[str, str], ServerEvent]] = {}

    def operation(self, operation: Operation) -> None:
        if operation.state not in ("queued", "running"):
            self._steps.pop(operation.id, None)
        self._publish("operation", operation.app, id=operation.id, operation=operation)

    def step(self, operation: Operation, step: OperationStep) -> None:
        event = self._publish("step", operation.app, id=operation.id, step=step)
        self._steps.setdefault(operation.id, {})[(step.kind, step.subject)] = event

    def service(self, app: str, message: str) -> None:
        self._publish("service", app, message=message)

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        self._wake()

    async def stream(self, last: str | None) -> AsyncIterator[bytes]:
        """The stream of one client; `last` is its Last-Event-ID."""
        seen = int(last) if last and last.isascii() and last.isdecimal() and len(last) < 20 else -1
        if not self._has_all_after(seen):
            seen = self._seq
            yield self._snapshot()
        while not self._closed:
            news = self._news
            if not self._has_all_after(seen):  # a slow reader: what it misses is in a snapshot
                seen = self._seq
                yield self._snapshot()
            for event in [item for item in self._events if item.seq > seen]:
                yield _frame(event.kind, event.seq, event)
                seen = event.seq
            if news.is_set() or self._closed:
                continue
            try:
                await asyncio.wait_for(news.wait(), _HEARTBEAT)
            except TimeoutError:
                yield b": still here\n\n"

    def _snapshot(self) -> bytes:
        steps = tuple(step for steps in self._steps.values() for step in steps.values())
        return _frame("snapshot", self._seq, Snapshot(self._seq, self._current(), steps))

    def _has_all_after(self, seen: int) -> bool:
        oldest = self._events[0].seq if self._events else self._seq + 1
        return oldest - 1 <= seen <= self._seq

    def _publish(self, kind: Literal["operation", "step", "service"], app: str, **more: object) -> ServerEvent:
        self._seq += 1
        event = ServerEvent(self._seq, journal.now(), kind=kind, app=app)
        event = msgspec.structs.replace(event, **more)
        self._events.append(event)
        self._wake()
        return event

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def _frame(kind: str, seq: int, data: Struct) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (seq, kind.encode(), msgspec.json.encode(data))

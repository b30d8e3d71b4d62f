"""Events: numbered, resumable, and a snapshot where some were missed."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from hero_build.server import hub
from hero_build.server.hub import Hub
from hero_build.services import journal
from hero_build.services.journal import Operation
from support.processes import LONG

OPERATION = journal.new("db", "service.start", {"name": "db"})


def parsed(frame: bytes) -> tuple[str, int, Any]:
    fields = dict(line.split(": ", 1) for line in frame.decode().strip().splitlines())
    return fields["event"], int(fields["id"]), msgspec.json.decode(fields["data"])


async def taken(stream: AsyncIterator[bytes], count: int) -> list[tuple[str, int, Any]]:
    return [parsed(await asyncio.wait_for(anext(stream), LONG)) for _ in range(count)]


def hub_with(*operations: Operation) -> Hub:
    return Hub(lambda: operations)


def test_a_stream_begins_with_what_runs() -> None:
    async def run() -> None:
        events = hub_with(OPERATION)
        ((kind, number, data),) = await taken(events.stream(None), 1)
        assert (kind, number == data["seq"]) == ("snapshot", True)
        assert [item["id"] for item in data["operations"]] == [OPERATION.id]

    asyncio.run(run())


def test_who_comes_back_gets_what_was_missed() -> None:
    async def run() -> None:
        events = hub_with()
        stream = events.stream(None)
        ((_, start, _),) = await taken(stream, 1)
        for text in ("one", "two", "three"):
            events.service("db", text)
        seen = await taken(stream, 3)
        assert [(kind, data["message"]) for kind, _, data in seen] == [
            ("service", "one"),
            ("service", "two"),
            ("service", "three"),
        ]
        assert [number for _, number, _ in seen] == [start + 1, start + 2, start + 3]
        assert await taken(events.stream(str(start + 1)), 2) == seen[1:]

    asyncio.run(run())


@pytest.mark.parametrize("last", ["0", "-1", "x", "9" * 40, "99999999999999"])
def test_a_number_that_is_not_kept_gets_a_snapshot(last: str) -> None:
    async def run() -> None:
        events = hub_with()
        for number in range(hub._KEPT + 10):
            events.service("db", str(number))
        ((kind, _, _),) = await taken(events.stream(last), 1)
        assert kind == "snapshot"

    asyncio.run(run())


def test_a_reader_that_is_too_slow_gets_a_snapshot_and_then_what_follows() -> None:
    async def run() -> None:
        events = hub_with()
        stream = events.stream(None)
        await taken(stream, 1)
        for number in range(hub._KEPT + 10):
            events.service("db", str(number))
        ((kind, _, _),) = await taken(stream, 1)
        events.service("db", "last")
        ((_, _, data),) = await taken(stream, 1)
        assert (kind, data["message"]) == ("snapshot", "last")

    asyncio.run(run())


def test_the_end_of_the_server_ends_the_streams() -> None:
    async def run() -> None:
        events = hub_with()
        stream = events.stream(None)
        await taken(stream, 1)
        waiting = asyncio.create_task(anext(stream, None))
        await asyncio.sleep(0)
        events.close()
        assert await asyncio.wait_for(waiting, LONG) is None

    asyncio.run(run())


def test_numbers_grow_over_a_restart() -> None:
    async def run() -> None:
        first = hub_with()
        first.service("db", "one")
        ((_, number, _),) = await taken(first.stream(None), 1)
        await asyncio.sleep(0.005)
        ((_, later, _),) = await taken(hub_with().stream(str(number)), 1)
        assert later > number

    asyncio.run(run())

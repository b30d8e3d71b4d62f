"""Operations that cannot begin: reported, recorded, and the next one has its turn."""

import asyncio
import errno
import os
import threading
from pathlib import Path

import pytest
from msgspec import Raw

from hero_build import settings
from hero_build.errors import LockHeld
from hero_build.install.layout import Root
from hero_build.server import operations
from hero_build.server.operations import Operations
from hero_build.server.types import NameParams
from hero_build.server.worker import Ended
from hero_build.server.worker_process import WorkerProcess
from hero_build.services import journal
from hero_build.services.journal import Operation
from support.processes import LONG


@pytest.fixture
def site(tmp_path: Path) -> settings.Settings:
    return settings.read({"root": str(tmp_path / "hero"), "forge": "file:///nowhere"}, {})


async def no_process() -> WorkerProcess:
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def test_a_process_that_cannot_be_started(site: settings.Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WorkerProcess, "start", no_process)

    async def run() -> None:
        queue = Operations(site)
        for _ in range(2):
            ending = await queue.run("service.stop", "db", NameParams("db"))
            assert ending.failure is not None
            assert (ending.code, ending.failure.exit, queue.current()) == (-32007, 8, ())
        recorded = journal.operations(Root(site.root), "db")
        assert [item.state for item in recorded] == ["failed", "failed"]

    asyncio.run(run())


def test_a_journal_that_cannot_be_written(site: settings.Settings) -> None:
    (site.root / "var" / "hero_build").mkdir(parents=True)
    (site.root / "var" / "hero_build" / "operations").write_text("a file")

    async def run() -> None:
        ending = await Operations(site).run("service.stop", "db", NameParams("db"))
        assert ending.failure is not None
        assert (ending.code, ending.failure.kind) == (-32007, "NotWritable")

    asyncio.run(run())


def test_more_than_can_wait_are_refused(site: settings.Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "MOST_QUEUED", 1)
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def later() -> WorkerProcess:
        entered.set()
        await go_on.wait()
        return await no_process()

    monkeypatch.setattr(WorkerProcess, "start", later)

    async def run() -> None:
        queue = Operations(site)
        first = asyncio.create_task(queue.run("service.stop", "db", NameParams("db")))
        await asyncio.wait_for(entered.wait(), LONG)
        with pytest.raises(LockHeld):
            await queue.run("service.stop", "web", NameParams("web"))
        go_on.set()
        assert (await first).failure is not None
        assert queue.current() == ()

    asyncio.run(run())


def test_what_waits_when_the_server_stops_is_interrupted(
    site: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def later() -> WorkerProcess:
        entered.set()
        await go_on.wait()
        return await no_process()

    monkeypatch.setattr(WorkerProcess, "start", later)

    async def run() -> None:
        queue = Operations(site)
        tasks = [asyncio.create_task(queue.run("service.stop", "db", NameParams("db"))) for _ in range(2)]
        await asyncio.wait_for(entered.wait(), LONG)
        stopping = asyncio.create_task(queue.stop())
        await asyncio.sleep(0)
        go_on.set()
        await stopping
        endings = [await task for task in tasks]
        assert [ending.failure.kind for ending in endings if ending.failure] == ["MachineError", "Interrupted"]
        with pytest.raises(LockHeld):
            await queue.run("service.stop", "db", NameParams("db"))

    asyncio.run(run())


def test_operations_of_an_app_run_in_the_order_in_which_they_came(
    site: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the record of the first takes longer to write than that of the second."""
    second_recorded, record = threading.Event(), journal.record
    started: list[str] = []

    def slow_for_the_first(root: Root, operation: Operation) -> None:
        if operation.method == "service.stop" and operation.state == "queued":
            assert second_recorded.wait(LONG)
        record(root, operation)
        if operation.method == "service.start":
            second_recorded.set()

    async def note_start(queue: Operations, operation: Operation, params: Raw) -> Ended:
        started.append(operation.method)
        return Ended()

    monkeypatch.setattr(journal, "record", slow_for_the_first)
    monkeypatch.setattr(Operations, "_work", note_start)

    async def run() -> None:
        queue = Operations(site)
        methods = ("service.stop", "service.start")
        await asyncio.gather(*(queue.run(method, "db", NameParams("db")) for method in methods))

    asyncio.run(run())
    assert started == ["service.stop", "service.start"]

"""The journal of operations."""

import os
import subprocess
import threading
from pathlib import Path

import pytest

from hero_build.errors import LockHeld, NotWritable, UnsafeName
from hero_build.install.layout import Root
from hero_build.model.failure import Failure, failure
from hero_build.services import journal


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "hero")


def test_an_operation_is_recorded_from_its_request_to_its_end(root: Root) -> None:
    queued = journal.new("db", "service.install", {"name": "db", "reset": False})
    journal.record(root, queued)
    assert journal.operations(root, "db") == (queued,)
    running = journal.running(queued, os.getpid())
    journal.record(root, running)
    done = journal.ended(running, generations=(1, 2))
    journal.record(root, done)
    (operation,) = journal.operations(root, "db")
    assert operation == done
    assert (operation.state, operation.before, operation.after, operation.failure) == ("done", 1, 2, None)
    assert operation.created <= (operation.started or "") <= (operation.ended or "")


def test_it_keeps_the_last_32_of_each_app_newest_first(root: Root) -> None:
    items = [journal.ended(journal.new("db", "service.stop", {})) for _ in range(40)]
    for item in items:
        journal.record(root, item)
    other = journal.ended(journal.new("web", "service.stop", {}))
    journal.record(root, other)
    assert journal.operations(root, "db") == tuple(reversed(items[-32:]))
    assert journal.operations(root, "db", 5) == tuple(reversed(items[-5:]))
    assert journal.operations(root, "web") == (other,)
    assert journal.operations(root, "nothing") == ()


def test_what_a_process_did_that_is_gone_is_interrupted(root: Root) -> None:
    with subprocess.Popen(["sleep", "100"]) as child:
        running = journal.running(journal.new("db", "service.start", {}), child.pid)
        journal.record(root, running)
        assert journal.operations(root, "db")[0].state == "running"
        child.kill()
    assert journal.operations(root, "db")[0].state == "interrupted"


def test_a_failure_and_an_interrupt_are_two_things(root: Root) -> None:
    operation = journal.new("db", "service.start", {})
    held = failure(LockHeld("another hero-build is changing it", "Wait."))
    assert (journal.ended(operation, held).state, journal.ended(operation, held).failure) == ("failed", held)
    stopped = Failure("Interrupted", "the operation was stopped", "", exit=143)
    assert journal.ended(operation, stopped).state == "interrupted"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"operations": 3}', "\0" * 100])
def test_a_journal_that_cannot_be_read_counts_as_none(root: Root, text: str) -> None:
    journal.folder(root).mkdir(parents=True)
    (journal.folder(root) / "db.json").write_text(text)
    assert journal.operations(root, "db") == ()
    item = journal.ended(journal.new("db", "service.stop", {}))
    journal.record(root, item)
    assert journal.operations(root, "db") == (item,)


def test_two_that_record_at_the_same_time_lose_nothing(root: Root) -> None:
    items = [journal.ended(journal.new("db", "service.stop", {})) for _ in range(24)]
    threads = [threading.Thread(target=journal.record, args=(root, item)) for item in items]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {item.id for item in journal.operations(root, "db")} == {item.id for item in items}


def test_an_app_stays_in_the_folder(root: Root) -> None:
    with pytest.raises(UnsafeName):
        journal.record(root, journal.new("../db", "service.stop", {}))


def test_a_folder_that_cannot_be_written_is_an_error(root: Root) -> None:
    root.state.mkdir(parents=True)
    journal.folder(root).write_text("a file")
    with pytest.raises(NotWritable):
        journal.record(root, journal.new("db", "service.stop", {}))

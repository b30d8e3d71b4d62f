"""The journal's entries of commands."""

import os
from pathlib import Path

import pytest

from hero_build.errors import LockHeld, MachineError, NotHealthy
from hero_build.events import ServiceStep, silent
from hero_build.install.layout import Root
from hero_build.model.failure import failure
from hero_build.services import journal
from hero_build.services.journaled import JournaledCommand, journaled


@pytest.fixture
def root(tmp_path: Path) -> Root:
    root = Root(tmp_path / "hero")
    root.state.mkdir(parents=True)
    return root


def doing(operations: JournaledCommand, *apps: str) -> None:
    """Report that services of these apps are started."""
    emit = operations.watch(silent)
    for app in apps:
        emit(ServiceStep(f"{app}_server", "start", app))


def test_each_app_has_an_operation_that_ends_as_the_app_did(root: Root) -> None:
    reason = failure(NotHealthy("db_server did not come up", "Read its log."), "db")
    with journaled(root, "service.start", reset=True) as operations:
        doing(operations, "db", "web", "db")
        (running,) = journal.operations(root, "db")
        assert (running.state, running.pid, running.arguments) == (
            "running",
            os.getpid(),
            {"name": "db", "reset": True},
        )
        operations.end(["other"], failed=[reason], generations=(1, 2))
    (db,), (web,), (other,) = (journal.operations(root, app) for app in ("db", "web", "other"))
    assert (db.id, db.state, db.failure) == (running.id, "failed", reason)
    assert (web.state, web.failure, web.before, web.after) == ("done", None, 1, 2)
    assert (other.state, other.method, other.started) == ("done", "service.start", db.started)


def test_what_is_left_as_it_is_has_no_operation(root: Root) -> None:
    with journaled(root, "service.start") as operations:
        operations.expect(["db", "web", "other"])
        emit = operations.watch(silent)
        emit(ServiceStep("db_server", "wait", "db"))
        emit(ServiceStep("db_server", "check", "db"))
        operations.end(failed=[failure(NotHealthy("web_server is flapping", "Look."), "web")])
    assert [len(journal.operations(root, app)) for app in ("db", "web", "other")] == [0, 1, 0]


def test_a_command_that_is_refused_writes_nothing(root: Root) -> None:
    def run() -> None:
        with journaled(root, "service.stop") as operations:
            operations.expect(["db"])
            raise LockHeld("another hero-build is changing it", "Wait.")

    with pytest.raises(LockHeld):
        run()
    assert not journal.folder(root).exists()


def test_the_part_of_an_app_that_is_meant_is_its_name(root: Root) -> None:
    with journaled(root, "service.stop") as operations:
        operations.expect(["db"], {"db": "db/db_admin"})
        doing(operations, "db")
        operations.end()
    assert journal.operations(root, "db")[0].arguments == {"name": "db/db_admin"}


def test_a_failure_without_an_app_is_that_of_all(root: Root) -> None:
    with journaled(root, "service.restart") as operations:
        operations.expect(["db", "web"])
        operations.end(failed=[failure(NotHealthy("nothing answers", "Look."))])
    assert [journal.operations(root, app)[0].state for app in ("db", "web")] == ["failed", "failed"]


@pytest.mark.parametrize(
    ("error", "state", "code"),
    [
        (LockHeld("another hero-build is changing it", "Wait."), "failed", LockHeld.code),
        (KeyboardInterrupt(), "interrupted", 130),
        (MemoryError(), "failed", MachineError.code),
    ],
)
def test_what_ends_the_command_ends_its_operations(root: Root, error: BaseException, state: str, code: int) -> None:
    def run() -> None:
        with journaled(root, "service.stop") as operations:
            doing(operations, "db")
            raise error

    with pytest.raises(type(error)):
        run()
    (operation,) = journal.operations(root, "db")
    assert operation.failure is not None
    assert (operation.state, operation.failure.exit) == (state, code)


def test_a_journal_that_cannot_be_written_fails_nothing(root: Root) -> None:
    journal.folder(root).write_text("a file")
    with journaled(root, "service.stop") as operations:
        doing(operations, "db")
        operations.end()
    assert journal.folder(root).read_text() == "a file"


def test_a_file_that_cannot_be_written_leaves_the_others_to_be_written(root: Root) -> None:
    (journal.folder(root) / "db.json").mkdir(parents=True)
    with journaled(root, "service.install") as operations:
        operations.end(["app", "db", "web"])
    assert [len(journal.operations(root, app)) for app in ("app", "web")] == [1, 1]
    with pytest.raises(MachineError):
        journal.record(root, *(journal.new(app, "service.stop", {}) for app in ("db", "web")))
    assert len(journal.operations(root, "web")) == 2


def test_where_there_is_no_root_none_is_created(tmp_path: Path) -> None:
    root = Root(tmp_path / "hero")
    with journaled(root, "service.install") as operations:
        operations.end(["db"])
    assert not root.path.exists()

"""An app is installed in place of a service, and the operation is killed before the app is healthy."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from hero_build.services import journal
from support import zinit_crate, zinit_server
from support.processes import children, until
from support.rpc_server import RpcServer, serving
from support.service_world import ServiceWorld
from support.supervised import Supervised

pytestmark = zinit_crate.marks
REQUEST = {"name": "notes", "service": "notes_server"}


@pytest.fixture
def server(stack: ServiceWorld) -> Iterator[RpcServer]:
    """Of a root whose services supervisord has; a zinit runs beside it."""
    stack.service("notes")
    stack.release_of("notes", "v1", "bind-at-gate")
    with zinit_server.running(zinit_crate.binaries() / "zinit-server", stack.folder), serving(stack) as made:
        yield made


def adopt_and_kill(server: RpcServer, stack: ServiceWorld, supervisor: str) -> None:
    """Kill the operation while the app's service waits at the gate."""
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(server.error, "catalog.adopt", supervisor=supervisor, **REQUEST)
        assert until(lambda: [item.binary for item in stack.running()] == ["notes_server"] or answer.done())
        assert (stack.root.adoption.stat().st_mode & 0o777) == 0o600
        (worker,) = children(server.pid)
        os.kill(worker, signal.SIGKILL)
        assert "ended with signal 9" in answer.result()["message"]


def test_a_service_of_the_same_supervisor_runs_again_without_a_further_command(
    stack: ServiceWorld, server: RpcServer
) -> None:
    foreign = Supervised(stack.supervisor, stack.root)
    foreign.run("notes_server", env={"SECRET": "hunter2"})
    foreign.wait("notes_server", "running")
    adopt_and_kill(server, stack, "supervisord")
    assert until(lambda: not stack.root.adoption.exists())
    foreign.wait("notes_server", "running")
    assert until(lambda: foreign.executable("notes_server").endswith("/sleep"))
    assert not stack.root.path.joinpath("bin", "notes_server").exists()
    assert "interrupted" not in stack.run("gc").err
    assert until(lambda: [item.method for item in journal.operations(stack.root, "notes", 1)] == ["resume"])


def test_a_service_of_another_supervisor_is_adopted_when_it_is_tried_again(
    stack: ServiceWorld, server: RpcServer
) -> None:
    config = {"service": {"name": "notes_server", "exec": "sleep 1000"}, "lifecycle": {"restart": "on-failure"}}
    zinit_server.call(stack.folder, "service.set", {"config": config})

    def state() -> str:
        answer = zinit_server.call(stack.folder, "service.status_full", {"name": "notes_server"})
        return str(answer["state"]["state"])

    assert until(lambda: state() == "running")
    assert [(item["name"], item["supervisor"]) for item in server.result("catalog.list")["foreign"]] == [
        ("notes_server", "zinit")
    ]
    adopt_and_kill(server, stack, "zinit")
    assert until(lambda: not stack.root.adoption.exists())
    assert until(lambda: state() == "running")
    stack.open_gate("notes")
    assert server.result("catalog.adopt", supervisor="zinit", **REQUEST)["after"] == 3
    assert stack.services()["notes_server"]["version_running"] == "v1"
    assert (state(), stack.root.adoption.exists()) == ("exited", False)

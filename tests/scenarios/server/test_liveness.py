"""Services that are wanted running and are not: restarted by the server, which says so."""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from support import rpc_server
from support.processes import until
from support.rpc_server import RpcServer, serving
from support.service_world import ServiceWorld

HASTE = ("--probe-interval", "0.3")


@pytest.fixture
def server(stack: ServiceWorld) -> Iterator[RpcServer]:
    stack.service("app", patience=8.0, stop_timeout=1.0)  # one that is stopped by SIGSTOP ends by SIGKILL alone
    stack.install("app")
    with serving(stack, *HASTE) as running:
        yield running


def healthy(server: RpcServer) -> bool | None:
    (item,) = [item for item in server.result("service.list") if item["name"] == "app"]
    return bool(item["healthy"]) if item["healthy"] is not None else None


def test_a_service_that_no_longer_answers_is_restarted(stack: ServiceWorld, server: RpcServer) -> None:
    server.result("service.start", name="app")
    assert until(lambda: healthy(server) is True)
    stream = rpc_server.events(server)
    assert next(iter(stream))[0] == "snapshot"
    pid = stack.pid("app_server")
    os.kill(pid, signal.SIGSTOP)
    text = next(data["message"] for kind, _, data in stream if kind == "service")
    stream.close()
    assert text.startswith("app_server is restarted: ")
    assert until(lambda: stack.pid("app_server") not in (0, pid))
    assert until(lambda: healthy(server) is True)
    assert until(lambda: journal(stack)[-1]["state"] == "done")
    last = journal(stack)[-1]
    assert (last["method"], last["arguments"]["name"]) == ("service.restart", "app/app_server")


def test_a_restart_that_fails_is_announced_and_tried_again_later(stack: ServiceWorld, server: RpcServer) -> None:
    server.result("service.start", name="app")
    stack.release_of("app", "v2", "exit:3")
    stack.ok("install", "app")  # without a restart: what runs is still the old program
    stream = rpc_server.events(server)
    assert next(iter(stream))[0] == "snapshot"
    os.kill(stack.pid("app_server"), signal.SIGSTOP)
    texts = (data["message"] for kind, _, data in stream if kind == "service")
    assert next(texts).startswith("app_server is restarted: ")
    text = next(texts)
    stream.close()
    assert "the next attempt is in" in text
    assert "code 3" in text
    assert server.is_well()


def test_what_was_stopped_stays_stopped(stack: ServiceWorld, server: RpcServer) -> None:
    server.result("service.start", name="app")
    assert until(lambda: healthy(server) is True)
    stack.ok("stop", "app")
    assert until(lambda: healthy(server) is None)
    assert [item["method"] for item in journal(stack)] == ["service.install", "service.start", "service.stop"]
    assert not stack.running()


def test_a_boot_starts_what_was_running(stack: ServiceWorld) -> None:
    """As after a power cut: no supervisor runs any more."""
    stack.install("app")
    stack.install("other")
    stack.ok("start", "app", "other")
    stack.ok("stop", "other")
    stack.end()
    with serving(stack, *HASTE) as server:
        assert until(lambda: healthy(server) is True)
        assert [item.binary for item in stack.running()] == ["app_server"]


def journal(stack: ServiceWorld) -> list[Any]:
    text = (stack.root.state / "operations" / "app.json").read_text()
    operations: list[Any] = json.loads(text)["operations"]
    return operations

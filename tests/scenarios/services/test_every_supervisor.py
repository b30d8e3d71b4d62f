"""The way of a stack through start, upgrades, rollbacks and stop, with each of the real supervisors."""

from collections.abc import Iterator

import pytest

from support import rust_world, zinit_crate
from support.supervisor_stacks import STACKS, SupervisorStack


@pytest.fixture(
    params=[
        "supervisord",
        pytest.param("zinit", marks=zinit_crate.marks),
        "systemd",
        "user",
        "hero_router",
    ]
)
def front(request: pytest.FixtureRequest) -> Iterator[SupervisorStack]:
    with STACKS[request.param]() as made:
        yield made


def test_a_stack_is_started_upgraded_rolled_back_and_stopped(front: SupervisorStack) -> None:
    front.app("store", start_timeout=60.0)
    backoff = 30.0  # how it ended is asked before it is started again, also on a busy machine
    front.app("app", start_timeout=60.0, backoff=backoff, attributes='needs = ("store",)')
    front.ok("install", "store", "app")
    done = front.run("start", "app", "store", "--json")
    assert done.code == 0, done.err
    rows = [(item["service"], item["result"]) for item in done.document["services"]]
    assert rows == [("store_server", "started"), ("app_server", "started")]
    assert front.ok("start", "app", "store") == "2 services already healthy\n"
    _look(front)
    _upgrade(front)
    _fail(front)
    front.ok("rollback", "1")
    front.ok("restart", "app")
    assert front.versions()["app_server"] == ("running", "v1", "v1")
    assert front.ok("stop", "app", "store") == "2 services stopped\n"
    assert {item["state"] for item in front.services().values()} == {"stopped"}
    assert not rust_world.listens(front.stack.socket("app"))
    front.ok("delete", "app", "store", "--purge")
    assert front.services() == {}


def _look(front: SupervisorStack) -> None:
    row = front.services()["app_server"]
    assert (row["state"], row["version_running"], row["supervisor"]) == ("running", "v1", front.supervisor)
    assert (row["program"], row["restarts"], row["wanted"]) == ("running", 0, "running")
    done = front.run("health", "--json")
    assert (done.code, [item["healthy"] for item in done.document["services"]]) == (0, [True, True])
    (log,) = front.run("logs", "app", "--json").document["logs"]
    assert "app_server v1 starts" in log["lines"]


def _upgrade(front: SupervisorStack) -> None:
    front.stack.release_of("app", "v2")
    done = front.run("upgrade", "--json")
    assert (done.code, done.document["result"]) == (0, "done"), done.err
    assert front.versions()["app_server"] == ("running", "v2", "v2")


def _fail(front: SupervisorStack) -> None:
    front.stack.release_of("app", "v3", "exit:3")
    done = front.run("upgrade", "--json")
    assert (done.code, done.document["result"]) == (9, "rolled_back"), done.err
    assert "app_server did not come up: it exited with code 3" in done.err
    assert front.versions() == {"app_server": ("running", "v2", "v2"), "store_server": ("running", "v1", "v1")}
    assert rust_world.health(front.stack.socket("app")) == {"status": "ok"}

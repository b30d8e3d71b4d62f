"""The real supervisors that the contract is tested on, each with a root of its own."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from hero_build.supervisors.protocol import Timeouts
from hero_build.supervisors.supervisord import Supervisord
from hero_build.supervisors.systemd import Systemd
from hero_build.supervisors.systemd_client import system_manager, user_manager
from hero_build.supervisors.zinit import Zinit
from support import router_supervised, systemd_container, zinit_crate, zinit_server
from support.supervised import Supervised, private_root
from support.systemd_container import PERSON
from support.users import acting_as

TIMEOUTS = Timeouts(call=30, change=60)


@contextmanager
def supervisord(folder: Path) -> Iterator[Supervised]:
    root = private_root(folder)
    supervisor = Supervisord(root, TIMEOUTS)
    pidfile = supervisor.folder / "supervisord.pid"
    item = Supervised(supervisor, root, own_pid=lambda: int(pidfile.read_text()))
    yield item
    item.end()


@contextmanager
def zinit(folder: Path) -> Iterator[Supervised]:
    root = private_root(folder)
    home = folder / "home"
    with zinit_server.running(zinit_crate.binaries() / "zinit-server", home) as process:
        client = Zinit(root, zinit_server.socket_path(home), TIMEOUTS)
        item = Supervised(client, root, own_pid=lambda: process.pid)
        yield item
        item.end()


@contextmanager
def systemd(folder: Path) -> Iterator[Supervised]:
    with systemd_container.running(folder) as container, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{container.wrappers}{os.pathsep}{os.environ['PATH']}")
        root = private_root(folder / "shared")
        manager = replace(system_manager(), units=container.units)
        item = Supervised(
            Systemd(root, manager, TIMEOUTS), root, host_pid=container.host_pid, own_pid=lambda: container.init
        )
        yield item
        item.end()


@contextmanager
def user(folder: Path) -> Iterator[Supervised]:
    """The manager of a user without rights: what follows is done as that user."""
    with tempfile.TemporaryDirectory(prefix="hs-") as name, pytest.MonkeyPatch.context() as patch:
        Path(name).chmod(0o755)
        with systemd_container.running(Path(name)) as container:
            container.start_manager()
            manager = container.host_pid(int(container.run(*_MANAGER).stdout))
            patch.setenv("PATH", f"{container.wrappers_of_person}{os.pathsep}{os.environ['PATH']}")
            with acting_as(PERSON):
                root = private_root(container.home)
                supervisor = Systemd(root, user_manager(container.home), TIMEOUTS)
                item = Supervised(supervisor, root, host_pid=container.host_pid, own_pid=lambda: manager)
                yield item
                item.end()


@contextmanager
def hero_router(folder: Path) -> Iterator[Supervised]:
    with router_supervised.hero_router(TIMEOUTS) as item:
        yield item


_MANAGER = ("systemctl", "show", "--property=MainPID", "--value", f"user@{PERSON}.service")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what a supervisor cannot do; the reason stands at the test."""
    excepted = [item for item in items if _is_excepted(item)]
    config.hook.pytest_deselected(items=excepted)
    items[:] = [item for item in items if item not in excepted]


def _is_excepted(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    name = callspec.params.get("supervised") if callspec else None
    return name is not None and any(mark.args[0] == name for mark in item.iter_markers("not_with"))


SUPERVISORS = {
    "systemd": systemd,
    "user": user,
    "supervisord": supervisord,
    "zinit": zinit,
    "hero_router": hero_router,
}


@pytest.fixture(
    params=[
        "supervisord",
        pytest.param("zinit", marks=zinit_crate.marks),
        "systemd",
        "user",
        "hero_router",
    ]
)
def supervised(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Supervised]:
    running: AbstractContextManager[Supervised] = SUPERVISORS[request.param](tmp_path)
    with running as item:
        yield item

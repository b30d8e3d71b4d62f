"""The real supervisors that the contract is tested on, each with a root of its own."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from hero_build.supervisors.protocol import Timeouts
from hero_build.supervisors.supervisord import Supervisord
from hero_build.supervisors.systemd import Systemd, system_manager
from hero_build.supervisors.zinit import Zinit
from support import systemd_container, zinit_crate, zinit_server
from support.supervised import Supervised, private_root

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


SUPERVISORS = {"systemd": systemd, "supervisord": supervisord, "zinit": zinit}


@pytest.fixture(
    params=[
        "supervisord",
        pytest.param("zinit", marks=zinit_crate.marks),
        "systemd",
    ]
)
def supervised(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Supervised]:
    running: AbstractContextManager[Supervised] = SUPERVISORS[request.param](tmp_path)
    with running as item:
        yield item

"""The supervisord of a root: when it is killed, what it leaves behind, who else may start it, when it ends."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hero_build.install.layout import Root
from hero_build.supervisors.log_files import LOG_BACKUPS, LOG_BYTES
from hero_build.supervisors.protocol import Timeouts
from hero_build.supervisors.supervisord import Supervisord
from support.processes import LONG, alive, gone, until
from support.supervised import Supervised, private_root

IGNORES_TERM = "trap '' TERM; while :; do sleep 0.1; done"


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    root = private_root(tmp_path)
    supervisor = Supervisord(root, Timeouts(call=30, change=60))
    pidfile = supervisor.folder / "supervisord.pid"
    item = Supervised(supervisor, root, own_pid=lambda: int(pidfile.read_text()))
    yield item
    item.end()


def test_what_it_runs_ends_with_it_when_it_is_killed_and_the_next_start_has_a_new_one(supervised: Supervised) -> None:
    supervised.run("app_server")
    supervised.wait("app_server", "running")
    pid, supervisord = supervised.pid("app_server"), supervised.own_pid()
    os.kill(supervisord, signal.SIGKILL)
    assert gone([supervisord, pid])
    assert supervised.supervisor.status("app_server").state == "stopped"
    assert supervised.supervisor.services() == ("app_server",)
    supervised.supervisor.stop("app_server")
    supervised.supervisor.start("app_server")
    supervised.wait("app_server", "running")
    assert supervised.own_pid() != supervisord


def test_what_survives_it_does_not_keep_a_new_one_from_starting(supervised: Supervised) -> None:
    supervised.run("app_server", f"echo ready; {IGNORES_TERM}", stop_timeout=0.2)
    supervised.wait_for_log("app_server", "ready")
    leftover = supervised.pid("app_server")
    os.kill(supervised.own_pid(), signal.SIGKILL)
    assert gone([supervised.own_pid()])
    assert alive(leftover), "it ignores the signal; the start of services stops it"
    supervised.supervisor.start("app_server")
    assert supervised.wait("app_server", "running").pid != leftover
    os.kill(leftover, signal.SIGKILL)
    assert gone([leftover])


def test_a_second_supervisord_in_its_folder_is_refused(supervised: Supervised) -> None:
    supervised.run("app_server")
    supervisor = supervised.supervisor
    assert isinstance(supervisor, Supervisord)
    supervisor.socket.unlink()  # it can be neither asked nor seen to listen
    command = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", "supervisord.conf"]
    done = subprocess.run(command, cwd=supervisor.folder, capture_output=True, text=True, timeout=LONG)
    assert done.returncode != 0
    assert "BlockingIOError" in done.stdout + done.stderr
    os.kill(supervised.own_pid(), signal.SIGKILL)


def test_what_a_program_leaves_behind_ends_with_it(supervised: Supervised) -> None:
    supervised.run("app_server", "sleep 1000 & echo $!; exit 0")
    (child,) = supervised.wait_for_lines("app_server", 1)
    supervised.wait("app_server", "exited")
    assert gone([int(child)])


def test_a_log_is_rotated_at_its_size(supervised: Supervised) -> None:
    script = f"yes 0123456789 | head -c {LOG_BYTES * (LOG_BACKUPS + 2)}; echo; echo end; exec sleep 1000"
    supervised.run("app_server", script)
    supervised.wait_for_log("app_server", "end")
    logs = sorted((supervised.root.path / "var" / "log").iterdir())
    assert [path.name for path in logs] == ["app_server.log", *(f"app_server.log.{n + 1}" for n in range(LOG_BACKUPS))]
    assert max(path.stat().st_size for path in logs) < 2 * LOG_BYTES
    assert len(supervised.supervisor.logs("app_server", 1000)) == 1000


def test_it_ends_with_its_last_service(supervised: Supervised) -> None:
    for name in ("a_server", "b_server"):
        supervised.run(name)
    supervisord = supervised.own_pid()
    supervised.supervisor.forget("a_server")
    assert alive(supervisord)
    supervised.supervisor.forget("b_server")
    assert gone([supervisord])


def test_a_root_deeper_than_a_socket_path_may_be(tmp_path: Path) -> None:
    root = Root(tmp_path / ("d" * 60) / ("e" * 60))
    root.path.mkdir(parents=True)
    item = Supervised(Supervisord(root, Timeouts()), root)
    item.run("app_server")
    item.wait("app_server", "running")
    item.end()
    assert until(lambda: item.supervisor.services() == ())


def test_it_ends_with_its_services_when_its_root_is_deleted(tmp_path: Path) -> None:
    root = private_root(tmp_path)
    supervisor = Supervisord(root, Timeouts(call=30, change=60))
    item = Supervised(supervisor, root)
    item.run("app_server")
    processes = [item.pid("app_server"), int((supervisor.folder / "supervisord.pid").read_text())]
    shutil.rmtree(root.path)
    assert gone(processes)

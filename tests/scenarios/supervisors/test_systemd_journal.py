"""What a user's service writes is in its log, also if its process has ended when the journal reads the line."""

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hero_build.supervisors.systemd import Systemd
from hero_build.supervisors.systemd_client import user_manager
from scenarios.supervisors.conftest import TIMEOUTS
from support import systemd_container
from support.processes import is_stopped, until
from support.supervised import Supervised, private_root
from support.systemd_container import PERSON, Container
from support.users import acting_as


def test_the_last_words_of_a_process_that_has_ended_are_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    with _manager_of_a_user(monkeypatch) as container:
        with acting_as(PERSON):
            root = private_root(container.home)
            item = Supervised(Systemd(root, user_manager(container.home), TIMEOUTS), root, container.host_pid)
            for name in ("one_server", "two_server"):
                item.define(item.definition(name, f"echo {name} ends; exit 3", restart="never"))
        with _journal_stands_still(container), acting_as(PERSON):
            for name in ("one_server", "two_server"):
                item.supervisor.start(name)
                assert item.wait(name, "failed").exit_code == 3
        with acting_as(PERSON):
            for name in ("one_server", "two_server"):
                item.wait_for_log(name, f"{name} ends")
                assert item.supervisor.logs(name, 1000) == (f"{name} ends",)
            item.end()


@contextmanager
def _manager_of_a_user(patch: pytest.MonkeyPatch) -> Iterator[Container]:
    with tempfile.TemporaryDirectory(prefix="hs-") as name:
        Path(name).chmod(0o755)
        with systemd_container.running(Path(name)) as container:
            container.start_manager()
            patch.setenv("PATH", str(container.wrappers_of_person), prepend=os.pathsep)
            yield container


@contextmanager
def _journal_stands_still(container: Container) -> Iterator[None]:
    shown = container.run("systemctl", "show", "--property=MainPID", "--value", "systemd-journald.service").stdout
    pid = container.host_pid(int(shown))
    os.kill(pid, signal.SIGSTOP)
    try:
        assert until(lambda: is_stopped(pid))
        yield
    finally:
        os.kill(pid, signal.SIGCONT)

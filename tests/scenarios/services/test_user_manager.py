"""Services in the systemd manager of a user without rights: advice to linger, and what a killed manager means."""

import subprocess
from collections.abc import Iterator

import pytest

from support.processes import LONG, until
from support.supervisor_stacks import STACKS, SupervisorStack
from support.systemd_container import PERSON

MANAGER = f"user@{PERSON}.service"
WARNING = "warning: services of this user end with the user's last session"


@pytest.fixture
def front() -> Iterator[SupervisorStack]:
    with STACKS["user"]() as made:
        made.app("app")
        made.ok("install", "app")
        yield made


def as_root(front: SupervisorStack, *command: str) -> None:
    """Run a program inside."""
    enter = front.prefix[: front.prefix.index("setpriv")]
    subprocess.run([*enter, *command], check=True, capture_output=True, timeout=LONG)


def supervisor_check(front: SupervisorStack) -> tuple[str, str]:
    checks = front.run("doctor", "--json").document["checks"]
    return next((item["state"], item["hint"]) for item in checks if item["name"] == "supervisor")


def test_a_user_who_does_not_linger_is_advised_to(front: SupervisorStack) -> None:
    done = front.run("start", "app")
    assert (done.code, done.err.count(WARNING)) == (0, 1), done.err
    assert "`loginctl enable-linger`" in done.err
    assert supervisor_check(front)[0] == "warning"
    as_root(front, "mkdir", "-p", "/var/lib/systemd/linger")
    as_root(front, "touch", "/var/lib/systemd/linger/person")  # what loginctl does
    done = front.run("start", "app")
    assert (done.code, WARNING in done.err) == (0, False)
    assert supervisor_check(front)[0] == "ok"


def test_a_manager_that_is_killed_is_an_error_and_starts_what_should_run_when_it_is_there_again(
    front: SupervisorStack,
) -> None:
    front.ok("start", "app")
    before = front.services()["app_server"]
    as_root(front, "systemctl", "kill", "--signal=KILL", "--kill-who=main", MANAGER)
    done = front.run("start", "app")
    assert until(lambda: front.run("start", "app").code == 9)
    done = front.run("start", "app")
    assert "Failed to connect to bus" in done.err
    assert "No manager of this user runs: log in" in done.err
    assert front.services()["app_server"]["state"] == "unknown"
    as_root(front, "systemctl", "start", MANAGER)
    assert until(lambda: front.services()["app_server"]["state"] == "running")
    after = front.services()["app_server"]
    assert (after["wanted"], after["version_running"]) == ("running", "v1")
    assert after["pid"] != before["pid"]
    assert front.ok("start", "app") == "1 service already healthy\n"


def test_logs_in_a_journal_that_is_not_stored_are_an_error_that_says_so(front: SupervisorStack) -> None:
    front.ok("start", "app")
    as_root(front, "journalctl", "--relinquish-var")
    as_root(front, "sh", "-c", "rm -rf /var/log/journal/*")
    done = front.run("logs", "app")
    assert done.code == 9, done
    assert "the journal is not stored on disk, so that this user may not read it" in done.err
    assert front.ok("start", "app") == "1 service already healthy\n"

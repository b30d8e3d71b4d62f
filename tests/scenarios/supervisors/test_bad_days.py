"""Logs of any content, full disks, supervisors that are killed or hang, and commands at the same time, on real ones."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from hero_build.errors import RuntimeUnreachable
from hero_build.supervisors.log_files import MAX_TAIL
from hero_build.supervisors.protocol import Timeouts
from support.processes import alive, suspend, until
from support.supervised import Supervised

HASTY = Timeouts(call=0.5, change=1.0)


@pytest.mark.not_with("hero_router", "it answers without control characters")
def test_a_log_of_any_bytes_is_read_and_the_service_writes_on(supervised: Supervised) -> None:
    script = r"printf '\033[31mred\nhalf \303\nnul \000 inside\nno newline'; sleep 0.5; echo; echo on; exec sleep 1000"
    supervised.run("app_server", script)
    lines = supervised.wait_for_log("app_server", "on")
    assert lines[:2] == ("\033[31mred", "half \ufffd")
    assert "nul" in lines[2]
    assert lines[-2:] == ("no newline", "on")
    assert supervised.supervisor.logs("app_server", 1) == ("on",)
    assert supervised.supervisor.logs("app_server", 0) == ()
    assert supervised.supervisor.status("app_server").is_running


@pytest.mark.not_with("user", "journald limits what the units of users write to 10,000 lines in 30 s")
def test_100_megabytes_of_log_do_not_stop_a_service(supervised: Supervised) -> None:
    """In lines and as one line without an end, and the last lines are there at once."""
    script = (
        "yes $(printf %01000d 7) |"
        " head -c 60000000; head -c 40000000 /dev/zero | tr '\\0' x; echo; echo end; exec sleep 1000"
    )
    supervised.run("app_server", script)
    lines = supervised.wait_for_log("app_server", "end")
    assert lines[-1] == "end"
    assert sum(map(len, lines)) <= 2 * MAX_TAIL
    assert supervised.supervisor.status("app_server").is_running


def test_a_log_is_followed_line_by_line(supervised: Supervised) -> None:
    supervised.run("app_server", "echo first; echo second; exec sleep 1000")
    supervised.wait_for_log("app_server", "second")
    followed = supervised.supervisor.follow("app_server", 1)
    assert next(followed) == "second"
    supervised.supervisor.restart("app_server")
    assert (next(followed), next(followed)) == ("first", "second")
    close(followed)


def test_a_full_disk_stops_no_service(supervised: Supervised) -> None:
    log = supervised.root.path / "full.log"
    log.symlink_to("/dev/full")
    script = "for i in 1 2 3; do echo $i || true; sleep 0.1; done; touch done; exec sleep 1000"
    supervised.run("app_server", script, log=log)
    assert until((supervised.root.path / "done").exists)
    status = supervised.supervisor.status("app_server")
    assert (status.state, status.restarts) == ("running", 0)


def test_a_supervisor_that_hangs_is_unreachable_in_time_and_works_again_later(supervised: Supervised) -> None:
    supervised.run("app_server")
    supervised.wait("app_server", "running")
    hasty = supervised.with_timeouts(HASTY)
    suspend(supervised.own_pid())
    try:
        for call in (hasty.status, hasty.restart, hasty.stop):
            with pytest.raises(RuntimeUnreachable) as caught:
                call("app_server")
            assert caught.value.hint
        assert alive(supervised.own_pid())
    finally:
        os.kill(supervised.own_pid(), signal.SIGCONT)
    supervised.supervisor.start("app_server")
    supervised.wait("app_server", "running")


def test_commands_at_the_same_time_define_all_their_services(supervised: Supervised) -> None:
    names = [f"app{number}_server" for number in range(8)]
    threads = [threading.Thread(target=supervised.run, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in names:
        supervised.wait(name, "running")
    assert sorted(supervised.supervisor.services()) == names
    assert sorted(supervised.supervisor.statuses()) == names


def close(lines: Iterator[str]) -> None:
    lines.close()  # type: ignore[attr-defined]

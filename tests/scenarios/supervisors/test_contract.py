"""What every supervisor does, on real ones: the promises of supervisors/protocol.py."""

import pytest

from hero_build.supervisors.protocol import ServiceNotDefined
from support.processes import alive, gone
from support.supervised import Supervised


def test_a_service_is_defined_started_stopped_and_forgotten(supervised: Supervised) -> None:
    supervisor = supervised.supervisor
    supervisor.define(supervised.definition("app_server"))
    assert supervisor.services() == ("app_server",)
    assert supervisor.status("app_server").state == "stopped"
    supervisor.start("app_server")
    supervised.wait("app_server", "running")
    pid = supervised.pid("app_server")
    assert alive(pid)
    supervisor.stop("app_server")
    assert supervised.wait("app_server", "stopped").pid == 0
    assert gone([pid])
    supervisor.forget("app_server")
    assert supervisor.services() == ()
    with pytest.raises(ServiceNotDefined):
        supervisor.status("app_server")
    supervisor.forget("app_server")


def test_it_runs_as_the_program_itself_with_its_own_environment(supervised: Supervised) -> None:
    value = "1=2 'q' \"d\"\n%s ;#"
    supervised.run(
        "app_server:a", 'printf "<%s>" "$HARD" "$1"; echo; exec sleep 1000', "x %d ; # 'y'", env={"HARD": value}
    )
    lines = supervised.wait_for_log("app_server:a", "%s ;#><x %d ; # 'y'>")
    assert lines == ("<1=2 'q' \"d\"", "%s ;#><x %d ; # 'y'>")
    assert supervised.executable("app_server:a").endswith("/sleep")


@pytest.mark.parametrize(
    ("script", "state", "code", "signal"),
    [("exit 0", "exited", 0, None), ("exit 3", "failed", 3, None), ("kill -9 $$", "failed", None, 9)],
)
def test_how_a_process_ended_is_reported(
    supervised: Supervised, script: str, state: str, code: int | None, signal: int | None
) -> None:
    supervised.run("app_server", script, restart="never")
    status = supervised.wait("app_server", "exited", "failed")
    assert (status.state, status.exit_code, status.signal, status.restarts) == (state, code, signal, 0)


def test_what_ends_too_often_is_flapping_until_it_is_started(supervised: Supervised) -> None:
    supervised.run("app_server", "exit 3")
    status = supervised.wait("app_server", "flapping")
    assert (status.restarts, status.exit_code) == (4, 3)
    supervised.supervisor.start("app_server")
    assert supervised.supervisor.status("app_server").restarts < 4

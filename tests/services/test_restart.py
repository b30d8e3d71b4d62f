"""What `restart` does with real processes behind a stand-in of hero_router."""

import os
import time

import pytest

from hero_build import manifest
from hero_build.errors import NotHealthy, RuntimeFailed, RuntimeUnreachable
from hero_build.services.restart import NotRestarted, NotRunning, Outcome, Restarted
from hero_build.services.selection import RestartRequest, outdated_services
from support.daemons import STUCK, UNWELL, Machine
from support.processes import until
from world.router_standin import Health, Router

DB = ("hero_db_server", "hero_db_admin", "hero_db")


def supervised(machine: Machine, router: Router, *names: str) -> None:
    """Services of these programs, which run by the time that this returns."""
    for name in names:
        router.hold(name, machine.program(name), "wait")
    assert until(lambda: all(_exe(router, name).endswith(f"/{name}") for name in names))


def _exe(router: Router, name: str) -> str:
    process = router.services[name].process
    try:
        return os.readlink(f"/proc/{process.pid}/exe").removesuffix(" (deleted)") if process else ""
    except OSError:
        return ""


def only(outcomes: tuple[Outcome, ...]) -> Outcome:
    (outcome,) = outcomes
    return outcome


def refused(outcomes: tuple[Outcome, ...]) -> NotRestarted:
    outcome = only(outcomes)
    assert isinstance(outcome, NotRestarted)
    assert outcome.error.code == 9
    assert outcome.error.hint
    return outcome


def test_every_service_of_an_app_is_restarted_the_server_first(machine: Machine) -> None:
    machine.install("hero_db", "v1", *DB)
    with machine.router() as router:
        supervised(machine, router, "hero_db_admin", "hero_db_server")
        before = {name: item.process.pid for name, item in router.services.items() if item.process}
        outcomes = machine.restart("hero_db")
        assert [item.service for item in outcomes if isinstance(item, Restarted)] == ["hero_db_server", "hero_db_admin"]
        for item in outcomes:
            assert isinstance(item, Restarted)
            process = router.services[item.service].process
            assert (item.app, item.old_pid, item.tries) == ("hero_db", before[item.service], 1)
            assert process is not None
            assert item.new_pid == process.pid != item.old_pid
    assert machine.steps[:4] == [("hero_db_server", step) for step in ("restart", "settle", "health", "up")]


def test_after_an_install_only_what_runs_older_files_is_restarted(machine: Machine) -> None:
    machine.install("hero_db", "v1", *DB)
    machine.install("hero_os", "v1", "hero_os_server")
    with machine.router() as router:
        supervised(machine, router, "hero_db_server", "hero_db_admin", "hero_os_server")
        machine.install("hero_db", "v2", "hero_db_server", "hero_db_admin@v1", "hero_db")
        outcomes = machine.restart(RestartRequest("hero_db"), RestartRequest("hero_os"))
        assert [item.service for item in outcomes if isinstance(item, Restarted)] == ["hero_db_server"]
        assert len(outcomes) == 1, "the admin came again, with the same bytes"
        assert machine.restart(RestartRequest("hero_db"), RestartRequest("hero_os")) == ()


def test_what_was_started_before_the_files_came_that_it_reads_is_restarted(machine: Machine) -> None:
    machine.install("hero_os", "v1", "hero_os_server")
    began = time.time()
    with machine.router() as router:
        supervised(machine, router, "hero_os_server")
        assert machine.restart(RestartRequest("hero_os", since=began - 1)) == ()
        assert isinstance(only(machine.restart(RestartRequest("hero_os", since=time.time()))), Restarted)


def test_a_service_of_another_name_is_known_by_what_it_runs_even_through_a_shell(machine: Machine) -> None:
    machine.install("hero_db", "v1", *DB)
    with machine.router() as router:
        router.hold("the-store", "/bin/sh", "-c", f"{machine.program('hero_db_server')} wait & wait")
        router.hold("elsewhere", "sleep", "1000")
        assert until(lambda: machine.running() == {"hero_db_server": "running"})
        machine.install("hero_db", "v2", *DB)
        assert isinstance(only(machine.restart(RestartRequest("hero_db"))), Restarted)
        changes = [asked for asked in router.asked if asked[0] == "service.restart"]
        assert changes == [("service.restart", "the-store")]
        assert machine.running() == {"hero_db_server": "running"}


def test_what_is_down_is_left_by_an_install_and_started_by_its_name(machine: Machine) -> None:
    machine.install("hero_db", "v1", *DB)
    with machine.router() as router:
        router.hold("hero_db_server", machine.program("hero_db_server"), "wait", up=False)
        machine.install("hero_db", "v2", *DB)
        assert machine.restart(RestartRequest("hero_db", since=time.time())) == ()
        assert {method for method, _ in router.asked} == {"service.list", "service.status"}
        outcome = only(machine.restart("hero_db"))
        assert isinstance(outcome, Restarted)
        assert outcome.old_pid == 0 != outcome.new_pid


def test_an_app_without_a_supervisor_is_reported(machine: Machine) -> None:
    machine.install("hero_db", "v1", *DB)
    with machine.router() as router:
        router.hold("hero_other", "sleep", "1000")
        outcome = only(machine.restart("hero_db"))
        assert outcome == NotRunning("hero_db", "nothing of it runs, and no supervisor has a service of it")
        assert machine.restart(RestartRequest("hero_db")) == ()


def test_a_program_started_by_hand_is_reported_and_left_alone(machine: Machine) -> None:
    machine.install("hero_db", "v1", *DB)
    with machine.router() as router, machine.by_hand("hero_db_server") as process:
        outcome = refused(machine.restart("hero_db"))
        assert outcome.error.message == f"hero_db_server (process {process.pid}) runs, but no supervisor runs it"
        assert machine.restart(RestartRequest("hero_db")) == ()
        machine.install("hero_db", "v2", *DB)
        assert refused(machine.restart(RestartRequest("hero_db"))).service == "hero_db_server"
        assert process.poll() is None
        assert router.services == {}


@pytest.mark.parametrize("app", ["hero_proc", "hero_router"])
def test_hero_router_is_not_asked_to_restart_what_it_runs_under(machine: Machine, app: str) -> None:
    server = f"{app}_server"
    machine.install(app, "v1", server)
    with machine.router() as router:
        supervised(machine, router, server)
        outcome = refused(machine.restart(app))
        assert isinstance(outcome.error, RuntimeUnreachable)
        assert "is not restarted through hero_router" in outcome.error.message
        assert ("service.restart", server) not in router.asked


def test_a_service_that_failed_is_brought_up_with_the_files_that_came(machine: Machine) -> None:
    machine.install("hero_db", "v1", *DB)
    with machine.router() as router:
        service = router.hold("hero_db_server", "false")
        assert until(lambda: service.describe()["state"] == "failed")
        service.command = (str(machine.program("hero_db_server")), "wait")
        assert isinstance(only(machine.restart(RestartRequest("hero_db"))), Restarted)


def test_a_service_that_crashes_is_reset_once_and_then_reported_with_the_rollback(machine: Machine) -> None:
    machine.install("hero_db", "v1", *DB)
    with machine.router() as router:
        supervised(machine, router, "hero_db_server")
        router.services["hero_db_server"].crashes = True
        outcome = refused(machine.restart("hero_db"))
        assert isinstance(outcome.error, NotHealthy)
        assert outcome.error.message == "hero_db_server did not come up: it is failed (it ended with 1)"
        assert "`hero-build rollback`" in outcome.error.hint
        assert "`hero-build restart hero_db`" in outcome.error.hint
    assert [step for _, step in machine.steps] == ["restart", "settle", "reset", "settle", "down"]


def test_a_service_that_stays_between_two_states_is_reported_after_the_timeout(machine: Machine) -> None:
    machine.install("hero_db", "v1", *DB)
    with machine.router() as router:
        supervised(machine, router, "hero_db_server")
        router.services["hero_db_server"].never_up = True
        outcome = refused(machine.restart("hero_db", timeouts=STUCK))
        assert "did not come up: it is" in outcome.error.message
        assert "starting" in outcome.error.message


def test_a_restart_that_does_nothing_is_mended_by_a_reset(machine: Machine) -> None:
    machine.install("hero_db", "v1", *DB)
    with machine.router() as router:
        supervised(machine, router, "hero_db_server")
        router.services["hero_db_server"].deaf = True
        outcome = only(machine.restart("hero_db", timeouts=STUCK))
        assert isinstance(outcome, Restarted)
        assert outcome.tries == 2


@pytest.mark.parametrize("status", [200, 204, 404])
def test_a_service_that_answers_over_its_socket_is_healthy(machine: Machine, status: int) -> None:
    machine.install("hero_db", "v1", *DB)
    with machine.router() as router, Health(machine.sockets.services / "hero_db/rpc.sock", status):
        supervised(machine, router, "hero_db_server")
        assert isinstance(only(machine.restart("hero_db")), Restarted)


@pytest.mark.parametrize(("status", "message"), [(503, "HTTP 503"), (None, "no answer within")])
def test_a_service_that_stays_unhealthy_is_reported_with_the_rollback(
    machine: Machine, status: int | None, message: str
) -> None:
    machine.install("hero_db", "v1", *DB)
    with machine.router() as router, Health(machine.sockets.services / "hero_db/rpc.sock", status):
        supervised(machine, router, "hero_db_server")
        outcome = refused(machine.restart("hero_db", timeouts=UNWELL))
        assert isinstance(outcome.error, NotHealthy)
        assert message in outcome.error.message
        assert "rpc.sock" in outcome.error.message
        assert "`hero-build rollback`" in outcome.error.hint


def test_a_service_that_gets_well_in_time_is_waited_for(machine: Machine) -> None:
    machine.install("hero_db", "v1", *DB)
    with machine.router() as router, Health(machine.sockets.services / "hero_db/rpc.sock", 503) as health:
        supervised(machine, router, "hero_db_server")
        machine.change_at(lambda: setattr(health, "status", 200))
        outcome = only(machine.restart("hero_db"))
        assert isinstance(outcome, Restarted)
        assert outcome.tries == 1


def test_a_socket_that_nobody_listens_on_is_not_demanded_unless_somebody_did(machine: Machine) -> None:
    machine.install("hero_db", "v1", *DB)
    socket = machine.sockets.services / "hero_db/rpc.sock"
    with machine.router() as router:
        supervised(machine, router, "hero_db_server")
        with Health(socket) as health:
            machine.change_at(health.close, after="settle")
            outcome = refused(machine.restart("hero_db", timeouts=UNWELL))
            assert "nothing listens" in outcome.error.message
        assert socket.is_socket(), "it was left behind"
        assert isinstance(only(machine.restart("hero_db")), Restarted)


def test_a_program_from_before_a_rename_is_well_on_its_old_socket(machine: Machine) -> None:
    machine.install("hero_db", "v1", *DB)
    with machine.router() as router, Health(machine.sockets.services / "hero_db_admin.sock", 503):
        supervised(machine, router, "hero_db_admin")
        refused(machine.restart("hero_db", timeouts=UNWELL))
        with Health(machine.sockets.services / "hero_db/ui.sock", 200):
            assert isinstance(only(machine.restart("hero_db")), Restarted)


def test_a_service_that_starts_an_older_file_is_reported_with_what_to_start(machine: Machine) -> None:
    machine.install("hero_db", "v1", *DB)
    with machine.router() as router:
        router.hold("hero_db_server", machine.root.current.resolve() / "bin/hero_db_server", "wait")
        machine.install("hero_db", "v2", *DB)
        outcome = refused(machine.restart("hero_db"))
        assert "still runs an older file" in outcome.error.message
        assert str(machine.program("hero_db_server")) in outcome.error.hint


def test_a_supervisor_that_dies_half_way_is_reported_for_each_service(machine: Machine) -> None:
    machine.install("hero_db", "v1", *DB)
    with machine.router() as router:
        supervised(machine, router, "hero_db_server", "hero_db_admin")
        router.troubles["service.restart"] = "die"
        outcomes = machine.restart("hero_db")
        assert [type(item) for item in outcomes] == [NotRestarted, NotRestarted]
        for item in outcomes:
            assert isinstance(item, NotRestarted)
            assert isinstance(item.error, RuntimeUnreachable)
            assert "Start hero_router again" in item.error.hint


def test_a_refusal_is_tried_once_more_with_a_reset(machine: Machine) -> None:
    machine.install("hero_db", "v1", *DB)
    with machine.router() as router:
        supervised(machine, router, "hero_db_server")
        router.troubles["service.restart"] = "refuse"
        outcome = only(machine.restart("hero_db"))
        assert isinstance(outcome, Restarted)
        assert outcome.tries == 2
        router.troubles["service.stop"] = "refuse"
        refusal = refused(machine.restart("hero_db"))
        assert isinstance(refusal.error, RuntimeFailed)
        assert "rejects service.stop: the supervisor is not available" in refusal.error.message


def test_after_an_install_with_restart_the_wants_are_the_apps_and_those_they_restart(machine: Machine) -> None:
    machine.install("hero_db", "v1", *DB)
    machine.install("hero_archipelagos", "v1", "clock")
    generation = manifest.load(machine.root.path)
    clock = machine.program("clock").stat().st_mtime
    requests = outdated_services(
        ["hero_archipelagos", "hero_db"],
        root=machine.root,
        generation=generation,
        restarts={"hero_archipelagos": ("hero_os",)},
    )
    assert requests == (
        RestartRequest("hero_archipelagos"),
        RestartRequest("hero_os", since=clock),
        RestartRequest("hero_db"),
    )

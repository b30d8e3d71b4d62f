"""The playbooks of the collection: a fleet moves in waves, stops at a canary that is not well, and goes back."""

import hashlib
import shutil
from collections.abc import Iterator

import pytest

from support.ansible_fleet import Fleet, Run, fleet_of, kill_group
from support.processes import until

APP, SERVICE = "db", "db_server"
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def started() -> Iterator[Fleet]:
    """The service runs on all hosts, in v1."""
    with fleet_of("t1", "t2", "t3") as fleet:
        fleet.world.service(APP)
        for version in ("v2", "v1"):
            fleet.world.release_of(APP, version)
        first = fleet.converge(fleet.lock("db@v1"), hero_start=[APP])
        assert (first.code, first.changed) == (0, sorted(fleet.hosts)), first.out
        assert [result["started"] for result in first.results.values()] == [[SERVICE]] * len(fleet.hosts)
        yield fleet


@pytest.fixture
def running(started: Fleet) -> Fleet:
    """The fleet of this module, back in v1, with its first lock in force."""
    lock = started.lock("db@v1")
    started.variables.clear()
    for host in started.hosts.values():
        if host.lock_in_force() != lock.read_text():
            host.ok("install", "--locked", str(lock), "--restart")
            shutil.copy(lock, host.root.path / "cfg" / "set.lock")
    return started


def pids(fleet: Fleet) -> dict[str, int]:
    return {name: host.pid(SERVICE) for name, host in fleet.hosts.items()}


def coverage(run: Run) -> list[str]:
    return run.out[run.out.index("COVERAGE") :].strip().splitlines()


def test_an_upgrade_in_waves_and_the_way_back(running: Fleet) -> None:
    """Check mode changes nothing and predicts what happens; a fleet that has the set gets no request."""
    old, new, before = running.lock("db@v1"), running.lock("db@v2"), pids(running)
    predicted = running.converge(new, "--check", "--diff", hero_start=[APP])
    assert (predicted.code, predicted.changed) == (0, ["t1", "t2", "t3"])
    assert (pids(running), set(running.versions(APP).values())) == (before, {"v1"})
    done = running.converge(new, "--diff", hero_start=[APP])
    assert (done.code, coverage(done)) == (0, ["COVERAGE: 3 of 3 machines"]), done.out
    assert [line["host"] for line in done.lines] == ["t1", "t2", "t3"]
    for name, host in running.hosts.items():
        result = done.results[name]
        assert (result["after"] - result["before"], result["restarted"]) == (1, [SERVICE])
        assert (result["rolled_back"], host.lock_in_force()) == (False, new.read_text())
        assert result["lock_digest"] == hashlib.sha256(new.read_bytes()).hexdigest()
        assert (result["diff"]["before"], result["diff"]["after"]) == ("db v1\n", "db v2\n")
        assert result["diff"] == predicted.results[name]["diff"]
        assert host.pid(SERVICE) != before[name]
    with running.without_mirror():
        again = running.converge(new, hero_start=[APP])
        assert (again.code, again.changed) == (0, [])
        back = running.play("rollback", hero_lock_before=old)
    assert (back.code, back.changed) == (0, ["t1", "t2", "t3"]), back.out
    assert set(running.versions(APP).values()) == {"v1"}


def test_a_bad_release_reaches_the_canary_alone_which_rolls_back_by_itself(running: Fleet) -> None:
    old, before = running.lock("db@v1"), pids(running)
    running.world.release_of(APP, "v3", "exit:3")
    done = running.converge(running.lock("db@v3"))
    assert (done.code, list(done.results)) == (2, ["t1"])
    result = done.results["t1"]
    assert (result["rolled_back"], result["healthy_again"]) == (True, True)
    assert (result["failed_apps"], result["exit_code"]) == ([APP], 9)
    assert "hero-build troubleshoot db" in result["msg"]
    assert coverage(done) == ["COVERAGE: 0 of 3 machines", "  failed (1): t1", "  not attempted (2): t2, t3"]
    assert set(running.versions(APP).values()) == {"v1"}
    assert running.hosts["t1"].lock_in_force() == old.read_text(), "the next boot does not install the bad one"
    after = pids(running)
    assert {name for name in after if after[name] != before[name]} == {"t1"}
    again = running.converge(old, hero_start=[APP])
    assert (again.code, again.changed, pids(running)) == (0, [], after)


def test_a_dead_machine_is_listed_and_the_others_are_upgraded(running: Fleet) -> None:
    running.variables["t4"] = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    done = running.converge(running.lock("db@v2"))
    assert (done.code, done.states["t4"]) == (4, "unreachable")
    assert coverage(done) == ["COVERAGE: 3 of 4 machines", "  unreachable (1): t4"]
    assert set(running.versions(APP).values()) == {"v2"}


def test_a_controller_that_is_killed_leaves_each_machine_whole(running: Fleet) -> None:
    """Its new version is not healthy yet, so that the kill hits the machine at its restart."""
    running.world.release_of(APP, "v4", "bind-at-gate")
    new = running.lock("db@v4")
    process = running.controller.begin("upgrade", hero_lock=new)
    assert until(lambda: running.versions(APP)["t1"] == "v4")
    kill_group(process)
    for host in running.hosts.values():
        host.open_gate(APP)
    assert set(running.versions(APP).values()) <= {"v1", "v4"}
    again = running.converge(new, hero_start=[APP])
    assert (again.code, coverage(again)) == (0, ["COVERAGE: 3 of 3 machines"]), again.out
    assert set(running.versions(APP).values()) == {"v4"}
    assert running.converge(new, hero_start=[APP]).changed == []

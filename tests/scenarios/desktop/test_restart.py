"""Islands that a running hero_os does not see, until it is restarted; and supervisors that do not do it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support import desktops, refusals, roots, rust_world, worlds, zinit_server
from support.desktops import WARNING, at_home, os_sources, served
from support.ports import free_port
from support.processes import alive, until
from support.refusals import Refusal
from support.worlds import World
from world.router_standin import Health, Held, Router

pytestmark = pytest.mark.timeout(1800)
INDEX = "/islands/islands.json"
START = "Start hero_router, or zinit: `zinit-server …` …"
HASTE = "connect = 2\nstall = 2\n"
"""For supervisors and services that never answer, so that nobody waits long for them."""


@pytest.fixture
def desktop(home: World, toolchain: Path) -> World:
    """hero_os, built and installed, without islands and shell."""
    done = home.run("install", "hero_os", env={**os_sources(home).environ, **at_home(home)})
    assert (done.code, done.err.count(WARNING)) == (0, 1), done.err
    return home


def running(world: World) -> tuple[int, str]:
    """The process of hero_os_server and how `status` calls it."""
    document = worlds.valid(world.run("status", "--json").document)
    (process,) = [item for app in document["apps"] for item in app["processes"]]
    return process["pid"], process["state"]


def test_islands_are_seen_after_a_restart_by_zinit(desktop: World) -> None:
    desktops.islands(desktop, "v1", "notes")
    number, env = free_port(), at_home(desktop)
    with desktops.under_zinit(desktop, number):
        assert served(number, INDEX) == 404
        first, state = running(desktop)
        assert state == "running"
        assert desktop.run("status", env=env).err.count(WARNING) == 1

        done = desktop.run("restart", "hero_os", env=env)
        assert (done.code, done.err.count(WARNING)) == (0, 1), done.err
        second, _ = running(desktop)
        assert second != first
        assert (served(number, INDEX), alive(first)) == (404, False)

        done = desktop.run("islands", "--restart", "--json", env=env)
        document = worlds.valid(done.document)
        assert (done.code, document["restart"]["failed"]) == (0, [])
        assert not [item for item in document["warnings"] if "islands" in item["text"]]
        (service,) = document["restart"]["restarted"]
        assert (service["app"], service["service"], service["tries"]) == ("hero_os", "hero_os_server", 1)
        third, state = running(desktop)
        assert (third != second, state, alive(second)) == (True, "running", False)
        assert (served(number, INDEX), served(number, "/islands/notes/notes_bg.wasm")) == (200, 200)
        assert rust_world.health(desktops.sockets(desktop) / "hero_os" / "rpc.sock")["status"] == "ok"

        assert WARNING not in desktop.run("status", env=env).err
        again = worlds.valid(desktop.run("islands", "--restart", "--json", env=env).document)
        assert (again["restart"]["restarted"], running(desktop)[0]) == ([], third)


def test_islands_are_seen_after_a_restart_by_hero_router(desktop: World) -> None:
    desktops.islands(desktop, "v1", "notes")
    number = free_port()
    with router(desktop) as supervisor:
        held = supervisor.hold("hero_os_server", *desktops.command(desktop, number))
        assert until(lambda: served(number, "/health") == 200)
        assert served(number, INDEX) == 404
        desktop.ok("islands")
        assert served(number, INDEX) == 404, "it looks for them only when it starts"
        before = held.describe()["pid"]
        desktop.ok("islands", "--restart")
        assert (served(number, INDEX), held.describe()["pid"] != before) == (200, True)
        assert ("service.restart", "hero_os_server") in supervisor.asked

        desktop.ok("uninstall", "hero_archipelagos")
        done = desktop.run("restart", "hero_os", env=at_home(desktop))
        assert (done.code, done.err.count(WARNING), served(number, INDEX)) == (0, 1, 404), done.err


def test_a_program_that_is_newer_than_what_runs(desktop: World) -> None:
    """`status` reports it, --restart fixes it, and rollback does the same in reverse."""
    number = free_port()
    code = desktops.again(desktop, "o/hero_os", "os")
    code.edit("server/src/main.rs", "not found", "nothing here")
    with router(desktop) as supervisor:
        supervisor.hold("hero_os_server", *desktops.command(desktop, number))
        assert until(lambda: served(number, "/health") == 200)
        first, _ = running(desktop)
        assert desktop.run("install", "hero_os", "--update", env=code.environ).code == 0
        assert running(desktop) == (first, "old")
        assert f"hero_os_server {first} (old)" in desktop.ok("status")
        assert desktop.run("install", "hero_os", "--restart", env=code.environ).code == 0
        second, state = running(desktop)
        assert (second != first, state) == (True, "running")
        desktop.ok("rollback")
        assert running(desktop) == (second, "old")
        desktop.ok("restart", "hero_os")
        assert running(desktop)[1] == "running"


@contextmanager
def router(world: World) -> Iterator[Router]:
    with Router(desktops.sockets(world) / "hero_router" / "service.sock") as made:
        yield made


@pytest.fixture
def small(home: World) -> World:
    """hero_os v1 of a release, whose program does nothing but stay."""
    refusals.write_timeouts(home)
    desktops.os_release(home, "v1")
    home.ok("install", "hero_os")
    return home


def hold(world: World, supervisor: Router) -> Held:
    held = supervisor.hold("hero_os_server", world.root.path / "bin" / "hero_os_server", "wait")
    assert until(lambda: worlds.valid(world.run("status", "--json").document)["apps"][0]["processes"] != [])
    return held


def test_a_version_that_does_not_start_stays_and_rollback_is_suggested(small: World) -> None:
    desktops.islands(small, "v1", "notes")
    with router(small) as supervisor:
        held = hold(small, supervisor)
        held.crashes = True
        done = small.run("islands", "--restart", "--json")
        document = worlds.valid(done.document)
        (problem,) = document["restart"]["failed"]
        assert (done.code, problem["kind"], document["failed"]) == (9, "NotHealthy", [])
        assert problem["message"] == "hero_os_server did not come up: it is failed (it ended with 1)"
        assert "`hero-build rollback` restores what was installed before" in problem["hint"]
        assert f"hint: {problem['hint']}" in done.err
        assert desktops.there(small) == ["notes"]
        held.crashes = False
        small.ok("rollback")
        assert "hero_os_server" in small.ok("restart", "hero_os")
        assert desktops.there(small) == []
    roots.settled(small.root)


def test_a_version_that_is_up_and_not_well(small: World) -> None:
    desktops.islands(small, "v1", "notes")
    with router(small) as supervisor, Health(desktops.sockets(small) / "hero_os" / "rpc.sock", 503) as health:
        hold(small, supervisor)
        refusals.write_timeouts(small, "stall = 8\n")  # it answers, if late
        done = small.run("islands", "--restart")
        assert done.code == 9, done.out
        assert "rpc.sock: HTTP 503\n  hint: Its log says why. `hero-build rollback` restores" in done.err
        assert desktops.there(small) == ["notes"]
        health.status = 200
        refusals.write_timeouts(small)
        small.ok("restart", "hero_os")


def test_the_others_are_seen_when_one_island_is_broken(small: World) -> None:
    desktops.islands(small, "v1", "notes", maps=b"no archive")
    with router(small) as supervisor:
        held = hold(small, supervisor)
        before = held.describe()["pid"]
        document = worlds.valid(small.run("islands", "--restart", "--json").document)
        assert (document["exit"], desktops.problems(document)) == (1, {"hero_archipelagos/maps": "InvalidBundle"})
        assert [item["service"] for item in document["restart"]["restarted"]] == ["hero_os_server"]
        assert held.describe()["pid"] != before


def test_what_fails_altogether_restarts_nothing_and_neither_does_what_does_not_run(small: World) -> None:
    desktops.islands(small, "v1", maps=b"no archive")
    with router(small) as supervisor:
        held = hold(small, supervisor)
        before = held.describe()["pid"]
        document = worlds.valid(small.run("islands", "--restart", "--json").document)
        assert (document["exit"], document["restart"], held.describe()["pid"]) == (5, None, before)
        held.stop()
        desktops.islands(small, "v2", "notes")
        document = worlds.valid(small.run("islands", "--restart", "--json").document)
        assert (document["exit"], document["restart"]["restarted"], held.describe()["pid"]) == (0, [], 0)


@pytest.mark.parametrize("trouble", ["garbage", "hang", "no http", "half", "502"])
def test_a_supervisor_that_answers_nonsense_or_not_at_all(small: World, trouble: str) -> None:
    with router(small) as supervisor:
        supervisor.troubles["service.list"] = trouble  # type: ignore[assignment]
        refusals.write_timeouts(small, HASTE)
        refusal = Refusal(
            9, kind="RuntimeUnreachable", message="no supervisor answers: hero_router at …; zinit at …", hint=START
        )
        desktops.refused(small, refusal, "restart", "hero_os")


def test_a_stale_socket(small: World) -> None:
    import socket

    place = zinit_server.socket_path(small.folder)
    with socket.socket(socket.AF_UNIX) as line:
        line.bind(str(place))
    refusal = Refusal(
        9,
        kind="RuntimeUnreachable",
        message=f"no supervisor answers: hero_router at …; zinit at {place} cannot be reached: …",
        hint=START,
    )
    desktops.refused(small, refusal, "restart", "hero_os")
    desktops.islands(small, "v1", "notes")
    done = small.run("islands", "--restart")
    assert (done.code, desktops.there(small)) == (9, ["notes"])
    assert "generation 2: hero_archipelagos/notes v1 (download)" in done.out

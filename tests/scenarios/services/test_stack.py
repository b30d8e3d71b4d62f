"""Several services at once: order, failures of one, and commands that meet, on a real supervisord."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from support.processes import LONG, suspend, until
from support.service_world import ServiceWorld
from support.worlds import REPO


@contextmanager
def command(stack: ServiceWorld, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """`hero-build WORDS`, running."""
    pipe = subprocess.PIPE
    line = [sys.executable, "-m", "hero_build", *words]
    with subprocess.Popen(line, env=stack.environ(), cwd=REPO, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def three(stack: ServiceWorld, **behaviours: str) -> None:
    """`web` needs `api`, which needs `store`; all three are the set @all3."""
    for app, needs in (("store", ()), ("api", ("store",)), ("web", ("api",))):
        stack.service(app, attributes=f"needs = {needs!r}", start_timeout=2.0)
        stack.release_of(app, "v1", behaviours.get(app, "bind-after:200"))
    (stack.recipes / "_sets.py").write_text('SETS = {"all3": ("web", "api", "store")}\n')
    stack.ok("install", "@all3")


def test_services_start_in_the_order_of_their_needs_and_stop_in_the_reverse(stack: ServiceWorld) -> None:
    three(stack)
    done = stack.run("start", "@all3", "--json")
    assert done.code == 0, done.err
    assert [item["service"] for item in done.document["services"]] == ["store_server", "api_server", "web_server"]
    born = [stack.supervisor.status(f"{app}_server").since for app in ("store", "api", "web")]
    assert born == sorted(born, key=lambda moment: moment or 0)
    done = stack.run("stop", "@all3", "--json")
    assert [item["service"] for item in done.document["services"]] == ["web_server", "api_server", "store_server"]


def test_a_set_names_the_services_that_it_starts(stack: ServiceWorld) -> None:
    """It installs apps whole; what else of them was started is stopped with the set, too."""
    stack.service("voice", "voice_server", "voice_web")
    stack.service("store")
    stack.release_of("voice", "v1", "ok", "voice_server", "voice_web")
    stack.release_of("store", "v1")
    (stack.recipes / "_sets.py").write_text('SETS = {"page": ("store", "voice/voice_web")}\n')
    stack.ok("install", "@page")
    programs = {path.name for path in (stack.root.path / "bin").iterdir()}
    assert programs == {"store_server", "voice_server", "voice_web"}
    assert listed(stack, "start", "@page") == {"store_server", "voice_web"}
    assert listed(stack, "health", "@page") == listed(stack, "health") == {"store_server", "voice_web"}
    assert stack.services("voice")["voice_server"]["state"] != "running"
    assert listed(stack, "start", "voice/voice_server") == {"voice_server"}
    assert listed(stack, "restart", "@page", key="restarted") == {"store_server", "voice_web"}
    assert listed(stack, "stop", "@page") == {"store_server", "voice_web", "voice_server"}


def listed(stack: ServiceWorld, *words: str, key: str = "services") -> set[str]:
    """The services in the answer of a command that must end with 0."""
    done = stack.run(*words, "--json")
    assert done.code == 0, done.err
    return {item["service"] for item in done.document[key]}


def test_a_service_that_fails_fails_those_that_need_it_and_no_others(stack: ServiceWorld) -> None:
    three(stack, api="exit:1")
    stack.install("alone")
    done = stack.run("start", "@all3", "alone", "--json")
    assert done.code == 1
    results = {item["service"]: item["result"] for item in done.document["services"]}
    assert results == {
        "store_server": "started",
        "alone_server": "started",
        "api_server": "failed",
        "web_server": "failed",
    }
    messages = [failure["message"] for failure in done.document["failed"]]
    assert messages[1] == "web_server is not started: it needs api_server, which did not come up"


def test_a_need_that_does_not_run_is_a_warning(stack: ServiceWorld) -> None:
    three(stack)
    done = stack.run("start", "web")
    assert done.code == 0
    assert "warning: web needs api, which does not run" in done.err
    assert "`hero-build start api`" in done.err


def test_a_cycle_is_named(stack: ServiceWorld) -> None:
    three(stack)
    stack.service("store", attributes='needs = ("web",)')
    done = stack.run("start", "@all3")
    assert done.code == 2
    assert "these services wait for each other: " in done.err
    assert "store_server" in done.err
    assert not stack.running()


def test_a_cycle_of_after_is_named(stack: ServiceWorld) -> None:
    """By a service, and by an app."""
    stack.service("first", after=("second_server",))
    stack.service("second", after=("first",))
    for app in ("first", "second"):
        stack.install(app)
    done = stack.run("start", "first", "second")
    assert done.code == 2
    assert "these services wait for each other: " in done.err
    assert "first_server → second_server" in done.err
    assert not stack.running()
    assert stack.run("start", "first").code == 0, "alone it waits for nothing"


def test_a_service_waits_for_what_its_after_names(stack: ServiceWorld) -> None:
    stack.service("first")
    stack.service("second", after=("first_server",))
    for app in ("first", "second"):
        stack.release_of(app, "v1", "bind-after:200")
    stack.ok("install", "first", "second")
    done = stack.run("start", "second", "first", "--json")
    assert [item["service"] for item in done.document["services"]] == ["first_server", "second_server"]


def test_two_starts_of_the_core_at_once_are_one(stack: ServiceWorld) -> None:
    """Five services, three of which wait for each other: each is started by one of the two, and once."""
    three(stack)
    for app in ("proxy", "index"):
        stack.service(app)
        stack.release_of(app, "v1", "bind-after:200")
    (stack.recipes / "_sets.py").write_text('SETS = {"core": ("web", "api", "store", "proxy", "index")}\n')
    stack.ok("install", "@core")
    with command(stack, "start", "@core", "--json") as one, command(stack, "start", "@core", "--json") as two:
        ends = [process.communicate(timeout=LONG) for process in (one, two)]
    assert [one.returncode, two.returncode] == [0, 0], ends
    results = [{item["service"]: item["result"] for item in json.loads(out)["services"]} for out, _ in ends]
    assert {frozenset((first, results[1][name])) for name, first in results[0].items()} == {
        frozenset(("started", "already healthy"))
    }
    assert (len(results[0]), len(stack.running())) == (5, 5)
    assert all(item["restarts"] == 0 for item in stack.services().values())


def test_a_stop_ends_a_start_that_still_waits(stack: ServiceWorld) -> None:
    stack.service("app", start_timeout=3600.0)  # nothing here waits for so long
    stack.install("app", behaviour="never-bind")
    with command(stack, "start", "app") as process:
        assert until(lambda: bool(stack.running()))
        assert stack.run("stop", "app").code == 0
        _, err = process.communicate(timeout=LONG)
    assert process.returncode == 9
    assert "app_server is not started: another command stopped it while it started" in err
    assert not stack.running()
    assert stack.services()["app_server"]["wanted"] == "stopped"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_supervisor_that_ends_while_a_start_waits_is_an_error(stack: ServiceWorld, number: int) -> None:
    """The reset starts a new one, under which the service comes up no better."""
    stack.service("app", start_timeout=8.0)
    stack.install("app", behaviour="never-bind")
    with command(stack, "start", "app") as process:
        assert until(lambda: bool(stack.running()))
        os.kill(int((stack.supervisor.folder / "supervisord.pid").read_text()), number)
        _, err = process.communicate(timeout=LONG)
    assert process.returncode == 9
    assert "error: " in err
    assert "Traceback" not in err
    stack.env_file("app", "BEHAVIOUR=ok\n")
    assert stack.run("start", "app").code == 0
    assert len(stack.running()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_start_blocks_nothing(stack: ServiceWorld, number: int) -> None:
    stack.service("app", start_timeout=60.0)
    stack.install("app", behaviour="never-bind")
    with command(stack, "start", "app") as process:
        assert until(lambda: bool(stack.running()))
        process.send_signal(number)
        process.communicate(timeout=LONG)
    assert process.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
    stack.env_file("app", "BEHAVIOUR=ok\n")
    assert stack.run("start", "app").code == 0
    assert len(stack.running()) == 1


def test_a_supervisor_that_hangs_while_a_start_waits_is_an_error(stack: ServiceWorld) -> None:
    """Nothing is lost: once it goes on, the service is there and can be started."""
    settings = stack.root.path / "cfg" / "hero_build.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text("stall = 5\nconnect = 5\n")
    stack.service("app", start_timeout=60.0)
    stack.install("app", behaviour="never-bind")
    with command(stack, "start", "app") as process:
        assert until(lambda: bool(stack.running()))
        supervisor = int((stack.supervisor.folder / "supervisord.pid").read_text())
        suspend(supervisor)
        try:
            _, err = process.communicate(timeout=LONG)
            status = stack.run("status", "app")
        finally:
            os.kill(supervisor, signal.SIGCONT)
    settings.unlink()
    assert process.returncode == 9, err
    assert "cannot be reached: no answer within 5 s" in err
    assert "Traceback" not in err
    assert status.code == 0, "what is installed is shown all the same"
    stack.env_file("app", "BEHAVIOUR=ok\n")
    assert stack.run("start", "app").code == 0
    assert len(stack.running()) == 1

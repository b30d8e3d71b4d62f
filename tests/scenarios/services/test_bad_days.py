"""Services that do not come up, on a real supervisord: each is an error that explains, with exit code 9."""

import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from support import rust_world
from support.mount_namespaces import USER, namespace
from support.processes import LONG, until
from support.service_world import ServiceWorld
from support.worlds import valid

REASONS = {
    "exit:3": "app_server did not come up: it exited with code 3",
    "exit-after:200+never-bind": "app_server did not come up: it exited with code 3",
    "never-bind": "it is not healthy within 4 s: ",
    "status:500": "HTTP 500",
    "slow:60000": "rpc.sock: no answer within ",
    "close": "it closed the connection without an answer",
    "garbage": "the response is not HTTP",
    "fork": "app_server did not come up: it exited with code 0",
}


@pytest.mark.parametrize("behaviour", REASONS)
def test_a_service_that_does_not_come_up_is_explained(stack: ServiceWorld, behaviour: str) -> None:
    stack.service("app", start_timeout=4.0)  # to answer, on a busy machine
    stack.install("app", behaviour=behaviour)
    done = stack.run("start", "app", "--json")
    assert done.code == 9, done.err
    (failure,) = valid(done.document)["failed"]
    assert (failure["kind"], failure["app"], failure["exit"]) == ("NotHealthy", "app", 9)
    assert REASONS[behaviour] in failure["message"]
    assert failure["tail"][0] == "app_server v1 starts"
    assert failure["log"] == str(stack.root.path / "var" / "log" / "app_server.log")
    assert "`hero-build start app`" in failure["hint"]
    assert until(lambda: not stack.running()), "nothing of it is left running"
    assert "a reset" not in done.err


@pytest.mark.parametrize("behaviour", ["big:10", "slow:300", "bind-after:700", "flood:100", "env"])
def test_a_service_that_is_odd_but_healthy_comes_up(stack: ServiceWorld, behaviour: str) -> None:
    stack.install("app", behaviour=behaviour)
    done = stack.run("start", "app")
    assert (done.code, done.out) == (0, "1 service started\n"), done.err


def test_what_a_service_prints_cannot_control_the_terminal(stack: ServiceWorld) -> None:
    stack.service("app", start_timeout=2.0)
    stack.install("app", behaviour="ugly+exit:7")
    done = stack.run("start", "app", "--json")
    tail = valid(done.document)["failed"][0]["tail"]
    assert tail[1] == "red nul \ufffd half"
    assert all(line.isprintable() for line in tail)


def test_a_service_that_ends_later_is_restarted_until_it_flaps(stack: ServiceWorld) -> None:
    """It is up at first; its supervisor restarts it by its policy, and stops at the flap limit."""
    stack.service("app", backoff=0.1)
    stack.install("app", behaviour="exit-at-gate")
    stack.ok("start", "app")
    assert until(lambda: flaps(stack, "app"))
    service = stack.services()["app_server"]
    assert (service["restarts"], service["reason"], service["pid"]) == (4, "exited with code 3", 0)

    refused = stack.run("start", "app")
    assert refused.code == 9
    assert "app_server is flapping: it ended 5 times within 60 s" in refused.err
    assert "`hero-build start --reset app`" in refused.err
    stack.env_file("app", "BEHAVIOUR=ok\n")
    assert stack.run("start", "--reset", "app").code == 0
    assert stack.services()["app_server"]["state"] == "running"


def flaps(stack: ServiceWorld, app: str) -> bool:
    """Whether it ended often enough; if it runs, it ends once more."""
    status = stack.supervisor.status(f"{app}_server")
    if status.is_running:
        stack.open_gate(app)
    return status.state == "flapping"


def test_services_that_end_after_they_came_up(stack: ServiceWorld) -> None:
    """The first flaps, the second is restarted once, the third is down: and says so."""
    stack.service("early", backoff=0.1)
    stack.service("late", backoff=0.1)
    stack.service("final", restart="never")
    for app in ("early", "late", "final"):
        stack.install(app, behaviour="exit-at-gate")
    results = stack.run("start", "early", "late", "final", "--json").document["services"]
    assert {item["service"]: item["result"] for item in results} == dict.fromkeys(
        ("early_server", "late_server", "final_server"), "started"
    )
    pid = stack.pid("late_server")
    stack.open_gate("final")
    stack.open_gate("late")
    assert until(lambda: stack.supervisor.status("final_server").state == "failed")
    assert until(lambda: stack.supervisor.status("late_server").is_running and stack.pid("late_server") != pid)
    assert until(lambda: flaps(stack, "early"))
    services = stack.services()
    assert {name: (item["state"], item["reason"], item["restarts"]) for name, item in services.items()} == {
        "early_server": ("flapping", "exited with code 3", 4),
        "late_server": ("running", "", 1),
        "final_server": ("failed", "exited with code 3", 0),
    }
    health = {item["service"]: item["healthy"] for item in stack.run("health", "--json").document["services"]}
    assert health == {"early_server": False, "late_server": True, "final_server": False}
    assert stack.run("start", "late", "final").code == 0
    assert stack.run("start", "early").code == 9, "it flaps until `start --reset`"


LITTLE_SPACE = 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"'


def test_a_full_file_system_of_logs_stops_no_service(stack: ServiceWorld) -> None:
    """A service that writes 2 MiB to a file system of 1 MiB comes up, runs on, and stops; so does the next one."""
    logs = stack.root.path / "var" / "log"
    stack.install("app", behaviour="flood:2")
    stack.install("other")
    logs.mkdir(parents=True)
    done = stack.run("start", "app", prefix=namespace(LITTLE_SPACE, str(logs)))
    assert done.code == 0, done.err
    supervisor = (stack.supervisor.folder / "supervisord.pid").read_text().strip()
    inside = ("nsenter", *(["--user", "--preserve-credentials"] if USER else []), "--mount", "--target", supervisor)
    full = subprocess.run([*inside, "df", "--output=avail", str(logs)], capture_output=True, text=True, check=True)
    assert int(full.stdout.split()[-1]) < 64, "there is no space for the log"
    assert stack.run("start", "other", prefix=inside).code == 0
    services = stack.services()
    assert {(item["state"], item["restarts"]) for item in services.values()} == {("running", 0)}
    assert rust_world.health(stack.socket("app")) == {"status": "ok"}
    assert "yyyy" in stack.run("logs", "app", "-n", "1", prefix=inside).out
    assert stack.run("stop", "app", "other", prefix=inside).code == 0
    assert not stack.running()


def test_starts_that_fail_count_towards_the_flap_limit(stack: ServiceWorld) -> None:
    stack.install("app", behaviour="exit:3")
    messages = [stack.run("start", "app").err for _ in range(4)]
    assert [("is flapping" in message) for message in messages] == [False, False, False, True]
    assert stack.services()["app_server"]["state"] == "flapping"
    assert stack.run("stop", "app").code == 0
    assert "is flapping" not in stack.run("start", "app").err, "a stop by a command clears the count"


def test_a_service_that_ignores_term_is_killed(stack: ServiceWorld) -> None:
    stack.service("app", stop_timeout=1.0)
    stack.install("app", behaviour="ignore-term")
    stack.ok("start", "app")
    stack.ok("stop", "app")
    assert not stack.running()


def test_a_stale_socket_is_removed(stack: ServiceWorld) -> None:
    stack.install("app")
    path = stack.socket("app")
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as line:
        line.bind(str(path))
    assert path.is_socket()
    stack.ok("start", "app")
    assert rust_world.health(path) == {"status": "ok"}


def test_a_socket_that_a_foreign_process_holds_is_left_alone(stack: ServiceWorld) -> None:
    stack.install("app")
    path = stack.socket("app")
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as line:
        line.bind(str(path))
        line.listen()
        done = stack.run("start", "app", "--json")
    assert done.code == 8
    (failure,) = valid(done.document)["failed"]
    assert failure["kind"] == "ServiceConflict"
    assert f"app_server needs {path}, which is held by process {os.getpid()}, " in failure["message"]
    assert ", of user " in failure["message"]


def test_a_port_that_a_foreign_process_holds_is_left_alone(stack: ServiceWorld) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        stack.service("app", ports=(port,))
        stack.install("app")
        done = stack.run("start", "app")
    assert done.code == 8
    assert f"app_server needs port {port}, which is held by process {os.getpid()}, " in done.err


def test_something_else_at_the_sockets_place_is_left_alone(stack: ServiceWorld) -> None:
    stack.install("app")
    path = stack.socket("app")
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    done = stack.run("start", "app")
    assert done.code == 8
    assert f"{path} is in the way" in done.err
    assert path.read_text() == "mine"


def test_a_process_that_no_supervisor_holds_is_stopped_and_replaced(stack: ServiceWorld) -> None:
    stack.install("app")
    environ = {**os.environ, "HERO_SOCKET_DIR": str(stack.root.path / "var" / "sockets")}
    stack.socket("app").parent.mkdir(parents=True)
    with subprocess.Popen([stack.root.path / "bin" / "app_server"], env=environ, stdout=subprocess.DEVNULL) as left:
        assert until(lambda: rust_world.listens(stack.socket("app")))
        done = stack.run("start", "app")
        assert done.code == 0, done.err
        assert f"app_server (process {left.pid}) was left by an earlier run" in done.err
        assert left.wait(LONG) == 0
    assert [item.pid for item in stack.running()] == [stack.pid("app_server")]


def test_what_a_killed_supervisor_left_is_replaced(stack: ServiceWorld) -> None:
    stack.install("app", behaviour="ignore-term")
    stack.service("app", stop_timeout=0.5)
    stack.ok("start", "app")
    old = stack.pid("app_server")
    daemon = int((stack.supervisor.folder / "supervisord.pid").read_text())
    os.kill(daemon, 9)
    assert until(lambda: not Path(f"/proc/{daemon}").exists() or stack.services()["app_server"]["pid"] == old)
    done = stack.run("start", "app")
    assert done.code == 0, done.err
    assert [item.pid for item in stack.running()] == [stack.pid("app_server")] != [old]


def test_a_socket_path_that_is_too_long_is_refused(stack: ServiceWorld) -> None:
    stack.install("app")
    folder = stack.folder / ("x" * 100)
    done = stack.run("start", "app", env={"HERO_SOCKET_DIR": str(folder)})
    assert done.code == 8
    assert "and a socket's has 107" in done.err
    assert "HERO_SOCKET_DIR" in done.err
    assert not stack.running()


def test_a_recipe_that_fails_is_named(stack: ServiceWorld) -> None:
    path = stack.service("app", methods="def prepare(self, ctx):\n    raise ZeroDivisionError('oh')")
    stack.install("app")
    done = stack.run("start", "app")
    assert done.code == 2
    assert f"the recipe {path} failed: ZeroDivisionError: oh" in done.err
    path.write_text(path.read_text().replace("return tuple(", "raise KeyError('ah')  # "))
    done = stack.run("start", "app")
    assert done.code == 2
    assert f"the recipe {path} failed: KeyError: 'ah'" in done.err
    assert not stack.running()


@pytest.mark.parametrize(
    ("names", "code", "text"),
    [
        (("nobody",), 3, "no app is named 'nobody'"),
        (("other",), 3, "other is not installed"),
        (("app/app_sever",), 3, "Did you mean app_server?"),
        (("app/app",), 2, "app/app is not a service: it is installed, and never started"),
        (("app:alpha",), 2, "app has no instances"),
        (("app/",), 2, "'app/' is not a service"),
        (("@both",), 3, "nothing of @both is installed"),
        (("tool",), 2, "tool has nothing to start"),
        ((), 2, "no app is named"),
    ],
)
def test_what_cannot_be_started_is_refused(stack: ServiceWorld, names: tuple[str, ...], code: int, text: str) -> None:
    stack.service("app", "app_server", "app")
    stack.release_of("app", "v1", "ok", "app_server", "app")
    stack.service("tool", "tool", "tool_helper")
    stack.release_of("tool", "v1", "ok", "tool", "tool_helper")
    stack.service("other")
    (stack.recipes / "_sets.py").write_text('SETS = {"both": ("other",)}\n')
    stack.ok("install", "app", "tool")
    done = stack.run("start", *names)
    assert (done.code, text in done.err) == (code, True), done.err
    assert not stack.running()
    assert stat.S_ISDIR((stack.root.path / "bin").stat().st_mode)

"""`health`, `logs`, `inspect` and `troubleshoot` on a real supervisord."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from support.processes import LONG, suspend, until
from support.service_world import ServiceWorld
from support.worlds import REPO, valid

WITH_VARIABLES = """def services(self, ctx):
    (item,) = super().services(ctx)
    return (replace(item.with_env(PLAIN="shown"), secret_env=(("KEY", "s3cret"),)),)"""


def test_health_shows_each_probe(stack: ServiceWorld) -> None:
    stack.install("app")
    stack.ok("start", "app")
    done = stack.run("health", "--json")
    assert done.code == 0
    (service,) = valid(done.document)["services"]
    (probe,) = service["probes"]
    assert (service["service"], service["healthy"], probe["address"]) == ("app_server", True, str(stack.socket("app")))
    assert (probe["status"], probe["body"]) == (200, '{"status":"ok"}')
    assert 0 < probe["ms"] < 10_000
    assert "1 of 1 service healthy" in stack.ok("health", "app")


def test_health_of_what_is_not_well(stack: ServiceWorld) -> None:
    stack.install("app")
    stack.install("good")
    assert stack.run("health", "app").code == 9, "it does not run"
    assert stack.ok("health") == "no service should run\n"
    stack.ok("start", "app", "good")
    suspend(stack.pid("app_server"))
    try:
        (stack.root.path / "cfg").mkdir(exist_ok=True)
        (stack.root.path / "cfg" / "hero_build.toml").write_text("connect = 5\n")
        done = stack.run("health", "--json")
    finally:
        os.kill(stack.pid("app_server"), signal.SIGCONT)
    assert done.code == 1
    assert {item["service"]: item["healthy"] for item in done.document["services"]} == {
        "app_server": False,
        "good_server": True,
    }
    (failure,) = valid(done.document)["failed"]
    assert "app_server is not healthy: GET /health on " in failure["message"]
    assert failure["message"].endswith("no answer within 5 s")


def test_logs_are_printed_without_control_characters(stack: ServiceWorld) -> None:
    stack.install("app", behaviour="ugly")
    assert "app was never started here" in stack.run("logs", "app").err
    stack.ok("start", "app")
    assert stack.ok("logs", "app") == "app_server v1 starts\nred nul \ufffd half\n"
    assert stack.ok("logs", "app", "-n", "1") == "red nul \ufffd half\n"
    (log,) = valid(stack.run("logs", "app", "--json").document)["logs"]
    assert log == {"file": None, "service": "app_server", "lines": ["app_server v1 starts", "red nul \ufffd half"]}


def test_commands_that_look_take_services_and_sets(stack: ServiceWorld) -> None:
    stack.service("app", "app_server", "app_admin")
    stack.release_of("app", "v1", "ok", "app_server", "app_admin")
    (stack.recipes / "_sets.py").write_text('SETS = {"mine": ("app",)}\n')
    stack.ok("install", "app")
    stack.ok("start", "@mine")
    assert set(stack.services("app/app_admin")) == {"app_admin"}
    assert set(stack.services("@mine")) == set(stack.services("app")) == {"app_server", "app_admin"}
    assert "2 of 2 services healthy" in stack.ok("health", "@mine")
    assert "app_admin v1 starts" in stack.ok("logs", "@mine")


def test_inspect_and_troubleshoot_take_several_apps(stack: ServiceWorld) -> None:
    """Sets and names that overlap: each service once, with its app."""
    stack.service("app", "app_server", "app_admin")
    stack.release_of("app", "v1", "ok", "app_server", "app_admin")
    stack.service("tool", "tool")
    stack.release_of("tool", "v1", "ok", "tool")
    (stack.recipes / "_sets.py").write_text('SETS = {"mine": ("app", "other", "tool"), "tools": ("tool",)}\n')
    stack.ok("install", "app", "tool")
    stack.install("other")
    stack.ok("start", "other")
    names = [("app", "app_server"), ("app", "app_admin"), ("other", "other_server")]
    answer = valid(stack.run("inspect", "@mine", "app/app_server", "--json").document)
    assert [(item["app"], item["name"]) for item in answer["services"]] == names
    assert [item["app"] for item in answer["apps"]] == ["app", "other"]
    assert (answer["app"], {item["app"] for item in answer["operations"]}) == ("app", {"app", "other"})
    assert stack.ok("inspect", "@mine").count(str(stack.recipes)) == 2
    answer = valid(stack.run("troubleshoot", "app/app_admin", "other", "--json").document)
    assert [(item["app"], item["service"]) for item in answer["services"]] == names[1:]
    assert (answer["apps"], [item["healthy"] for item in answer["services"]]) == (["app", "other"], [False, True])
    page = stack.ok("troubleshoot", "@mine")
    assert page.endswith("Next. hero-build start app\n")
    for words, code in ((("inspect",), 2), (("inspect", "app", "nobody"), 3), (("troubleshoot", "@tools"), 3)):
        assert stack.run(*words).code == code, words


def test_logs_follow_until_interrupted(stack: ServiceWorld) -> None:
    stack.install("app")
    stack.ok("start", "app")
    line = [sys.executable, "-m", "hero_build", "logs", "app", "-f", "-n", "1"]
    with subprocess.Popen(line, env=stack.environ(), cwd=REPO, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "app_server v1 starts\n"
        log = stack.root.path / "var" / "log" / "app_server.log"
        for number in range(2):
            stack.env_file("app", f"ONE={number}\n")
            stack.ok("start", "app")
            assert process.stdout.readline() == "app_server v1 starts\n"
            log.rename(log.with_name("app_server.log.1"))
        process.send_signal(signal.SIGINT)
        assert process.wait(LONG) == 130


def test_logs_of_several_are_followed_line_by_line(stack: ServiceWorld) -> None:
    for app in ("app", "other"):
        stack.install(app)
    stack.ok("start", "app", "other")
    both = "app_server:\napp_server v1 starts\nother_server:\nother_server v1 starts\n"
    assert stack.ok("logs", "app", "other", "app/app_server", "-n", "1") == both
    line = [sys.executable, "-m", "hero_build", "logs", "app", "other", "-f", "-n", "1"]
    first = {"app_server   | app_server v1 starts\n", "other_server | other_server v1 starts\n"}
    with subprocess.Popen(line, env=stack.environ(), cwd=REPO, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert {process.stdout.readline(), process.stdout.readline()} == first
        stack.env_file("other", "ONE=1\n")
        stack.ok("start", "other")
        assert process.stdout.readline() == "other_server | other_server v1 starts\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(LONG) == 130
    for words, code in (((), 2), (("app", "nobody"), 3), (("app", "other", "--build"), 2)):
        assert stack.run("logs", *words).code == code, words


def test_inspect_shows_how_a_service_is_defined(stack: ServiceWorld) -> None:
    path = stack.service("app", methods=WITH_VARIABLES)
    stack.install("app")
    stack.env_file("app", "FROM_FILE=1\n")
    before = valid(stack.run("inspect", "app", "--json").document)
    assert before["services"][0]["status"]["state"] == "stopped"
    stack.ok("start", "app")
    done = stack.run("inspect", "app", "--json")
    answer = valid(done.document)
    (service,) = answer["services"]
    assert (answer["recipe"], answer["version"], answer["file_variables"]) == (str(path), "v1", ["FROM_FILE"])
    assert service["command"] == [str(stack.root.path / "bin" / "app_server")]
    assert (service["variables"], service["secrets"]) == ([["PLAIN", "shown"]], ["KEY"])
    assert service["status"]["pid"] == stack.pid("app_server")
    assert "s3cret" not in f"{done.out}{stack.ok('inspect', 'app')}"


def test_troubleshoot_names_the_problem_and_the_next_command(stack: ServiceWorld) -> None:
    stack.service("app", start_timeout=1.0)
    stack.install("app", behaviour="exit:3")
    (never,) = valid(stack.run("troubleshoot", "app", "--json").document)["services"]
    assert (never["problem"], never["next"]) == ("it does not run: it was never started", "hero-build start app")
    stack.run("start", "app")
    (failed,) = valid(stack.run("troubleshoot", "app", "--json").document)["services"]
    assert "exited with code 3" in failed["problem"]
    assert failed["log"][:2] == ["app_server v1 starts", "I cannot run"]
    page = stack.ok("troubleshoot", "app")
    assert "I cannot run" in page
    assert page.endswith("Next. hero-build start app\n")


def test_troubleshoot_names_who_holds_the_socket(stack: ServiceWorld) -> None:
    stack.install("app")
    stack.socket("app").parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as line:
        line.bind(str(stack.socket("app")))
        line.listen()
        (service,) = stack.run("troubleshoot", "app", "--json").document["services"]
    (holder,) = service["addresses"]
    assert (holder["address"], holder["process"]) == (str(stack.socket("app")), os.getpid())
    assert Path(sys.executable).name.split(".")[0] in holder["command"]


def test_troubleshoot_of_what_runs_well_has_nothing_to_do(stack: ServiceWorld) -> None:
    stack.install("app")
    stack.ok("start", "app")
    assert "app_server ✓ runs and is healthy" in stack.ok("troubleshoot", "app")
    old = stack.pid("app_server")
    stack.release_of("app", "v2")
    stack.ok("install", "app")
    (service,) = stack.run("troubleshoot", "app", "--json").document["services"]
    assert (service["problem"], service["next"]) == (
        "it runs an older file than the installed one",
        "hero-build restart app",
    )
    row = stack.services()["app_server"]
    assert (row["pid"], row["program"], row["version_installed"], row["version_running"]) == (old, "old", "v2", "v1")
    assert until(lambda: stack.pid("app_server") == old)


def test_the_log_of_a_service_that_printed_nothing_says_so(stack: ServiceWorld) -> None:
    stack.service("app", "app_server", "app_web")
    stack.release_of("app", "v1", "ok", "app_server", "app_web")
    stack.ok("install", "app")
    stack.ok("start", "app")
    stack.ok("stop", "app")
    for name, text in (("app_server", "app_server v1 starts\n"), ("app_web", "")):
        (stack.root.path / "var" / "log" / f"{name}.log").write_text(text)
    assert stack.ok("logs", "app") == "app_server:\napp_server v1 starts\napp_web:\nno output\n"
    assert stack.ok("logs", "app/app_web") == "no output\n"
    assert stack.run("logs", "app/app_web", "--json").document["logs"] == [
        {"service": "app_web", "lines": [], "file": None}
    ]


def test_troubleshoot_names_what_a_further_start_would_fail_at(stack: ServiceWorld) -> None:
    """A program that is gone, and a foreign process at the socket: the next command removes the cause."""
    stack.install("app")
    stack.ok("start", "app")
    pid, program = stack.pid("app_server"), stack.root.path / "bin" / "app_server"
    program.unlink()
    done = stack.run("restart", "app")
    assert (done.code, f"{program} is missing" in done.err) == (5, True), done.err
    assert stack.pid("app_server") == pid, "what runs is left as it is"
    os.kill(pid, signal.SIGKILL)
    assert until(lambda: stack.services("app")["app_server"]["state"] in ("failed", "flapping"))
    (service,) = valid(stack.run("troubleshoot", "app", "--json").document)["services"]
    assert (str(program) in service["problem"], service["next"]) == (True, "hero-build verify --repair app")
    stack.ok("verify", "--repair", "app")
    stack.ok("stop", "app")
    with socket.socket(socket.AF_UNIX) as foreign:
        foreign.bind(str(stack.socket("app")))
        foreign.listen()
        assert stack.run("start", "app").code == 8
        (service,) = stack.run("troubleshoot", "app", "--json").document["services"]
    assert f"process {os.getpid()} of user" in service["problem"]
    assert service["next"] == f"kill {os.getpid()} && hero-build start app"

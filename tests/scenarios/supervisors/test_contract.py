"""What every supervisor does, on real ones: the promises of supervisors/protocol.py."""

import itertools
import os
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from hero_build.model.services import ServiceState
from hero_build.supervisors import exec_file
from hero_build.supervisors.protocol import ServiceNotDefined
from support import rust_world
from support.processes import alive, gone, until
from support.supervised import Supervised

ITS_OWN = "its services are its own to define and to forget"
START_IS_WAITED_FOR = "it answers a start once the service is up, and with an error if that does not come up"


@pytest.mark.not_with("hero_router", ITS_OWN)
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


@pytest.mark.not_with(
    "hero_router", "it answers a start once the service is up, and an error where that does not come up"
)
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


@pytest.mark.not_with(
    "hero_router", "it answers a start once the service is up, and an error where that does not come up"
)
def test_what_ends_too_often_is_flapping_until_it_is_started(supervised: Supervised) -> None:
    supervised.run("app_server", "test -e calm || exit 3; exec sleep 1000")
    status = supervised.wait("app_server", "flapping")
    assert (status.restarts, status.exit_code) == (4, 3)
    (supervised.root.path / "calm").touch()
    supervised.supervisor.start("app_server")
    assert supervised.wait("app_server", "running").restarts < 4


@pytest.mark.not_with("hero_router", ITS_OWN)
def test_what_runs_is_left_alone_if_it_is_defined_as_before_and_stopped_if_not(supervised: Supervised) -> None:
    supervised.run("app_server")
    supervised.wait("app_server", "running")
    pid = supervised.pid("app_server")
    definition = supervised.supervisor.definition("app_server")
    assert definition is not None
    supervised.supervisor.define(definition)
    supervised.supervisor.start("app_server")
    assert supervised.pid("app_server") == pid
    supervised.define(supervised.definition("app_server", "exec sleep 2000"))
    assert gone([pid])
    assert supervised.supervisor.status("app_server").state == "stopped"
    supervised.supervisor.start("app_server")
    supervised.wait("app_server", "running")
    arguments = Path(f"/proc/{supervised.pid('app_server')}/cmdline")
    assert until(lambda: arguments.read_bytes() == b"sleep\x002000\x00")


def test_a_restart_is_one_request_and_starts_also_what_is_down(supervised: Supervised) -> None:
    supervised.define(supervised.definition("app_server"))
    supervised.supervisor.restart("app_server")
    supervised.wait("app_server", "running")
    pid = supervised.pid("app_server")
    supervised.supervisor.restart("app_server")
    status = supervised.wait_until("app_server", lambda item: item.is_running and supervised.host_pid(item.pid) != pid)
    assert gone([pid])
    assert status.restarts == 0


def test_since_is_the_time_of_its_start(supervised: Supervised) -> None:
    before = time.time()
    supervised.run("app_server")
    status = supervised.wait("app_server", "running")
    assert status.since is not None
    assert before - 0.1 <= status.since <= time.time() + 0.1


@pytest.mark.parametrize("action", ["stop", "forget"])
def test_what_ignores_its_stop_signal_is_killed_with_all_that_it_started(supervised: Supervised, action: str) -> None:
    script = "trap '' TERM; sleep 1000 & echo $!; while :; do sleep 0.1; done"
    supervised.run("app_server", script, stop_timeout=0.5)
    (child,) = supervised.wait_for_lines("app_server", 1)
    pids = [supervised.pid("app_server"), supervised.host_pid(int(child))]
    assert all(pids)
    getattr(supervised.supervisor, action)("app_server")
    assert gone(pids)


def test_its_stop_signal_is_the_one_of_its_definition(supervised: Supervised) -> None:
    script = "trap 'echo stopping; exit 0' USR1; echo ready; while :; do sleep 0.1; done"
    supervised.run("app_server", script, stop_signal="USR1", stop_timeout=30)
    supervised.wait_for_log("app_server", "ready")
    supervised.supervisor.stop("app_server")
    supervised.wait("app_server", "stopped")
    supervised.wait_for_log("app_server", "stopping")


def test_what_is_killed_is_started_again_and_counted(supervised: Supervised) -> None:
    supervised.run("app_server", "echo ready; exec sleep 1000")
    supervised.wait_for_log("app_server", "ready")
    pid = supervised.pid("app_server")
    os.kill(pid, signal.SIGTERM)
    status = supervised.wait_until("app_server", lambda item: item.is_running and supervised.host_pid(item.pid) != pid)
    assert status.restarts == 1


@pytest.mark.not_with("hero_router", "it answers a start once the service is up, so that nothing is left to meet")
def test_it_may_end_or_start_at_the_moment_of_a_request(supervised: Supervised) -> None:
    """The supervisor may not have noticed yet that a process has ended, and what starts may not have come far."""
    supervisor = supervised.supervisor
    turns = 20 if supervisor.name == "zinit" else 2  # zinit rejected one in ten
    for turn, action in itertools.product(range(turns), ("stop", "restart", "forget")):
        supervised.run("app_server")
        if turn % 2:
            supervised.wait("app_server", "running")
            os.kill(supervised.pid("app_server"), signal.SIGKILL)
        getattr(supervisor, action)("app_server")
        if action == "restart":
            supervised.wait("app_server", "running")
        elif action == "stop":
            assert not supervised.wait("app_server", "stopped").pid
        else:
            assert supervisor.definition("app_server") is None


@pytest.mark.not_with("hero_router", ITS_OWN)
def test_commands_that_change_a_service_at_the_same_time_leave_nothing_behind(supervised: Supervised) -> None:
    """A service that another command forgets is not defined; nothing else is an error. At last no process is left."""
    supervisor, turns = supervised.supervisor, range(25 if supervised.supervisor.name == "zinit" else 3)

    def change(requests: Sequence[Callable[[str], object]]) -> None:
        for _, request in itertools.product(turns, requests):
            with suppress(ServiceNotDefined):
                request("app_server")

    def define(name: str) -> None:
        supervised.define(supervised.definition(name, "exec sleep 1234.5"))

    def look(name: str) -> None:
        with suppress(ServiceNotDefined):
            assert supervisor.status(name).name == name
        supervisor.statuses()
        supervisor.services()

    def forget(name: str) -> None:
        try:
            supervisor.forget(name)
        except ServiceNotDefined as error:
            raise AssertionError(error) from error

    commands = [
        (define, supervisor.start, supervisor.stop, supervisor.restart),
        (define, supervisor.restart, forget, supervisor.start),
        (look, look, look, look),
    ]
    with ThreadPoolExecutor() as pool:
        list(pool.map(change, commands))
    forget("app_server")
    assert until(lambda: not _with_argument(b"1234.5", supervised.root.path))


def _with_argument(argument: bytes, folder: Path) -> list[str]:
    """The processes below this folder that have the argument."""
    pids: list[str] = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            if argument in (path / "cmdline").read_bytes().split(b"\0") and folder.name in os.readlink(path / "cwd"):
                pids.append(path.name)
    return pids


def test_a_socket_that_was_left_is_removed_before_it_starts_again(supervised: Supervised) -> None:
    """Also by a restart of the supervisor itself: programs that do not remove it first would fail for ever."""
    path = supervised.root.path / "own.sock"
    script = "import socket, time; s = socket.socket(socket.AF_UNIX); s.bind('own.sock'); s.listen(); time.sleep(1000)"
    command = (exec_file.base_interpreter(), "-c", script)
    supervised.define(supervised.definition("app_server", command=command, sockets=(path,)))
    supervised.supervisor.start("app_server")
    assert until(lambda: rust_world.listens(path))
    pid = supervised.pid("app_server")
    os.kill(pid, signal.SIGKILL)
    supervised.wait_until("app_server", lambda item: item.is_running and supervised.host_pid(item.pid) != pid)
    assert until(lambda: rust_world.listens(path))


@pytest.mark.not_with(
    "hero_router", "it answers a start once the service is up, and an error where that does not come up"
)
@pytest.mark.parametrize(("policy", "state"), [("on-failure", "exited"), ("always", "flapping")])
def test_an_end_with_code_0_is_final_unless_it_is_always_restarted(
    supervised: Supervised, policy: str, state: ServiceState
) -> None:
    supervised.run("app_server", "exit 0", restart=policy)
    assert supervised.wait("app_server", state).exit_code == 0


@pytest.mark.not_with(
    "hero_router", "it answers a start once the service is up, and an error where that does not come up"
)
def test_a_program_or_folder_that_is_missing_is_named_in_the_log(supervised: Supervised) -> None:
    missing = supervised.root.path / "gone"
    definitions = {
        "a_server": supervised.definition("a_server", command=(str(missing),), restart="never"),
        "b_server": supervised.definition("b_server", folder=missing, restart="never"),
    }
    for name, definition in definitions.items():
        supervised.define(definition)
        supervised.supervisor.start(name)
        assert supervised.wait(name, "failed").exit_code == 127
    supervised.wait_for_log("a_server", f"hero-build: {missing} cannot be started: No such file or directory")
    sentence = f"hero-build: the working folder {missing} cannot be entered: No such file or directory"
    supervised.wait_for_log("b_server", sentence)


def test_a_secret_is_in_its_file_of_mode_0600_and_nowhere_else(supervised: Supervised) -> None:
    secret = "sesame-4711"
    supervised.run("app_server", 'test -n "$TOKEN" && echo has it; exec sleep 1000', env={"TOKEN": secret})
    supervised.wait_for_log("app_server", "has it")
    files = [path for path in supervised.root.path.rglob("*") if path.is_file()]
    holders = [path for path in files if secret.encode() in path.read_bytes()]
    assert holders == [exec_file.environment_path(supervised.root, "app_server")]
    assert holders[0].stat().st_mode & 0o777 == 0o600
    for file in ("cmdline", "environ"):
        assert secret.encode() not in Path(f"/proc/{supervised.own_pid()}/{file}").read_bytes()
    assert secret.encode() not in Path(f"/proc/{supervised.pid('app_server')}/cmdline").read_bytes()

"""Restarting through the real zinit, which supervises programs of a root, and a small hero_router beside it."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from hero_build.errors import BadRuntimeResponse, NotHealthy, RuntimeUnreachable
from hero_build.install.layout import Root
from hero_build.services.restart import NotRestarted, Restarted
from hero_build.services.selection import RestartRequest
from hero_build.supervisors import log_files
from hero_build.supervisors.zinit import Zinit
from support import zinit_crate
from support.daemons import QUICK, Machine
from support.processes import until
from support.rpc_server import serving
from support.supervisor_stacks import STACKS

pytestmark = zinit_crate.marks
CALM = replace(QUICK, call=20, change=40, steady=0.3)
"""zinit is asked for a stop, and takes its time on a busy machine."""


class Programs:
    """The supervisor of one test, asked by the product's own client; only `service.set` is sent by hand."""

    def __init__(self, socket: Path) -> None:
        self.client = Zinit(Root(socket.parent), socket, CALM)

    def hold(self, name: str, command: str, after: tuple[str, ...] = (), **lifecycle: object) -> None:
        service = {"service": {"name": name, "exec": command}}
        config = {**service, "dependencies": {"requires": after}, "lifecycle": lifecycle}
        self._set(config)

    def _set(self, config: Mapping[str, object]) -> None:
        self.client._call("service.set", {"config": config}, 20)

    def pid(self, name: str) -> int:
        return self.client.status(name).pid

    def answers(self) -> bool:
        """Its socket is there a moment before it accepts connections."""
        try:
            self.client.services()
        except RuntimeUnreachable:
            return False
        return True

    def end(self) -> None:
        """zinit leaves what it supervises running."""
        for name in reversed(self.client.services()):
            self.client.stop(name)
        assert until(lambda: all(self.client.status(name).pid == 0 for name in self.client.services()))


@pytest.fixture
def zinit(machine: Machine) -> Iterator[Programs]:
    socket = machine.sockets.zinit
    socket.parent.mkdir(parents=True)
    (socket.parent / "services").mkdir()
    command = [str(zinit_crate.binaries() / "zinit-server"), "-s", socket.name, "-c", "services"]
    # from its folder, for the socket's whole name may be too long for it
    with (
        (socket.parent / "log").open("wb") as log,
        subprocess.Popen(command, cwd=socket.parent, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process,
    ):
        try:
            server = Programs(socket)
            assert until(server.answers)
            yield server
            server.end()
        finally:
            process.terminate()


def test_a_running_service_runs_what_was_installed_after_a_restart(machine: Machine, zinit: Programs) -> None:
    machine.install("hero_db", "v1", "hero_db_server", "hero_db")
    zinit.hold("hero_db_server", f"{machine.program('hero_db_server')} wait")
    zinit.hold("other", "/bin/sleep 1000")
    old, other = zinit.pid("hero_db_server"), zinit.pid("other")
    assert until(lambda: machine.running() == {"hero_db_server": "running"})

    machine.install("hero_db", "v2", "hero_db_server", "hero_db")
    assert machine.running() == {"hero_db_server": "old"}
    (outcome,) = machine.restart(RestartRequest("hero_db"), timeouts=CALM)
    assert isinstance(outcome, Restarted)
    assert (outcome.service, outcome.old_pid, outcome.tries) == ("hero_db_server", old, 1)
    assert outcome.new_pid == zinit.pid("hero_db_server") != old
    assert machine.running() == {"hero_db_server": "running"}
    (program,) = machine.programs()
    assert os.stat(f"/proc/{program.pid}/exe").st_ino == machine.program("hero_db_server").stat().st_ino
    assert zinit.pid("other") == other, "it is none of ours"
    assert machine.restart(RestartRequest("hero_db"), timeouts=CALM) == ()


def test_what_depends_on_a_service_is_up_again_after_it(machine: Machine, zinit: Programs) -> None:
    machine.install("hero_db", "v1", "hero_db_server")
    machine.install("hero_os", "v1", "hero_os_server")
    zinit.hold("hero_db_server", f"{machine.program('hero_db_server')} wait")
    zinit.hold("hero_os_server", f"{machine.program('hero_os_server')} wait", ("hero_db_server",))
    zinit.hold("stranger", "/bin/sleep 1000", ("hero_os_server",))
    assert until(lambda: all(zinit.client.status(name).is_running for name in zinit.client.services()))
    outcomes = machine.restart("hero_db", timeouts=CALM)
    assert all(isinstance(item, Restarted) for item in outcomes), outcomes
    assert {(item.app, item.service) for item in outcomes if isinstance(item, Restarted)} == {
        ("hero_db", "hero_db_server"),
        ("hero_os", "hero_os_server"),
        ("", "stranger"),
    }
    assert all(zinit.client.status(name).is_running for name in zinit.client.services())


def test_a_service_that_is_stopped_stays_so_unless_it_is_named(machine: Machine, zinit: Programs) -> None:
    machine.install("hero_db", "v1", "hero_db_server")
    zinit.hold("hero_db_server", f"{machine.program('hero_db_server')} wait")
    zinit.client.stop("hero_db_server")
    assert until(lambda: zinit.client.status("hero_db_server").state == "exited")
    machine.install("hero_db", "v2", "hero_db_server")
    assert machine.restart(RestartRequest("hero_db"), timeouts=CALM) == ()
    assert zinit.pid("hero_db_server") == 0
    (outcome,) = machine.restart("hero_db", timeouts=CALM)
    assert isinstance(outcome, Restarted)
    assert outcome.new_pid == zinit.pid("hero_db_server") != 0


def test_a_version_that_crashes_is_reported_and_the_one_before_runs_again(machine: Machine, zinit: Programs) -> None:
    """The program without its argument ends at once, as a broken one would; zinit tries again, later and later."""
    machine.install("hero_db", "v1", "hero_db_server")
    word = machine.root.path / "word"
    word.write_text("wait")
    command = f"{machine.program('hero_db_server')} $(cat {word})"
    zinit.hold("hero_db_server", command, restart="always")
    assert until(lambda: machine.running() == {"hero_db_server": "running"})
    machine.install("hero_db", "v2", "hero_db_server")
    word.write_text("")
    slow_end = replace(CALM, steady=3)  # on a busy machine it takes a while until it has ended
    (outcome,) = machine.restart(RestartRequest("hero_db"), timeouts=slow_end)
    assert isinstance(outcome, NotRestarted)
    assert isinstance(outcome.error, NotHealthy)
    assert "hero_db_server did not come up" in outcome.error.message
    assert "`hero-build rollback`" in outcome.error.hint
    word.write_text("wait")
    (outcome,) = machine.restart("hero_db", timeouts=CALM)
    assert isinstance(outcome, Restarted)


def test_zinit_restarts_hero_router_and_hero_proc_which_hero_router_may_not(machine: Machine, zinit: Programs) -> None:
    machine.install("hero_proc", "v1", "hero_proc_server")
    machine.install("hero_db", "v1", "hero_db_server")
    zinit.hold("hero_proc_server", f"{machine.program('hero_proc_server')} wait")
    with machine.router() as router:
        router.hold("hero_db_server", machine.program("hero_db_server"), "wait")
        router.hold("hero_proc_server", machine.program("hero_proc_server"), "wait", up=False)
        assert until(lambda: set(machine.running()) == {"hero_proc_server", "hero_db_server"})
        outcomes = machine.restart("hero_proc", "hero_db", timeouts=CALM)
        services = [item.service for item in outcomes if isinstance(item, Restarted)]
        assert services == ["hero_proc_server", "hero_db_server"]
        assert [asked for asked in router.asked if asked[0] == "service.restart"] == [
            ("service.restart", "hero_db_server")
        ]


def test_a_router_that_does_not_answer_gives_way_to_zinit_with_a_warning(machine: Machine, zinit: Programs) -> None:
    with machine.router() as router:
        router.troubles["service.list"] = "garbage"
        assert [runtime.name for runtime in machine.runtimes(CALM)] == ["zinit"]
    (warning,) = machine.warnings
    assert "using zinit instead" in warning


def test_an_unknown_name_is_refused(zinit: Programs) -> None:
    with pytest.raises(BadRuntimeResponse) as caught:
        zinit.client.status("nobody")
    assert "rejects service.status_full: service not found" in caught.value.message


def test_a_log_that_grows_under_zinit_is_rotated_while_its_service_runs() -> None:
    """By the server; a start does it, too."""
    with STACKS["zinit"]() as front:
        log = front.stack.root.path / "var" / "log" / "app_server.log"
        front.stack.install("app", behaviour="flood:12")
        front.ok("start", "app")
        pid = front.services()["app_server"]["pid"]
        assert until(lambda: log.stat().st_size > log_files.LOG_BYTES)
        with serving(front.stack, "--supervisor", "zinit", "--probe-interval", "0.3"):
            assert until(lambda: log.stat().st_size < log_files.LOG_BYTES)
        assert log.with_name("app_server.log.1").stat().st_size <= 2 * log_files.LOG_BYTES
        assert front.services()["app_server"]["pid"] == pid
        assert front.run("logs", "app", "--json").document["logs"][0]["lines"]

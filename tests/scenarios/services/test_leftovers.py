"""What a service started and what lives on without it: ended before the next start and by a stop, ours only."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from support import zinit_crate
from support.processes import LONG, alive, gone, until
from support.service_world import ServiceWorld
from support.supervisor_stacks import SupervisorStack, supervisord, zinit_at
from support.worlds import REPO

pytestmark = zinit_crate.marks


def helped(front: SupervisorStack, **changes: Any) -> None:
    """An app whose service starts a helper that is none of the root's programs, then becomes its program."""
    program = front.stack.root.path / "bin" / "app_server"
    script = 'sleep 4711 & echo "helper $!"; exec "$0"'
    front.app("app", command=("/bin/sh", "-c", script, str(program)), start_timeout=5.0, **changes)
    front.ok("install", "app")


def helpers(stack: ServiceWorld) -> list[int]:
    log = stack.root.path / "var" / "log" / "app_server.log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [int(line.split()[1]) for line in lines if line.startswith("helper ")]


def first_helper(stack: ServiceWorld) -> int:
    """Of a service that was started once, when its supervisor has written what it printed."""
    assert until(lambda: bool(helpers(stack)))
    (helper,) = helpers(stack)
    return helper


@contextmanager
def strangers(stack: ServiceWorld) -> Iterator[list[int]]:
    """Processes that look alike: of another root, of another service, and one without the variables."""
    marks = {"HERO_ROOT": str(stack.root.path), "HERO_SERVICE": "app_server"}
    environments: tuple[dict[str, str], ...] = (
        {**marks, "HERO_ROOT": "/other"},
        {**marks, "HERO_SERVICE": "app_server2"},
        {},
    )
    with ExitStack() as stack_of_processes:
        running = [subprocess.Popen(["sleep", "4711"], env={**os.environ, **env}) for env in environments]
        for process in running:
            stack_of_processes.callback(process.wait)
            stack_of_processes.callback(process.kill)
        yield [process.pid for process in running]


def test_what_a_killed_supervisord_leaves_is_ended_by_the_next_start() -> None:
    with supervisord() as front, strangers(front.stack) as others:
        helped(front)
        front.ok("start", "app")
        helper = first_helper(front.stack)
        program = front.stack.pid("app_server")
        os.kill(int((front.stack.supervisor.folder / "supervisord.pid").read_text()), signal.SIGKILL)
        assert gone([program])
        assert alive(helper)
        done = front.run("start", "app")
        assert done.code == 0, done.err
        assert f"warning: process {helper}, sleep 4711, was left by app_server: it is stopped" in done.err
        assert gone([helper])
        assert all(map(alive, others))
        front.ok("stop", "app")
        assert gone(helpers(front.stack))
        assert all(map(alive, others))


class Killed:
    """A stack with a zinit that a test kills and starts again."""

    def __init__(self, front: SupervisorStack, opened: ExitStack) -> None:
        self.front, self._opened = front, opened
        self.start()

    def start(self) -> None:
        self._zinit = self._opened.enter_context(zinit_at(self.front.stack.root.path / "var" / "zinit.sock"))

    def kill(self) -> None:
        self._zinit.kill()
        self._zinit.wait()

    def pid(self) -> int:
        return int(self.front.services()["app_server"]["pid"])


@pytest.fixture
def zinit() -> Iterator[Killed]:
    with supervisord() as made, ExitStack() as opened:
        item = Killed(SupervisorStack(made.stack, "zinit", env={"HERO_SUPERVISOR": "zinit"}), opened)
        yield item
        item.front.run("stop", "@installed")


def test_a_zinit_that_is_killed_is_an_error_and_the_next_one_runs_each_service_once(zinit: Killed) -> None:
    front = zinit.front
    helped(front)
    front.ok("start", "app")
    program, helper = zinit.pid(), first_helper(front.stack)
    zinit.kill()
    with strangers(front.stack) as others:
        assert all(map(alive, (program, helper))), "zinit's children live on"
        done = front.run("start", "app")
        assert done.code == 9
        assert "zinit" in done.err
        assert front.services()["app_server"]["state"] == "unknown"
        zinit.start()
        assert gone([program, helper])
        assert until(lambda: alive(zinit.pid() or -1))
        done = front.run("start", "app")
        assert (done.code, done.out) == (0, "1 service already healthy\n"), done.err
        assert len(front.stack.running()) == 1
        front.ok("stop", "app")
        assert gone(helpers(front.stack))
        assert all(map(alive, others))


def test_what_a_program_left_behind_ends_before_zinit_starts_it_again(zinit: Killed) -> None:
    front = zinit.front
    helped(front)
    front.ok("start", "app")
    program, helper = zinit.pid(), first_helper(front.stack)
    with strangers(front.stack) as others:
        os.kill(program, signal.SIGKILL)
        assert until(lambda: len(helpers(front.stack)) == 2)
        assert gone([helper])
        assert until(lambda: zinit.pid() not in (0, program))
        os.kill(zinit.pid(), signal.SIGKILL)
        front.ok("stop", "app")
        assert gone(helpers(front.stack))
        assert all(map(alive, others))


def test_a_zinit_that_is_killed_while_a_start_waits_is_an_error(zinit: Killed) -> None:
    front = zinit.front
    front.app("app", start_timeout=60.0)
    front.stack.release_of("app", "v1", "never-bind")
    front.ok("install", "app")
    command = [sys.executable, "-m", "hero_build", "start", "app"]
    environ = front.stack.environ(**front.env)
    with subprocess.Popen(command, env=environ, cwd=REPO, stderr=subprocess.PIPE, text=True) as process:
        assert until(lambda: bool(front.stack.running()))
        zinit.kill()
        _, err = process.communicate(timeout=LONG)
    assert process.returncode == 9, err
    assert "error: " in err
    assert "zinit" in err
    assert "Traceback" not in err
    front.stack.env_file("app", "BEHAVIOUR=ok\n")
    zinit.start()
    done = front.run("start", "app")
    assert done.code == 0, done.err
    assert len(front.stack.running()) == 1

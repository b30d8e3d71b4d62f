"""What a terminal is sent: a live view where lines can be erased, plain lines where all that is sent becomes a log."""

import os
import pty
import subprocess
import sys
import threading
from collections.abc import Mapping

import pytest

from support.fault_server import FaultServer, dripping_body
from support.processes import LONG
from support.worlds import REPO, World

pytestmark = pytest.mark.usefixtures("two_apps")


def sent(world: World, *words: str, **environ: str) -> tuple[int, str]:
    """The exit code of a command with a terminal on stdout and stderr, and what that is sent."""
    controller, end = pty.openpty()
    output = bytearray()

    def read() -> None:
        while True:
            try:
                chunk = os.read(controller, 1 << 16)
            except OSError:  # the other end is closed
                return
            output.extend(chunk)

    command = [sys.executable, "-m", "hero_build", *words]
    with subprocess.Popen(command, env=variables(world, environ), cwd=REPO, stdout=end, stderr=end) as process:
        os.close(end)
        reader = threading.Thread(target=read)
        reader.start()
        code = process.wait(LONG)
        reader.join(LONG)
    os.close(controller)
    return code, output.decode()


def variables(world: World, environ: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in world.environ().items() if name != "CI"}
    return {**kept, "TERM": "xterm-256color", **environ}


@pytest.mark.parametrize("environ", [{"CI": "true"}, {"CI": "1"}, {"TERM": "dumb"}])
def test_a_log_gets_two_lines_an_app_and_no_control_characters(environ: dict[str, str], world: World) -> None:
    code, text = sent(world, "install", "@both", **environ)
    assert code == 0
    assert "\x1b" not in text
    assert "\r" not in text.replace("\r\n", "")
    for app in ("db", "web"):
        assert len([line for line in text.splitlines() if line.startswith(f"{app}: ")]) == 2


def test_a_slow_download_adds_nothing_to_a_log(world: World, faults: FaultServer) -> None:
    """A live view would draw ten frames a second."""
    world.recipe("slow")
    name = next(iter(world.mirror.rglob("web-linux*"))).name.replace("web", "slow")
    faults.release("o/slow", "v1", {name: bytes(40)})
    faults.on(f"/dl/v1/{name}", dripping_body(40))
    code, text = sent(world, "install", "slow", CI="true", FORGEJO_URL=faults.url)
    assert code == 5, "it is not a program"
    assert len([line for line in text.splitlines() if line.startswith("slow: ")]) == 1


@pytest.mark.parametrize("environ", [{}, {"CI": "false"}, {"CI": ""}])
def test_a_terminal_of_a_person_gets_a_live_view(environ: dict[str, str], world: World) -> None:
    code, text = sent(world, "install", "@both", **environ)
    assert code == 0
    assert "\x1b[2K" in text


def test_a_log_gets_a_live_view_if_colours_are_forced(world: World) -> None:
    code, text = sent(world, "install", "@both", "--color", "always", CI="true")
    assert code == 0
    assert "\x1b[2K" in text


@pytest.mark.parametrize("columns", ["40", "200"])
def test_path_is_said_once_after_the_first_install_on_a_line_to_copy(columns: str, world: World) -> None:
    line = f'export PATH="{world.root.place("bin")}:$PATH"'
    code, first = sent(world, "install", "db", "--version", "v1", COLUMNS=columns, SHELL="/bin/bash")
    assert (code, first.splitlines()[-1]) == (0, line)
    _, second = sent(world, "install", "db", COLUMNS=columns, SHELL="/bin/bash")
    assert "export PATH" not in second
    _, doctor = sent(world, "doctor", COLUMNS=columns, SHELL="/bin/bash")
    assert any(printed.strip() == line for printed in doctor.splitlines())


def test_path_is_not_said_where_it_is_right_and_not_to_a_pipe(world: World) -> None:
    path = f"{world.root.place('bin')}:{os.environ['PATH']}"
    assert "PATH" not in sent(world, "install", "db", PATH=path)[1]
    world.ok("--root", str(world.folder / "other"), "install", "db")
    done = world.run("--root", str(world.folder / "third"), "install", "db")
    assert "PATH" not in done.err + done.out

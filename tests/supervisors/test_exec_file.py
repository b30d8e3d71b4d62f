"""The files through which services start, and the small program that reads them without hero-build."""

import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from hero_build.errors import MachineError
from hero_build.install.layout import Root
from hero_build.model.services import Definition
from hero_build.supervisors import exec_file, exec_shim

VARIABLES = {
    "PLAIN": "1",
    "EQUALS": "a=b=c",
    "QUOTES": "'x' \"y\"",
    "LINES": "a\nb\n",
    "EMPTY": "",
    "BYTES": "\udcff ü",
}
PRINT = 'printf "%s|" "$PLAIN" "$EQUALS" "$QUOTES" "$LINES" "$EMPTY" "$BYTES" "$1" "$(pwd)" "${HOME-none}"'


def definition(root: Root, **fields: object) -> Definition:
    defaults = {
        "name": "app_server",
        "command": ("/bin/sh", "-c", PRINT, "sh", "an 'argument' %d"),
        "folder": Path("/"),
    }
    log, env_file = root.path / "app.log", exec_file.environment_path(root, "app_server")
    return Definition(**{**defaults, "log": log, "env_file": env_file, **fields})  # type: ignore[arg-type]


def run(words: tuple[str, ...]) -> "subprocess.CompletedProcess[bytes]":
    """As a supervisor would, with an environment of its own that the service does not get."""
    return subprocess.run(words, env={"HOME": "/supervisor"}, cwd="/", capture_output=True)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "a root %d;#")


def test_a_service_has_exactly_the_variables_of_its_file(root: Root) -> None:
    exec_file.write_environment(exec_file.environment_path(root, "app_server"), VARIABLES)
    assert exec_file.read_environment(exec_file.environment_path(root, "app_server")) == VARIABLES
    done = run(exec_file.write_exec(root, definition(root)))
    expected = [*VARIABLES.values(), "an 'argument' %d", "/", "none"]
    assert os.fsdecode(done.stdout) == "".join(f"{value}|" for value in expected)


def test_its_files_are_for_this_user_alone_and_go_with_it(root: Root) -> None:
    exec_file.write_environment(exec_file.environment_path(root, "app_server"), VARIABLES)
    exec_file.write_exec(root, definition(root))
    assert {stat.S_IMODE(path.stat().st_mode) for path in root.exec.iterdir()} == {0o600}
    assert stat.S_IMODE(root.exec.stat().st_mode) == 0o700
    exec_file.remove_exec(root, "app_server")
    assert [path.name for path in root.exec.iterdir()] == ["exec_shim.py"]


def test_it_needs_no_more_than_the_base_interpreter_and_the_root(root: Root) -> None:
    """-I and -S: neither a virtual environment nor PYTHONPATH counts."""
    words = exec_file.write_exec(root, definition(root, env_file=None, command=("/bin/echo", "here")))
    interpreter, *flags, shim, _ = words
    assert flags == ["-I", "-S"]
    assert Path(shim).read_bytes() == Path(exec_shim.__file__).read_bytes()
    done = subprocess.run([interpreter, *flags, "-c", "import hero_build"], capture_output=True)
    assert b"ModuleNotFoundError" in done.stderr
    assert run(words).stdout == b"here\n"


def test_a_nul_byte_cannot_be_passed_on(root: Root) -> None:
    with pytest.raises(MachineError, match="a NUL byte cannot be passed to a program"):
        exec_file.write_environment(exec_file.environment_path(root, "app_server"), {"A": "x\0y"})


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        (("/nowhere/program",), 127, "cannot be started: No such file or directory"),
        (("/etc/passwd",), 126, "cannot be started: Permission denied"),
        (("/proc/self/mem",), 126, "cannot be started"),
    ],
)
def test_what_cannot_be_started_ends_as_in_a_shell(root: Root, command: tuple[str, ...], code: int, says: str) -> None:
    done = run(exec_file.write_exec(root, definition(root, env_file=None, command=command)))
    assert (done.returncode, done.stdout) == (code, b"")
    assert done.stderr.startswith(b"hero-build: ")
    assert says in done.stderr.decode()


def test_a_missing_environment_file_is_named(root: Root) -> None:
    done = run(exec_file.write_exec(root, definition(root)))
    assert done.returncode == 127
    assert b"app_server.env cannot be read: No such file or directory" in done.stderr


def test_its_own_log_is_appended_to_and_rotated_at_a_start(root: Root) -> None:
    log = root.path / "app.log"
    words = exec_file.write_exec(root, definition(root, env_file=None, command=("/bin/echo", "on")), own_log=True)
    for _ in range(2):
        assert run(words).stdout == b""
    assert log.read_text() == "on\non\n"
    for size in (1, 2, 3, 4):
        log.write_bytes(b"x" * ((10 << 20) + size))
        run(words)
    sizes = [path.stat().st_size - (10 << 20) for path in sorted(root.path.glob("app.log.*"))]
    assert sizes == [4, 3, 2]
    assert log.read_text() == "on\n"


def test_a_service_that_is_held_ends_at_once(root: Root) -> None:
    words = exec_file.write_exec(root, definition(root, env_file=None, command=("/bin/echo", "on")), may_be_held=True)
    exec_file.hold(root, "app_server", held=True)
    assert exec_file.is_held(root, "app_server")
    done = run(words)
    assert (done.returncode, done.stdout) == (0, b"")
    exec_file.hold(root, "app_server", held=False)
    assert run(words).stdout == b"on\n"


def test_starts_are_counted(root: Root) -> None:
    words = exec_file.write_exec(root, definition(root, env_file=None, command=("/bin/true",)), count_starts=True)
    assert exec_file.starts(root, "app_server") == ()
    for _ in range(3):
        run(words)
    recorded = exec_file.starts(root, "app_server")
    assert len({start.pid for start in recorded}) == 3
    assert [start.time for start in recorded] == sorted(start.time for start in recorded)
    exec_file.forget_starts(root, "app_server")
    assert exec_file.starts(root, "app_server") == ()


def test_sockets_on_which_nobody_listens_are_removed_and_nothing_else(root: Root) -> None:
    stale, live, file = (root.path / name for name in ("stale.sock", "live.sock", "file"))
    root.path.mkdir()
    file.write_text("kept")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(stale))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(live))
        listener.listen(0)
        sockets = (stale, live, file, root.path / "none")
        words = exec_file.write_exec(
            root, definition(root, env_file=None, command=("/bin/echo", "on"), sockets=sockets)
        )
        for _ in range(3):  # more than it accepts
            assert run(words).stdout == b"on\n"
        assert (stale.exists(), live.exists(), file.read_text()) == (False, True, "kept")

"""The files through which a supervisor starts a service: its command and folder in one, its environment in another.

Both are read by exec_shim.py. A supervisor's configuration has nothing but their paths: no word of it needs quoting in
any supervisor's syntax, and no secret can show up in a configuration, a log or a process list. As in
/proc/<pid>/environ, every field ends with a NUL byte, so that a value may contain anything else.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from hero_build.errors import MachineError
from hero_build.install.layout import Root
from hero_build.model.services import Definition
from hero_build.os_errors import machine_errors
from hero_build.supervisors import exec_shim
from hero_build.supervisors.service_names import file_name
from hero_build.system.atomic_file import replace_file

_MODE = 0o600


def environment_path(root: Root, name: str) -> Path:
    """Where the environment of a service is kept."""
    return root.exec / f"{file_name(name)}.env"


def write_environment(path: Path, environment: Mapping[str, str]) -> None:
    """Write a service's whole environment, readable by this user only. Raises MachineError."""
    write_fields(path, (f"{name}={value}" for name, value in environment.items()))


def read_environment(path: Path) -> dict[str, str]:
    """What `write_environment` wrote; empty if there is no such file. Raises MachineError."""
    with machine_errors(path):
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return {}
    entries = (os.fsdecode(entry).partition("=") for entry in raw.split(b"\0") if entry)
    return {name: value for name, _, value in entries}


def write_exec(
    root: Root,
    definition: Definition,
    *,
    parent_pid_file: Path | None = None,
    own_log: bool = False,
    count_starts: bool = False,
    may_be_held: bool = False,
) -> tuple[str, ...]:
    """Write what the shim needs; the command with which a supervisor starts the service. Raises MachineError.

    `parent_pid_file`: has the supervisor's pid; the service gets SIGTERM when that ends. `own_log`: it writes to its
    log file itself. `count_starts`: each start is recorded, see `starts`. `may_be_held`: see `hold`.
    """
    path = exec_path(root, definition.name)
    env_file, log = str(definition.env_file or ""), str(definition.log) if own_log else ""
    starts = str(_starts_path(root, definition.name)) if count_starts else ""
    held = str(_held_path(root, definition.name)) if may_be_held else ""
    options = (held, str(parent_pid_file or ""), log, starts, env_file, str(definition.folder))
    sockets = (str(len(definition.sockets)), *map(str, definition.sockets))
    write_fields(path, (*options, *sockets, *definition.command))
    shim = root.exec / "exec_shim.py"
    with machine_errors(shim):
        write_file(shim, Path(exec_shim.__file__).read_bytes())
    return (base_interpreter(), "-I", "-S", str(shim), str(path))


def remove_exec(root: Root, name: str) -> None:
    """Remove the files of a service, its environment, too. Raises MachineError."""
    for path in (make(root, name) for make in (exec_path, environment_path, _starts_path, _held_path)):
        with machine_errors(path):
            path.unlink(missing_ok=True)


class RecordedStart(Struct, frozen=True):
    """A start of a service: its process, and when, in seconds of time.time()."""

    pid: int
    time: float


def starts(root: Root, name: str) -> tuple[RecordedStart, ...]:
    """The starts of a service since `forget_starts`, by its shim. Raises MachineError."""
    path = _starts_path(root, name)
    with machine_errors(path):
        try:
            lines = path.read_bytes().splitlines()
        except FileNotFoundError:
            return ()
    return tuple(RecordedStart(int(line.split()[0]), float(line.split()[1])) for line in lines)


def forget_starts(root: Root, name: str) -> None:
    """Count the starts anew. Raises MachineError."""
    path = _starts_path(root, name)
    with machine_errors(path):
        path.unlink(missing_ok=True)


def hold(root: Root, name: str, *, held: bool) -> None:
    """Have a service's shim end at once, or start the service again. Raises MachineError."""
    path = _held_path(root, name)
    with machine_errors(path):
        if held:
            write_file(path, b"")
        else:
            path.unlink(missing_ok=True)


def is_held(root: Root, name: str) -> bool:
    return _held_path(root, name).exists()


def _held_path(root: Root, name: str) -> Path:
    return root.exec / f"{file_name(name)}.held"


def _starts_path(root: Root, name: str) -> Path:
    return root.exec / f"{file_name(name)}.starts"


def exec_path(root: Root, name: str) -> Path:
    return root.exec / f"{file_name(name)}.exec"


def base_interpreter() -> str:
    """The Python that this one's virtual environment was made from."""
    return os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable)


def write_fields(path: Path, fields: Iterable[str]) -> None:
    """Replace a file of NUL-terminated fields at once. Raises MachineError."""
    encoded = [os.fsencode(field) for field in fields]
    if any(b"\0" in field for field in encoded):
        raise MachineError(f"a NUL byte cannot be passed to a program ({path.stem})", "Remove it from the recipe.")
    with machine_errors(path):
        write_file(path, b"".join(field + b"\0" for field in encoded))


def write_file(path: Path, content: bytes, mode: int = _MODE) -> None:
    """Replace a file by a rename, and only if it differs. Raises OSError."""
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    replace_file(path, content, mode=mode)

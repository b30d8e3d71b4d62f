"""What a root remembers of its services: `<root>/var/hero_build/services/<service>/`.

`wanted` is `running` or `stopped`, as the last start or stop said: liveness and boot touch only what is wanted running.
`record.json` has what was last started. `lock` is held while a command starts or stops the service.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from hero_build.errors import LockHeld
from hero_build.install.layout import Root
from hero_build.model.services import Definition, FlapLimit
from hero_build.os_errors import machine_errors, raise_for_machine
from hero_build.supervisors.service_names import file_name, service_name
from hero_build.system import filelock
from hero_build.system.atomic_file import replace_file
from hero_build.system.decoding import decode_json
from hero_build.system.regular_file import read_regular

Wanted = Literal["running", "stopped"]
_FOLDER = "services"
_LARGEST_FILE = 64 << 20  # bytes


class ServiceRecord(Struct, frozen=True):
    """A service that was started here. `ends`: when it last ended by itself or did not come up, in seconds of
    time.time(), the newest last; a stop by a command clears them. `flapping`: since when it is not started any more.
    """

    app: str
    name: str
    binary: str
    instance: str = ""
    supervisor: str = ""
    definition: Definition | None = None
    ends: tuple[float, ...] = ()
    flapping: float | None = None
    reason: str = ""
    """Why it last did not come up."""

    def ended(self, times: int, limit: FlapLimit) -> "ServiceRecord":
        """The record after so many more ends: flapping when they exceed the limit."""
        now = time.time()
        recent = (*(moment for moment in self.ends if now - moment < limit.seconds), *([now] * times))
        flapping = self.flapping or (now if len(recent) >= limit.starts else None)
        return msgspec.structs.replace(self, ends=recent[-limit.starts :], flapping=flapping)


def folder(root: Root, name: str) -> Path:
    """The folder of a service's files."""
    return root.state / _FOLDER / file_name(name)


def log_path(root: Root, name: str) -> Path:
    """Where a supervisor that keeps no log of its own writes that of a service."""
    return root.path / "var" / "log" / f"{file_name(name)}.log"


def wanted(root: Root, name: str) -> Wanted | None:
    """What the last start or stop said; None for a service that was never started here."""
    try:
        word = read_regular(folder(root, name) / "wanted", _LARGEST_FILE).decode().strip()
    except (OSError, ValueError) as error:
        raise_for_machine(error)
        return None
    return "running" if word == "running" else "stopped"


def set_wanted(root: Root, name: str, state: Wanted) -> None:
    """Record it; a start that waits for the service notices. Raises MachineError."""
    if wanted(root, name) != state:
        _write(folder(root, name) / "wanted", f"{state}\n".encode())


def read_record(root: Root, name: str) -> ServiceRecord | None:
    """The record; None without one, or where it cannot be read: a service is then defined anew."""
    try:
        raw = read_regular(folder(root, name) / "record.json", _LARGEST_FILE)
        return decode_json(raw, kind=ServiceRecord, dec_hook=_decode)
    except (OSError, ValueError) as error:
        raise_for_machine(error)
        return None


def write_record(root: Root, record: ServiceRecord) -> None:
    """Raises MachineError."""
    _write(folder(root, record.name) / "record.json", msgspec.json.encode(record, enc_hook=str))


def forget_record(root: Root, name: str) -> None:
    """Remove what is remembered of a service, except its lock."""
    for file in ("wanted", "record.json"):
        with suppress(FileNotFoundError):
            (folder(root, name) / file).unlink()


def recorded_services(root: Root) -> tuple[ServiceRecord, ...]:
    """All services that were started here and not forgotten, by name."""
    try:
        names = sorted(os.listdir(root.state / _FOLDER))
    except OSError as error:
        raise_for_machine(error)
        return ()
    return tuple(record for name in names if (record := read_record(root, service_name(name))) is not None)


@contextmanager
def locked_service(root: Root, name: str, wait: float, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a service's lock while it is started or stopped. Raises LockHeld after `wait` seconds, MachineError.

    `on_wait` is called if another command holds it.
    """
    place = folder(root, name)
    with machine_errors(place):
        place.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(place / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        held = LockHeld(f"another command starts or stops {name}", "Wait for it to end, or give --wait SECONDS.")
        if not filelock.attempt(descriptor):
            on_wait()
            filelock.acquire(descriptor, wait, held)
        yield
    finally:
        os.close(descriptor)


def _decode(kind: Any, value: object) -> Any:
    return kind(value)


def _write(path: Path, content: bytes) -> None:
    """Replace a file atomically; what is in it survives a power cut."""
    with machine_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content, mode=0o600, durable=True)

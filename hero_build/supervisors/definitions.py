"""The definitions of our services in a supervisor that has no safe place for them itself, as files in the root."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from hero_build.errors import LockHeld, MachineError
from hero_build.install.layout import Root
from hero_build.model.services import Definition
from hero_build.os_errors import machine_errors
from hero_build.supervisors.exec_file import write_file
from hero_build.supervisors.service_names import file_name, service_name
from hero_build.system import filelock
from hero_build.system.decoding import decode_json

_CHOICE = "supervisor"  # a file in the root's state


class DefinitionFolder(Struct, frozen=True):
    """The definitions for one supervisor. All methods raise MachineError."""

    root: Root
    supervisor: str

    @property
    def folder(self) -> Path:
        """Where a supervisor's own files are, too."""
        return self.root.state / self.supervisor

    def names(self) -> tuple[str, ...]:
        try:
            names = sorted(os.listdir(self.folder / "services"))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        return tuple(service_name(name.removesuffix(".json")) for name in names if name.endswith(".json"))

    def read(self, name: str) -> Definition | None:
        path = definition_path(self.folder, file_name(name))
        try:
            return decode_definition(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise MachineError(f"{path} is damaged: {error}", "Remove it, then `hero-build start APP`.") from error

    def all(self) -> tuple[Definition, ...]:
        read = (self.read(name) for name in self.names())
        return tuple(definition for definition in read if definition is not None)

    def write(self, definition: Definition) -> None:
        path = definition_path(self.folder, file_name(definition.name))
        with machine_errors(path):
            definition.log.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, msgspec.json.format(msgspec.json.encode(definition, enc_hook=str)))
        if stored_choice(self.root) is None:
            store_choice(self.root, self.supervisor)

    def remove(self, name: str) -> None:
        path = definition_path(self.folder, file_name(name))
        with machine_errors(path):
            path.unlink(missing_ok=True)
        if not self.names() and stored_choice(self.root) == self.supervisor:
            store_choice(self.root, None)

    @contextmanager
    def changing(self, wait: float) -> Iterator[None]:
        """One hero-build at a time changes the services of a supervisor. Raises LockHeld after `wait` seconds."""
        with machine_errors(self.folder):
            (self.folder / "services").mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self.folder / "change.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            held = LockHeld(f"another hero-build changes the services of {self.root.path}", "Wait for it to end.")
            filelock.acquire(descriptor, wait, held)
            yield
        finally:
            os.close(descriptor)


def definition_path(folder: Path, file_name: str) -> Path:
    """Where a supervisor's folder has the definition of a service."""
    return folder / "services" / f"{file_name}.json"


def decode_definition(raw: bytes) -> Definition:
    """What a definition's file holds. Raises ValueError."""
    return decode_json(raw, kind=Definition, dec_hook=decode_path)


def decode_path(kind: Any, value: object) -> Any:
    """A `dec_hook` of msgspec for the paths in a definition."""
    return kind(value)


def stored_choice(root: Root) -> str | None:
    """The supervisor that has the services of a root; None before the first one is defined. Raises MachineError."""
    with machine_errors(root.state / _CHOICE):
        try:
            return (root.state / _CHOICE).read_text(errors="replace").strip() or None
        except (FileNotFoundError, NotADirectoryError):
            return None


def store_choice(root: Root, supervisor: str | None) -> None:
    """None: choose anew the next time. Raises MachineError."""
    path = root.state / _CHOICE
    with machine_errors(path):
        if supervisor is None:
            path.unlink(missing_ok=True)
        else:
            write_file(path, f"{supervisor}\n".encode(), mode=0o644)

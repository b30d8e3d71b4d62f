"""The journal of a health-gated upgrade: `<root>/var/hero_build/upgrade.json` while one is under way.

Its writer holds `upgrade.lock`; a journal without a holder is that of a command that was killed, and the next command
finishes or undoes what it says.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import msgspec
from msgspec import Struct

from hero_build.errors import LockHeld
from hero_build.install.layout import Root
from hero_build.os_errors import machine_errors, raise_for_machine
from hero_build.system import filelock
from hero_build.system.atomic_file import replace_file
from hero_build.system.decoding import decode_json

UpgradeStep = Literal["installing", "restarting", "rolling back"]


class UpgradeState(Struct, frozen=True):
    """`before`: the generation to return to; `after`: that of the upgrade, 0 until it is committed. `apps`: those that
    it installs, `first` those of them that were not installed before and should run. `healthy`: the services that were
    healthy before, and `supervised`, which `start` did not start, and whether each listened. `services`: those that
    were restarted, and `others` (app and name), through the supervisor that has them. `one_way`: apps that it takes to
    a version from which there is no way back. `leaving`: services that run of apps that it removes, and
    `leaving_others` (app and name) those that `start` did not start.
    """

    step: UpgradeStep
    before: int
    apps: tuple[str, ...]
    healthy: tuple[str, ...] = ()
    supervised: dict[str, bool] = {}
    first: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    others: tuple[tuple[str, str], ...] = ()
    after: int = 0
    one_way: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()
    leaving_others: tuple[tuple[str, str], ...] = ()


def read_upgrade(root: Root) -> UpgradeState | None:
    """What the journal says; None without one. One that cannot be read was never written completely: as none."""
    try:
        return decode_json(root.upgrade.read_bytes(), kind=UpgradeState)
    except (OSError, ValueError) as error:
        raise_for_machine(error, root.upgrade)
        return None


def write_upgrade(root: Root, state: UpgradeState) -> None:
    """Replace the journal; it survives a power cut. Raises MachineError."""
    with machine_errors(root.upgrade):
        replace_file(root.upgrade, msgspec.json.encode(state), durable=True)


def end_upgrade(root: Root) -> None:
    """Remove the journal: nothing is left to do."""
    with machine_errors(root.upgrade):
        root.upgrade.unlink(missing_ok=True)


@contextmanager
def upgrade_lock(root: Root, wait: float) -> Iterator[None]:
    """Held by the one command that writes the journal. Raises LockHeld after `wait` seconds, MachineError."""
    path = root.state / "upgrade.lock"
    with machine_errors(path):
        root.state.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        held = LockHeld(f"another hero-build upgrades {root.path}", "Wait for it to end, or give --wait SECONDS.")
        filelock.acquire(descriptor, wait, held)
        yield
    finally:
        os.close(descriptor)


def interrupted_upgrade(root: Root) -> UpgradeState | None:
    """The journal of a command that was killed; None without one, and while its command runs."""
    state = read_upgrade(root)
    if state is None:
        return None
    try:
        with upgrade_lock(root, 0):
            return read_upgrade(root)
    except LockHeld:
        return None

"""The journal of an adoption: `<root>/var/hero_build/adoption.json` from before the first service is stopped until all
is done or undone. Its writer holds the lock of upgrades (upgrade_journal); without a holder, its command was killed.
"""

import msgspec
from msgspec import Struct

from hero_build.errors import LockHeld
from hero_build.install.layout import Root
from hero_build.model.services import Definition
from hero_build.os_errors import machine_errors, raise_for_machine
from hero_build.services.upgrade_journal import upgrade_lock
from hero_build.supervisors.definitions import decode_path
from hero_build.system.atomic_file import replace_file
from hero_build.system.decoding import decode_json


class ServiceBefore(Struct, frozen=True):
    """A service as it was, in that supervisor; `definition` is None where hero-build did not define it, and so cannot
    define it again.
    """

    name: str
    supervisor: str
    running: bool
    definition: Definition | None
    variables: dict[str, str]


class AdoptionState(Struct, frozen=True):
    """The app that is installed in place of the service; the generations `before` and `after` (equal: nothing was
    installed); the services that are `replaced`, and the names of those that the root had (`recorded`). `healthy`: the
    app's services are up.
    """

    app: str
    service: str
    before: int
    after: int
    replaced: tuple[ServiceBefore, ...]
    recorded: tuple[str, ...]
    healthy: bool = False


def write_adoption(root: Root, state: AdoptionState) -> None:
    """Replace the journal; it survives a power cut. Its variables may be secrets. Raises MachineError."""
    with machine_errors(root.adoption):
        replace_file(root.adoption, msgspec.json.encode(state, enc_hook=str), mode=0o600, durable=True)


def end_adoption(root: Root) -> None:
    """Remove the journal: nothing is left to do."""
    with machine_errors(root.adoption):
        root.adoption.unlink(missing_ok=True)


def read_adoption(root: Root) -> AdoptionState | None:
    """What the journal says; None without one. One that cannot be read was never written completely: as none."""
    try:
        return decode_json(root.adoption.read_bytes(), kind=AdoptionState, dec_hook=decode_path)
    except (OSError, ValueError) as error:
        raise_for_machine(error, root.adoption)
        return None


def interrupted_adoption(root: Root) -> AdoptionState | None:
    """The journal of a command that was killed; None without one, and while its command runs."""
    if not root.adoption.exists():
        return None
    try:
        with upgrade_lock(root, 0):
            return read_adoption(root)
    except LockHeld:
        return None

"""A machine of a fleet, as the options of `fleet` describe it."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from hero_build.errors import UsageError
from hero_build.forge.lock_source import place_address
from hero_build.ops.open_lock import public_key
from hero_build.supervisors.systemd_unit import quoted

PROGRAM = "/usr/local/bin/hero-build"
USER = "hero"
_BARE = re.compile(r"[A-Za-z0-9_@+=:,./-]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}")  # useradd(8)
_SET = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_HIDDEN = ("/tmp", "/var/tmp", "/dev", "/proc", "/sys", "/run")  # noqa: S108 - what a unit has of its own, or a boot
_PATH = re.compile(r"/[A-Za-z0-9_.,:+@/-]+")


class FleetMachine(Struct, frozen=True, kw_only=True):
    """`set`: the name of a set, without its @. `at`: where the machine gets the set's lock file and all that it pins.

    `digest`, `trust`: of the first lock file, as `install --locked` has them. `program`: hero-build on the machine.
    """

    set: str
    at: str
    root: Path
    user: str = USER
    program: str = PROGRAM
    digest: str | None = None
    trust: str | None = None

    @property
    def lock(self) -> str:
        """The address of the first lock file."""
        return f"{self.at}/{self.set}.lock"

    def command(self, *words: str) -> str:
        """A command line of hero-build for a unit file."""
        line = (self.program, "--root", str(self.root), *words)
        return " ".join(word if _BARE.fullmatch(word) else quoted(word) for word in line)


def fleet_machine(machine: FleetMachine) -> FleetMachine:
    """The machine, checked. Raises UsageError for what cannot be, and where nothing vouches for the first lock file."""
    at = place_address(machine.at)
    if not _NAME.fullmatch(machine.user):
        hint = "Use lowercase letters, digits, _ and -, 32 at most."
        raise UsageError(f"{machine.user!r} is not the name of a user", hint)
    check_set(machine.set)
    for path in (str(machine.root), machine.program):
        _check_path(path)
    if machine.digest is not None:
        check_digest(machine.digest, "--digest")
    trust = None if machine.trust is None else public_key(machine.trust)  # a file is here, and not on the machine
    if urlsplit(at).scheme == "http" and not (machine.digest or machine.trust):
        hint = "Add --digest SHA256 (`lock` prints it) or --trust PUBKEY, or serve the place by https."
        raise UsageError("over plain http anyone on the way may send another lock file", hint)
    return replace(machine, at=at, trust=trust)


def _check_path(path: str) -> None:
    """Raises UsageError."""
    if not _PATH.fullmatch(path) or ".." in path.split("/"):
        hint = "Begin it with /, and use letters, digits and any of . , : + @ _ - in names."
        raise UsageError(f"{path!r} cannot be a path on the machine", hint)
    if any(Path(path).is_relative_to(folder) for folder in _HIDDEN):
        raise UsageError(f"{path} does not last, or a unit does not see it", "Use a folder below /home, /opt or /srv.")


def check_set(name: str) -> None:
    """Raises UsageError for what is no name of a file and of a set."""
    if not _SET.fullmatch(name):
        raise UsageError(f"a machine cannot have the set {name!r}", "Name it with letters, digits, _ and -.")


def check_digest(text: str, option: str) -> None:
    """Raises UsageError."""
    if not _SHA256.fullmatch(text):
        raise UsageError(f"{option} is {text!r}", "It takes the output of sha256sum: 64 characters.")

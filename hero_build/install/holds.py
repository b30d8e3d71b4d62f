"""The apps that are held at their installed version: `held.json` of a root (docs/on-disk.md, contract)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

from hero_build.errors import RootDamaged
from hero_build.install.layout import Root
from hero_build.os_errors import ABSENT, machine_errors, raise_for_access
from hero_build.system.decoding import decode_json
from hero_build.system.regular_file import read_regular

if TYPE_CHECKING:
    from hero_build.install.root_lock import LockedRoot

FILE_NAME = "held.json"
_LARGEST_FILE = 1 << 20  # bytes


class HeldApps(Struct, frozen=True):
    """held.json. Fields that are not known are ignored."""

    schema: Literal[1]
    apps: tuple[str, ...]


def held_apps(root: Root) -> tuple[str, ...]:
    """The names of the held apps, sorted; an app in it need not be installed. Raises RootDamaged, MachineError."""
    path = root.state / FILE_NAME
    try:
        content = read_regular(path, _LARGEST_FILE)
        return tuple(sorted(decode_json(content, kind=HeldApps).apps))
    except ABSENT:
        return ()
    except (msgspec.DecodeError, OSError) as error:
        if isinstance(error, OSError):
            raise_for_access(error, path)
        reason = error.strerror if isinstance(error, OSError) else str(error)
        hint = "Correct it, or delete it: then no app is held."
        raise RootDamaged(f"{path} cannot be read: {reason}", hint) from error


def write_held(locked: "LockedRoot", apps: Iterable[str]) -> None:
    """Replace the list of held apps, by one rename. Raises MachineError."""
    from hero_build.system.atomic_file import replace_file  # `list` only reads

    root = locked.root
    content = msgspec.json.encode(HeldApps(1, tuple(sorted(apps)))) + b"\n"
    with machine_errors(root.path):
        replace_file(root.state / FILE_NAME, content, durable=True, scratch=root.staging)

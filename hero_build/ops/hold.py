"""`hold` and `unhold`: keep apps at their installed version while the others are upgraded."""

from collections.abc import Sequence

from msgspec import Struct

from hero_build.install.holds import held_apps, write_held
from hero_build.install.layout import Root
from hero_build.install.root_lock import locked


class HoldReport(Struct, frozen=True):
    """`changed`: the apps that the command held or released; `held`: all that are held now."""

    changed: tuple[str, ...]
    held: tuple[str, ...]


def hold(root: Root, apps: Sequence[str], wait: float) -> HoldReport:
    """Hold these apps. Raises LockHeld, MachineError, RootDamaged."""
    with locked(root, wait) as locked_root:
        before = held_apps(root)
        added = tuple(app for app in apps if app not in before)
        if added:
            write_held(locked_root, (*before, *added))
        return HoldReport(added, held_apps(root))


def unhold(root: Root, apps: Sequence[str], wait: float) -> HoldReport:
    """Release these apps; one that is not held stays so. Raises LockHeld, MachineError, RootDamaged."""
    with locked(root, wait) as locked_root:
        before = held_apps(root)
        released = tuple(app for app in apps if app in before)
        if released:
            write_held(locked_root, (app for app in before if app not in released))
        return HoldReport(released, held_apps(root))

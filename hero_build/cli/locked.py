"""What a lock file means for the root that `install --locked` changes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from hero_build.cli.install_options import InstallOptions
from hero_build.cli.session import Session
from hero_build.errors import AppNotFound, UsageError

if TYPE_CHECKING:
    from hero_build.catalog.loader import Catalog
    from hero_build.model.decisions import Remove
    from hero_build.ops.install import Plan
    from hero_build.ops.open_lock import OpenedLock


class LockedSet(Struct, frozen=True):
    """A lock file that is installed: its digest, whether all of its apps are meant, and the parts that it does not have
    and that therefore go.
    """

    sha256: str
    whole: bool
    leaving: "tuple[Remove, ...]" = ()

    def applied(self, plan: "Plan") -> "Plan":
        """The plan with what the lock file means for all of the root."""
        return replace(plan, lock=self.sha256 if self.whole else None, leaving=self.leaving)


def locked_set(session: Session, lock: "OpenedLock", names: Sequence[str], options: InstallOptions) -> LockedSet:
    """`names`: the apps that are installed. Held apps stay, also with --exact. Raises RootDamaged."""
    whole = set(lock.apps) <= set(names)
    if not options.exact:
        return LockedSet(lock.sha256, whole)
    from hero_build.ops.leaving import leaving_parts

    generation = session.generation()
    others = sorted({part.app for part in generation.records} - set(lock.apps))
    going = session.without_held(others, named=())
    return LockedSet(lock.sha256, whole, leaving_parts(generation, {*lock.apps, *others} - set(going)))


def locked_apps(lock: "OpenedLock | None", catalog: "Catalog") -> tuple[str, ...]:
    """The apps that a lock file pins, none without one. Raises AppNotFound for one that has no recipe here."""
    if lock is None:
        return ()
    for app in lock.apps:
        if app not in catalog.files:
            hint = f"Put its recipe into a folder of HERO_RECIPES, as where it was written, or use a pack of {app}."
            raise AppNotFound(f"{lock.files[0]} pins {app}, and this hero-build has no recipe of it", hint)
    return lock.apps


def require_whole(options: InstallOptions, typed: Sequence[str]) -> None:
    """Raises UsageError where --exact stands beside the names of apps."""
    if options.exact and typed:
        raise UsageError("--exact installs all of a lock file", "Leave out the names of apps, or --exact.")

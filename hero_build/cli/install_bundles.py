"""`shell` and `islands`, once their words are parsed; no click."""

from collections.abc import Sequence

from hero_build.cli.install_options import InstallOptions
from hero_build.cli.locked import LockedSet
from hero_build.cli.run_install import require_restart, run_install, shortened
from hero_build.cli.session import Session
from hero_build.model.artifacts import DESKTOP_APP, ISLANDS_APP
from hero_build.model.installed import Phase

_APPS: dict[Phase, str] = {"shell": DESKTOP_APP, "islands": ISLANDS_APP}


def install_bundles(
    session: Session,
    phase: Phase,
    names: Sequence[str],
    options: InstallOptions,
    *,
    restart: bool = False,
    rollback_on_failure: bool = False,
    dry_run: bool = False,
) -> int:
    """Install what the words name; returns the exit code. Raises UsageError, and what an install raises."""
    require_restart(restart=restart, rollback_on_failure=rollback_on_failure)
    options = options.for_pack(session)
    lock = options.open_lock(session)
    return run_install(
        session,
        requests=[options.request(_APPS[phase], phase, names)],
        context=session.context(lock.forge if lock else None, use="plan" if dry_run else "change"),
        action=f"{phase} {shortened(names)}".rstrip(),
        restart=restart,
        gated=rollback_on_failure,
        dry_run=dry_run,
        lock=LockedSet(lock.sha256, whole=False) if lock else None,
    )

"""Which supervisor runs the services of a root: the one that is named, else the one that has them, else `auto`.

`auto` chooses once: the choice is stored in the root with the first definition of a service, and forgotten with the
last. Otherwise a supervisor that appears later would take what another one runs for leftovers.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from msgspec import Struct

from hero_build.errors import RuntimeFailed, UsageError
from hero_build.install.layout import Root
from hero_build.settings import Settings
from hero_build.supervisors import discover
from hero_build.supervisors.definitions import stored_choice
from hero_build.supervisors.hero_router import HeroRouter
from hero_build.supervisors.protocol import ROUTER, SUPERVISORD, SYSTEMD, ZINIT, Supervisor, SupervisorName, Timeouts
from hero_build.supervisors.zinit import Zinit

LINGER = "`loginctl enable-linger` keeps them running, and starts them with the machine."
_BOOTED = Path("/run/systemd/system")  # sd_booted(3)


class SupervisorChoice(Struct, frozen=True):
    """`why` is the end of a sentence; `stored`: services of the root are defined in it."""

    supervisor: Supervisor
    why: str
    stored: bool


def choose(settings: Settings, environ: Mapping[str, str], limits: Timeouts) -> SupervisorChoice:
    """The supervisor of this run. Raises UsageError when another one than that which has the services is named."""
    stored = stored_choice(Root(settings.root))
    if settings.supervisor != "auto":
        if stored and stored != settings.supervisor:
            raise _other_has_them(settings, stored)
        supervisor = make(settings.supervisor, settings, environ=environ, limits=limits)
        return SupervisorChoice(supervisor, _named_by(settings), stored is not None)
    if stored:
        supervisor = make(stored, settings, environ=environ, limits=limits)
        return SupervisorChoice(supervisor, "it has the services of this root", stored=True)
    name, why = _automatic(settings, environ, limits)
    return SupervisorChoice(make(name, settings, environ=environ, limits=limits), why, stored=False)


def make(name: str, settings: Settings, *, environ: Mapping[str, str], limits: Timeouts) -> Supervisor:
    """The supervisor of this name for the root of the settings. Raises UsageError."""
    root, where = Root(settings.root), discover.sockets(settings, environ)
    match name:
        case "hero_router":
            return HeroRouter(where.router, limits)
        case "zinit":
            return Zinit(root, where.zinit, limits)
        case "systemd":
            from hero_build.supervisors.systemd import Systemd
            from hero_build.supervisors.systemd_client import system_manager, user_manager
            from hero_build.system.home import home

            manager = system_manager() if os.geteuid() == 0 else user_manager(home())
            return Systemd(root, manager, limits)
        case "supervisord":
            from hero_build.supervisors.supervisord import Supervisord

            return Supervisord(root, limits)
    names = ", ".join(get_args(SupervisorName))
    raise UsageError(f"{name!r} is not a supervisor", f"The supervisors are {names}.")


def ends_with_session(supervisor: Supervisor) -> bool:
    """Whether its services end when the user's last session does, and do not start with the machine."""
    if supervisor.name != SYSTEMD or os.geteuid() == 0:
        return False
    from hero_build.supervisors.systemd_client import lingers

    return not lingers()


def _automatic(settings: Settings, environ: Mapping[str, str], limits: Timeouts) -> tuple[SupervisorName, str]:
    where = discover.sockets(settings, environ)
    if _answers(HeroRouter(where.router, limits), where.router):
        return ROUTER, f"it answers at {where.router}"
    if _answers(Zinit(Root(settings.root), where.zinit, limits), where.zinit):
        return ZINIT, f"it answers at {where.zinit}"
    if not _BOOTED.is_dir():
        return SUPERVISORD, "neither hero_router, zinit nor systemd runs here"
    if os.geteuid() == 0:
        return SYSTEMD, "it runs this machine"
    runtime = Path(environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    if (runtime / "systemd" / "private").is_socket():
        return SYSTEMD, "it manages this user's services"
    return SUPERVISORD, "systemd runs this machine, but no manager of this user's services"


def _answers(supervisor: Supervisor, socket: Path) -> bool:
    if not socket.exists():
        return False
    try:
        supervisor.services()
    except RuntimeFailed:
        return False
    return True


def _named_by(settings: Settings) -> str:
    by = {"flag": "--supervisor", "environment": "HERO_SUPERVISOR", "config": "cfg/hero_build.toml"}
    return f"{by.get(settings.source('supervisor'), 'a setting')} names it"


def _other_has_them(settings: Settings, stored: str) -> UsageError:
    sentence = f"{stored} has the services of {settings.root}, and {_named_by(settings).removesuffix(' names it')}"
    hint = f"`hero-build supervisor use {settings.supervisor}` moves them; `--supervisor auto` uses {stored}."
    return UsageError(f"{sentence} names {settings.supervisor}", hint)

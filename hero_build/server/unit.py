"""The systemd unit of `hero-build serve`: systemd.service(5), systemd.exec(5)."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from hero_build.settings import ENVIRONMENT, Settings
from hero_build.supervisors.choice import choose
from hero_build.supervisors.protocol import SUPERVISORD, timeouts
from hero_build.supervisors.systemd_client import SystemdClient, SystemdManager, system_manager, user_manager
from hero_build.supervisors.systemd_unit import quoted
from hero_build.system import packed
from hero_build.system.home import home

NAME = "hero-build.service"
_BOOTED = Path("/run/systemd/system")  # sd_booted(3)
_FLAGS = ("forge", "supervisor", "jobs", "wait")
"""Options of all commands that decide what the server does, by their names in the settings."""
_READ_ONLY = ("/usr", "/etc", "/boot", "/efi")  # ProtectSystem=full
_UNIT = """\
# Written by `hero-build serve --install-unit`. `systemctl edit {name}` adds to it.
[Unit]
Description=hero-build serve, for {root}
Documentation=man:hero-build-serve(1)
{after}
[Service]
Type=notify
NotifyAccess=main
SyslogIdentifier={name}
ExecStart={command}
{environment}
# FORGEJO_TOKEN=... in a file of mode 0600
EnvironmentFile=-{token_file}
Restart=on-failure
RestartSec=2
RestartPreventExitStatus=2 7 8
# What the server has started goes on while it is restarted.
KillMode=process
TimeoutStopSec=30
LimitNOFILE=65536

{hardening}
[Install]
WantedBy={target}
"""
_HARDENED = """\
NoNewPrivileges=true
LockPersonality=true
RestrictRealtime=true
SystemCallArchitectures=native
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
"""
_HARDENED_SYSTEM = """\
ProtectSystem=full
ReadWritePaths={writable}
ProtectClock=true
ProtectControlGroups=true
ProtectHostname=true
ProtectKernelLogs=true
ProtectKernelModules=true
ProtectKernelTunables=true
"""
_NOT_HARDENED = """\
# Not hardened: supervisord runs the services from this unit, and they would inherit it.
"""


class ServerUnit(Struct, frozen=True):
    """A unit, and where it belongs; `installed`: it is there, enabled and running."""

    name: str
    path: str
    manager: str
    text: str
    installed: bool = False


def server_unit(settings: Settings, options: Sequence[str] = ()) -> ServerUnit:
    """The unit for this user: of the system's manager for root, else of the user's; `options`: further ones of `serve`.

    Raises UsageError.
    """
    manager = _manager()
    return ServerUnit(
        NAME,
        path=str(manager.units / NAME),
        manager=manager.flag.removeprefix("--"),
        text=_text(settings, manager, options),
    )


def install_unit(settings: Settings, options: Sequence[str] = ()) -> ServerUnit:
    """Install, enable and start it. Raises RuntimeUnreachable where systemd does not run, MachineError, UsageError."""
    unit, manager = server_unit(settings, options), _manager()
    packed.keep_for(unit.path)
    SystemdClient(manager, timeouts(settings).change).install(NAME, unit.text)
    return replace(unit, installed=True)


def _manager() -> SystemdManager:
    return system_manager() if os.geteuid() == 0 else user_manager(home())


def _text(settings: Settings, manager: SystemdManager, options: Sequence[str] = ()) -> str:
    is_system = manager.flag == "--system"
    return _UNIT.format(
        name=NAME,
        root=str(settings.root).replace("%", "%%"),
        after="After=network-online.target\nWants=network-online.target\n" if is_system else "",
        command=" ".join(quoted(word) for word in (*_command(settings), *options)),
        environment="\n".join(_environment(settings)),
        token_file=str(settings.root / "cfg" / "hero_build.env").replace("%", "%%"),
        hardening=_hardening(settings, is_system=is_system),
        target=manager.target,
    )


def _command(settings: Settings) -> list[str]:
    """The program that runs now, with what was typed for it: of a pack its unpacked tool, since the file may go."""
    program = Path(sys.argv[0])
    is_script = program.name == "hero-build" and os.access(program, os.X_OK)
    words = [str(program.absolute())] if is_script else packed.python("hero_build")
    options = [word for name in _FLAGS if settings.source(name) == "flag" for word in _option(name, settings)]
    return [*words, "serve", "--root", str(settings.root), *options]


def _option(name: str, settings: Settings) -> tuple[str, str]:
    value = getattr(settings, name)
    return f"--{name}", f"{value:.12g}" if isinstance(value, float) else str(value)


def _environment(settings: Settings) -> Iterator[str]:
    """What is set here and decides what the server does, except the token; relative paths as they are now."""
    names = [*ENVIRONMENT.values(), "ZINIT_SOCKET", "PATH", "CARGO_HOME", "RUSTUP_HOME"]
    names += [packed.VARIABLE] if packed.folder() else []
    for name in names:
        if (value := os.environ.get(name)) and name != "HERO_ROOT" and value.isprintable():
            yield f"Environment={quoted(f'{name}={_absolute(name, value)}').replace('$$', '$')}"


def _absolute(name: str, value: str) -> str:
    if name in ("PATH", "FORGEJO_URL", "HERO_CLONE_DEPTH", "HERO_SUPERVISOR"):
        return value
    return ":".join(os.path.abspath(part) for part in value.split(":") if part)


def _hardening(settings: Settings, *, is_system: bool) -> str:
    if choose(settings, os.environ, timeouts(settings)).supervisor.name == SUPERVISORD and _BOOTED.is_dir():
        return _NOT_HARDENED
    writable = ["/etc/systemd/system"]
    for path in (settings.root, settings.sockets, settings.cache, settings.coderoot):
        writable += [quoted(f"-{path}")] if str(path).startswith(_READ_ONLY) else []
    return hardened(is_system=is_system, writable=writable)


def hardened(*, is_system: bool, writable: Sequence[str]) -> str:
    """The options of a unit. Those of a user's manager restrict no folders: it may not mount."""
    return _HARDENED + (_HARDENED_SYSTEM.format(writable=" ".join(writable)) if is_system else "")

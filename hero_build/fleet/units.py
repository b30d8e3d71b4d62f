"""The systemd units of a machine of a fleet: systemd.unit(5), systemd.service(5), systemd.exec(5).

hero-set.service brings the machine to its lock file, and tries again until that has succeeded. hero.service serves, and
runs the services. Once the set is there it upholds them: after a first boot without a mirror they start by themselves.
What is installed starts also where the set cannot be reached.
"""

import re
from pathlib import Path

from msgspec import Struct

from hero_build.errors import UsageError
from hero_build.fleet.machine import FleetMachine
from hero_build.os_errors import machine_errors
from hero_build.system.atomic_file import replace_file

SET_UNIT, SERVICES_UNIT = "hero-set.service", "hero.service"
CONVERGE_UNIT, TIMER_UNIT = "hero-converge.service", "hero-converge.timer"
_INTERVAL = re.compile(r"(?=.*[1-9])([0-9]{1,6} ?(s|min|h|d|w) ?)+")
HOMES = ("/home", "/root")
_HEAD = "# Written by `hero-build fleet {by}`. `systemctl edit {name}` adds to it.\n"
_SET = """\
[Unit]
Description=The pinned set @{set} of Hero OS
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0
# After a first boot that could not reach the set, its services start once it is there.
Upholds={services_unit}

[Service]
Type=oneshot
RemainAfterExit=yes
User={user}
ExecStartPre=+/usr/bin/install -d -o {user} -g {user} {root}
ExecStart={converge}
Restart=on-failure
RestartSec=15
RestartPreventExitStatus=2
{hardening}
[Install]
WantedBy=multi-user.target
"""
_SERVICES = """\
[Unit]
Description=The services of Hero OS, @{set}
Wants=network-online.target
After=network-online.target {set_unit}
# Nothing is installed before the first set.
ConditionPathExists={root}/var/hero_build/current
StartLimitIntervalSec=0

[Service]
Type=notify
User={user}
Environment=HERO_SUPERVISOR=supervisord
# FORGEJO_TOKEN=... in a file of mode 0600
EnvironmentFile=-{root}/cfg/hero_build.env
ExecStart={serve}
# A service that does not start is tried again by the server.
ExecStartPost=-{start}
TimeoutStartSec=15min
Restart=always
RestartSec=2
# supervisord and the services are in this unit: all of them stop with it, those of hero_proc in up to 30 s.
KillMode=control-group
TimeoutStopSec=60
OOMPolicy=continue
LimitNOFILE=65536
{hardening}
[Install]
WantedBy=multi-user.target
"""
_CONVERGE = """\
[Unit]
Description=Check the set @{set} of Hero OS against its lock file, and repair it
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
User={user}
ExecStart={converge}
{hardening}"""
_TIMER = """\
[Unit]
Description=Check the set @{set} of Hero OS at intervals

[Timer]
OnActiveSec={interval}
OnUnitActiveSec={interval}
# The machines of a fleet do not ask their mirror at the same moment.
RandomizedDelaySec={interval}

[Install]
WantedBy=timers.target
"""
HARDENED = """\
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
KeyringMode=private
LockPersonality=yes
PrivateDevices=yes
PrivateMounts=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome={home}
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectSystem=strict
ReadWritePaths={writable}
RemoveIPC=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallFilter=@chown
"""
"""Without MemoryDenyWriteExecute: WebAssembly is compiled as it runs. @resources stay: ONNX Runtime places threads; and
@chown: supervisord sets the owner of its socket.
"""


class UnitFile(Struct, frozen=True):
    name: str
    text: str


class UnitsReport(Struct, frozen=True):
    """`folder`: where the units were written; null: they are only shown."""

    units: tuple[UnitFile, ...]
    folder: str | None = None


def units(machine: FleetMachine, *, timer: str = "", by: str = "units") -> tuple[UnitFile, ...]:
    """The units of a machine. `timer`: also check the set so often; empty: only at boot. Raises UsageError."""
    if timer and not _INTERVAL.fullmatch(timer):
        raise UsageError(f"--timer is {timer!r}", "It takes a time such as 30min, 1h or 1d.")
    trust = ("--trust", machine.trust) if machine.trust else ()
    digest = ("--digest", machine.digest) if machine.digest else ()
    values = {
        "set": machine.set,
        "user": machine.user,
        "root": machine.root,
        "converge": machine.command("fleet", "converge", machine.set, "--at", machine.at, *digest, *trust),
        "serve": machine.command("serve"),
        "start": machine.command("start", f"@{machine.set}"),
        "hardening": _hardening(machine),
        "set_unit": SET_UNIT,
        "services_unit": SERVICES_UNIT,
        "interval": timer,
    }
    texts = {SET_UNIT: _SET, SERVICES_UNIT: _SERVICES}
    texts |= {CONVERGE_UNIT: _CONVERGE, TIMER_UNIT: _TIMER} if timer else {}
    return tuple(UnitFile(name, _HEAD.format(by=by, name=name) + text.format(**values)) for name, text in texts.items())


def write(report: UnitsReport, folder: Path) -> UnitsReport:
    """Write the units into a folder. Raises NotWritable, DiskFull."""
    with machine_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for unit in report.units:
            replace_file(folder / unit.name, unit.text.encode(), durable=True)
    return UnitsReport(report.units, str(folder))


def _hardening(machine: FleetMachine) -> str:
    """For this root: home folders are hidden where neither it nor hero-build is in one, else read-only but for the
    user's own.
    """
    places = (machine.root, Path(machine.program))
    in_home = any(place.is_relative_to(home) for place in places for home in HOMES)
    home = [f"-/home/{machine.user}"] if machine.root.is_relative_to("/home") else []
    writable = [*home, str(machine.root)]
    return HARDENED.format(home="read-only" if in_home else "yes", writable=" ".join(writable))

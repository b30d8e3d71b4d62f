"""User-data for cloud-init: what a new machine of a fleet needs to come up by itself. It holds no secret.

It writes units and starts them, nothing else: what fails is tried again by systemd, where cloud-init has one try.
"""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from hero_build.errors import UsageError
from hero_build.fleet.machine import PROGRAM, FleetMachine, check_digest
from hero_build.fleet.units import HOMES, SET_UNIT, UnitFile, units

TOOL_UNIT = "hero-tool.service"
_TOOLS = "/opt/hero-build"
_SCRIPT = "/usr/local/lib/hero-build/fetch_tool.py"
_UNITS = "/etc/systemd/system"
_TOOL = """\
# Written by `hero-build fleet cloud-init`.
[Unit]
Description=hero-build, by its digest
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0
Before={set_unit}
ConditionFileIsExecutable=!{tools}/{sha256}/hero-build

[Service]
Type=oneshot
ExecStartPre=+/usr/bin/mkdir -p {tools} {bin}
ExecStart=/usr/bin/python3 {script} {url} {sha256} {tools} {link}
Restart=on-failure
RestartSec=15
NoNewPrivileges=yes
CapabilityBoundingSet=
KeyringMode=private
LockPersonality=yes
MemoryDenyWriteExecute=yes
PrivateDevices=yes
PrivateMounts=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
ReadWritePaths={tools} {bin}
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources

[Install]
WantedBy=multi-user.target
"""


class UserData(Struct, frozen=True):
    """`text`: a file for cloud-init."""

    text: str


class FleetTool(Struct, frozen=True):
    """The file that is hero-build on the machine, such as a pack: its address, and its sha256."""

    url: str
    sha256: str


def tool(url: str | None, sha256: str | None) -> FleetTool | None:
    """None: the image of the machine has hero-build. Raises UsageError for an address without a digest."""
    if url is None and sha256 is None:
        return None
    if url is None or sha256 is None:
        raise UsageError("--tool and --tool-digest go together", "`sha256sum FILE` prints the digest of that file.")
    check_digest(sha256, "--tool-digest")
    if urlsplit(url).scheme not in ("http", "https") or not url.isprintable() or set(url) & set(" %\"'$\\"):
        raise UsageError(
            f"--tool cannot fetch from {url!r}", "It takes https://HOST/FILE; a digest makes http safe, too."
        )
    return FleetTool(url, sha256)


def user_data(machine: FleetMachine, tool: FleetTool | None) -> UserData:
    """The whole file."""
    return UserData("\n".join(_lines(machine, tool)) + "\n")


def _lines(machine: FleetMachine, tool: FleetTool | None) -> Iterator[str]:
    yield "#cloud-config"
    yield f"# A machine of the set @{machine.set}, written by `hero-build fleet cloud-init`. It holds no secret."
    yield "users:"
    yield "  - default"
    yield f'  - name: "{machine.user}"'  # `no` is a user, too
    yield "    shell: /bin/bash"
    yield "    lock_passwd: true"
    yield "write_files:"
    files = {f"{_UNITS}/{unit.name}": unit.text for unit in _units(machine, tool)}
    files |= {_SCRIPT: Path(__file__).with_name("fetch_tool.py").read_text()} if tool else {}
    for path, text in files.items():
        yield f"  - path: {path}"
        yield "    content: |"
        yield from (f"      {line}".rstrip() for line in text.splitlines())
    names = [unit.name for unit in _units(machine, tool)]
    yield "runcmd:"
    yield "  - [systemctl, daemon-reload]"
    yield f"  - [systemctl, enable, {', '.join(names)}]"
    yield f"  - [systemctl, start, --no-block, {', '.join(names)}]"


def _units(machine: FleetMachine, tool: FleetTool | None) -> tuple[UnitFile, ...]:
    own = units(machine, by="cloud-init")
    if tool is None:
        return own
    folder = Path(machine.program).parent
    if any(folder.is_relative_to(home) for home in HOMES):
        hint = f"Leave out --program: it is {PROGRAM} then."
        raise UsageError(f"{TOOL_UNIT} cannot write into the home folder {folder}", hint)
    values = {"url": tool.url, "sha256": tool.sha256, "tools": _TOOLS, "script": _SCRIPT, "link": machine.program}
    values["bin"] = str(folder)
    return (UnitFile(TOOL_UNIT, _TOOL.format(set_unit=SET_UNIT, **values)), *own)

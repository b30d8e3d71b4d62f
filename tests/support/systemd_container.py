"""A systemd as PID 1 of a container made for the tests: namespaces, and a root file system in memory.

    with running(folder) as container:
        container.wrappers     # a folder with a systemctl and a journalctl that ask it, for PATH
        container.units        # its /etc/systemd/system
        container.host_pid(7)  # the process that is 7 inside
        container.enter        # the words before a command that runs inside, as root
        container.as_person    # as a user without rights, who has a manager of their own, `container.person`

It sees the machine's programs, but may write to `<folder>/shared` alone, which has the same path inside. Where the
machine does not allow it, the test is skipped with the reason.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import cgroups
from support.processes import LONG, first_child, until
from support.worlds import REPO

SYSTEMD = Path("/usr/lib/systemd/systemd")
SCRIPT = Path(__file__).with_suffix(".sh")
PERSON = 54320
"""A user inside, whose manager runs as user@.service; the one outside that has the same number is nobody."""
_FORBIDDEN = "this machine forbids it: "  # CI accepts a skip with such a reason (tests/conftest.py)
_TARGET = "[Unit]\nDescription={0}\n"
_UNITS = {
    **{f"{name}.target": _TARGET.format(name) for name in ("sysinit", "basic", "sockets", "timers", "paths", "slices")},
    **{f"{name}.target": _TARGET.format(name) for name in ("shutdown", "umount", "final", "default")},
    "multi-user.target": "[Unit]\nDescription=multi-user\nRequires=systemd-journald.service\n",
    "systemd-journald.socket": (
        "[Unit]\nDefaultDependencies=no\n[Socket]\nListenDatagram=/run/systemd/journal/socket\n"
        "ListenStream=/run/systemd/journal/stdout\nPassCredentials=yes\nReceiveBuffer=8M\n"
    ),
    "systemd-journald.service": (
        "[Unit]\nDefaultDependencies=no\nRequires=systemd-journald.socket\nAfter=systemd-journald.socket\n[Service]\n"
        "Type=notify\nExecStart=/usr/lib/systemd/systemd-journald\nSockets=systemd-journald.socket\nRestart=always\n"
        "StandardOutput=null\nRuntimeDirectory=systemd/journal\nRuntimeDirectoryPreserve=yes\n"
    ),
    "user@.service": (  # as logind starts it for one who logs in or lingers
        "[Unit]\nAfter=systemd-journald.service\n[Service]\nUser=%i\nGroup=%i\nType=notify\n"
        "ExecStart=/usr/lib/systemd/systemd --user\nDelegate=pids\nKillMode=mixed\nRestart=no\n"
        "RuntimeDirectory=user/%i\nRuntimeDirectoryMode=0700\nRuntimeDirectoryPreserve=restart\n"
        "Environment=XDG_RUNTIME_DIR=/run/user/%i\n"
    ),
}
"""All that boots. The units of the machine are not in its path: they would set up a machine."""


@dataclass(frozen=True, slots=True)
class Container:
    """A systemd that runs; `init` is its process as seen from outside."""

    init: int
    folder: Path
    pid_namespace: str

    @property
    def wrappers(self) -> Path:
        return self.folder / "wrappers"

    @property
    def wrappers_of_person(self) -> Path:
        """The same for the person's own manager."""
        return self.folder / "wrappers-of-person"

    @property
    def units(self) -> Path:
        return self.folder / "units"

    @property
    def shared(self) -> Path:
        return self.folder / "shared"

    @property
    def home(self) -> Path:
        """Of the person."""
        return self.shared / "home"

    @property
    def enter(self) -> tuple[str, ...]:
        namespaces = ("--mount", "--pid", "--cgroup", "--uts", "--ipc")
        return (str(shutil.which("nsenter")), "-t", str(self.init), *namespaces)

    @property
    def as_person(self) -> tuple[str, ...]:
        who = (f"--reuid={PERSON}", f"--regid={PERSON}", "--clear-groups")
        variables = (f"HOME={self.home}", f"XDG_RUNTIME_DIR=/run/user/{PERSON}", "USER=person", "LOGNAME=person")
        return (*self.enter, "setpriv", *who, "--inh-caps=-all", "env", *variables)

    def start_manager(self) -> None:
        """The person's own, as if the person had logged in."""
        self.home.mkdir(exist_ok=True)
        os.chown(self.home, PERSON, PERSON)
        for command in (("journalctl", "--flush"), ("systemctl", "start", f"user@{PERSON}.service")):
            done = self.run(*command)
            assert done.returncode == 0, done.stderr

    def run(self, *command: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        """Run a program inside."""
        env = {"PATH": "/usr/bin:/usr/sbin", "HOME": "/root", **environ}
        return subprocess.run([*self.enter, *command], env=env, cwd="/", capture_output=True, text=True, timeout=LONG)

    def host_pid(self, pid: int) -> int:
        """The process that has this number inside; 0 if there is none."""
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(path / "ns" / "pid") == self.pid_namespace and _inner(path) == pid:
                    return int(path.name)
            except OSError:
                continue
        return 0


def missing() -> str:
    """Why no container can be made here; empty if one can."""
    if not SYSTEMD.exists():
        return f"{SYSTEMD} is not installed (the package systemd)"
    if os.geteuid() != 0:
        return f"{_FORBIDDEN}only root can start a systemd in namespaces of its own"
    if cgroups.hierarchy() is None:
        return f"{_FORBIDDEN}no cgroup2 hierarchy is mounted that may be written"
    command = ["unshare", "--mount", "--pid", "--fork", "--cgroup", "--uts", "--ipc", "mount", "-t", "proc", "proc"]
    done = subprocess.run([*command, "/proc"], capture_output=True, text=True)
    return f"{_FORBIDDEN}no namespaces can be made: {done.stderr.strip()}" if done.returncode else ""


@contextmanager
def running(folder: Path) -> Iterator[Container]:
    """A container that has booted. It ends, with all that runs in it, when the block does."""
    if reason := missing():
        pytest.skip(reason)
    for name in ("units", "shared", "root"):
        (folder / name).mkdir(exist_ok=True)
    for name, text in _UNITS.items():
        (folder / "units" / name).write_text(text)
    with cgroups.own(folder.name) as cgroup:
        process = _start(folder, cgroup)
        try:
            init = _init(process)
            container = Container(init, folder, os.readlink(f"/proc/{init}/ns/pid"))
            _write_wrappers(container)
            assert until(lambda: _answers(container)), (folder / "log").read_text()
            yield container
        finally:
            process.kill()  # --kill-child ends PID 1, and with it all others
            process.wait(LONG)


def _start(folder: Path, cgroup: Path) -> "subprocess.Popen[bytes]":
    words = [str(folder / name) for name in ("root", "units", "shared")]
    # outside /usr: the interpreter of the exec shim, and hero-build
    interpreters = {str(Path(sysconfig.get_config_var("prefix")).resolve()), str(Path(sys.base_prefix).resolve())}
    read_only = [path for path in sorted({*interpreters, sys.prefix, str(REPO)}) if not path.startswith("/usr/")]
    unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--cgroup", "--uts", "--ipc"]
    join = f'echo $$ > {cgroup}/cgroup.procs && exec "$@"'
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            ["sh", "-c", join, "sh", *unshare, "sh", str(SCRIPT), *words, *read_only],
            cwd=REPO,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def _init(process: "subprocess.Popen[bytes]") -> int:
    """The only child of unshare."""
    init = first_child(process.pid)
    assert init, process.poll()
    return init


def _write_wrappers(container: Container) -> None:
    for folder, enter in ((container.wrappers, container.enter), (container.wrappers_of_person, container.as_person)):
        folder.mkdir(exist_ok=True)
        for name in ("systemctl", "journalctl"):
            path = folder / name
            path.write_text(f'#!/bin/sh\nexec {" ".join(enter)} /usr/bin/{name} "$@"\n')
            path.chmod(0o755)


def _answers(container: Container) -> bool:
    command = [str(container.wrappers / "systemctl"), "is-system-running"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() in ("running", "degraded")


def _inner(process: Path) -> int:
    line = next(line for line in (process / "status").read_text().splitlines() if line.startswith("NSpid:"))
    return int(line.split()[-1])

"""Other supervisors with the programs of a root, each driven by its own command as a person types it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bench.measure import Command, environment, seconds
from bench.places import CHECKOUT
from bench.scratch import scratch
from bench.service_root import TAGS, ServiceRoot, compiled

SUPERVISORCTL, ZINIT, SYSTEMCTL = "supervisorctl", "zinit", "systemctl"
_SUPERVISORD = """[unix_http_server]
file = {folder}/s.sock

[supervisord]
logfile = {folder}/supervisord.log
pidfile = {folder}/supervisord.pid

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://{folder}/s.sock
"""
_PROGRAM = """
[program:{name}]
command = {command}
autostart = false
environment = HERO_SOCKET_DIR="{sockets}"
startsecs = 1
"""
_UNIT = """[Service]
ExecStart={command}
Environment=HERO_SOCKET_DIR={sockets}
"""
_LIFECYCLE = {
    "restart": "on-failure",
    "restart_delay_ms": 1000,
    "restart_delay_max_ms": 1000,
    "max_restarts": 5,
    "stability_period_ms": 1000,
    "stop_timeout_ms": 10000,
    "stop_signal": "SIGTERM",
}


@dataclass(frozen=True, slots=True)
class Control:
    """`words(verb, names)`: the command for `start`, `stop`, `restart` or `status`; `sockets`: of the services."""

    name: str
    sockets: Path
    words: Callable[[str, Sequence[str]], tuple[str, ...]]
    env: dict[str, str] = field(default_factory=dict)

    def command(self, folder: Path, verb: str, names: Sequence[str] = ()) -> Command:
        return Command(self.words(verb, names), {**environment(folder), **self.env}, folder)


@dataclass(frozen=True, slots=True)
class Controls:
    """Those that this machine can run, and a sentence about each of the others."""

    all: tuple[Control, ...]
    left_out: tuple[str, ...]


@contextmanager
def controls(root: ServiceRoot, programs: Sequence[str]) -> Iterator[Controls]:
    """All of them end afterwards, with what they run."""
    makers = {SUPERVISORCTL: _supervisord, ZINIT: _zinit, SYSTEMCTL: _systemd}
    with ExitStack() as stack:
        entered = {name: _entered(stack, maker(root, programs)) for name, maker in makers.items()}
        yield Controls(
            tuple(made for made in entered.values() if isinstance(made, Control)),
            tuple(f"{name} is left out: {made}" for name, made in entered.items() if isinstance(made, str)),
        )


def _entered(stack: ExitStack, maker: AbstractContextManager[Control]) -> Control | str:
    """The supervisor, or why it does not run here."""
    try:
        return stack.enter_context(maker)
    except pytest.skip.Exception as reason:  # how the tests' own supervisors say that the machine lacks something
        return str(reason)


@contextmanager
def _supervisord(root: ServiceRoot, programs: Sequence[str]) -> Iterator[Control]:
    with scratch("supervisord") as folder:
        sockets = folder / "s"
        lines = [_PROGRAM.format(name=name, command=compiled(name, TAGS[0]), sockets=sockets) for name in programs]
        (folder / "c").write_text(_SUPERVISORD.format(folder=folder) + "".join(lines))
        python = str(root.bench.context.python)
        words = (python, "-m", "supervisor.supervisorctl", "-c", str(folder / "c"))
        seconds(Command((python, "-m", "supervisor.supervisord", "-c", str(folder / "c")), environment(folder), folder))
        try:
            while subprocess.run([*words, "pid"], capture_output=True, check=False).returncode:
                time.sleep(0.05)
            yield Control(SUPERVISORCTL, sockets, lambda verb, names: (*words, verb, *names))
        finally:
            subprocess.run([*words, "shutdown"], capture_output=True, check=False)


@contextmanager
def _zinit(root: ServiceRoot, programs: Sequence[str]) -> Iterator[Control]:
    """Its command takes one service, so that a shell calls it for each."""
    sys.path.insert(0, str(CHECKOUT / "tests"))
    from support import zinit_crate, zinit_server

    program = zinit_crate.binaries() / "zinit"
    with scratch("z") as home, zinit_server.running(zinit_crate.binaries() / "zinit-server", home):
        for name in programs:
            config = {
                "service": {"name": _plain(name), "exec": _with_sockets(name, home / "s")},
                "lifecycle": _LIFECYCLE,
            }
            zinit_server.call(home, "service.set", {"config": config})

        def words(verb: str, names: Sequence[str]) -> tuple[str, ...]:
            calls = [f"{program} {verb} {_plain(name)}" for name in names] or [f"{program} list"]
            return ("/bin/sh", "-ec", "\n".join(calls))

        try:
            yield Control(ZINIT, home / "s", words, {"HOME": str(home)})
        finally:
            stop = Command(words("stop", programs), {**os.environ, "HOME": str(home)}, home)
            subprocess.run(stop.argv, env=stop.env, capture_output=True, check=False)


@contextmanager
def _systemd(root: ServiceRoot, programs: Sequence[str]) -> Iterator[Control]:
    """As PID 1 of a container: its units are those of a system, and its command is run inside."""
    sys.path.insert(0, str(CHECKOUT / "tests"))
    from support import systemd_container

    with scratch("systemd") as folder, systemd_container.running(folder) as container:
        sockets = container.shared / "s"
        for name in programs:
            unit = _UNIT.format(command=compiled(name, TAGS[0]), sockets=sockets)
            (container.units / f"{name}.service").write_text(unit)
        container.run("systemctl", "daemon-reload")
        program = str(container.wrappers / "systemctl")

        def words(verb: str, names: Sequence[str]) -> tuple[str, ...]:
            if verb == "status":
                return (program, "list-units", "--all", "--no-pager", "svc*.service")
            return (program, verb, *(f"{name}.service" for name in names))

        yield Control(SYSTEMCTL, sockets, words)


def _plain(name: str) -> str:
    return name.replace("_", "-")


def _with_sockets(name: str, sockets: Path) -> str:
    return f"env HERO_SOCKET_DIR={sockets} {compiled(name, TAGS[0])}"

"""A fleet for tests of the collection hero.os: several roots on this machine, each a host of one inventory.

    fleet.lock("v2")                                   # pins the apps' releases
    run = fleet.play("upgrade", lock=…)                # the playbook, as a person runs it
    run.results["t1"]["rolled_back"], run.states["t2"]

The collection is the one that `make collection` builds, installed by ansible-galaxy (tools/collection.py). Hosts are
reached without ssh.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hero_build.install.layout import Root
from support.processes import LONG
from support.service_world import ServiceWorld
from support.worlds import Done
from tools import collection

_CHECK = "Refuse a pattern that matches no machine"
PLUGINS = Path(__file__).parent / "ansible_plugins"
HERO_BUILD = Path(sys.executable).with_name("hero-build")


def _environ(folder: Path, home: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HERO_", "FORGEJO_", "ANSIBLE_"))}
    return kept | {
        "PATH": f"{collection.programs()}:{os.environ['PATH']}",
        "ANSIBLE_HOME": str(home / ".ansible"),
        "ANSIBLE_COLLECTIONS_PATH": str(folder),
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_DEVEL_WARNING": "0",
        "ANSIBLE_NOCOLOR": "1",
    }


@dataclass(frozen=True, slots=True)
class HostWorld(ServiceWorld):
    """A host: the releases and recipes of the fleet, and a root of its own."""

    host: str = ""

    @property
    def root(self) -> Root:
        return Root(self.folder / "roots" / self.host)

    def lock_in_force(self) -> str:
        return (self.root.path / "cfg" / "set.lock").read_text()


@dataclass(frozen=True, slots=True)
class Run(Done):
    """`lines`: the result of each task on each host, in order."""

    lines: Sequence[Mapping[str, Any]] = ()

    @property
    def results(self) -> Mapping[str, Any]:
        return {line["host"]: line["result"] for line in self.lines}

    @property
    def states(self) -> Mapping[str, str]:
        return {line["host"]: line["state"] for line in self.lines}

    @property
    def changed(self) -> list[str]:
        return sorted(host for host, result in self.results.items() if result.get("changed"))


@dataclass(frozen=True, slots=True)
class Controller:
    """A control node with an inventory: the variables of each host, and those of all."""

    folder: Path
    hosts: Mapping[str, Mapping[str, object]]
    common: Mapping[str, object]
    environ: Mapping[str, str] = field(default_factory=dict)

    def play(self, name: str, *arguments: str, **variables: object) -> Run:
        """Run a playbook of the collection, or one at a path, with these variables."""
        process = self.begin(name, *arguments, **variables)
        out, err = process.communicate(timeout=600)
        return Run(process.returncode, out, err, self.recorded())

    def begin(self, name: str, *arguments: str, **variables: object) -> "subprocess.Popen[str]":
        """The same, in the background, in a process group of its own."""
        self._record.unlink(missing_ok=True)
        inventory = self.folder / "inventory.json"
        inventory.write_text(json.dumps({"testers": {"hosts": self.hosts, "vars": self.common}}, default=str))
        playbook = name if "/" in name else f"hero.os.{name}"
        plugins = {"ANSIBLE_CALLBACK_PLUGINS": str(PLUGINS), "ANSIBLE_CALLBACKS_ENABLED": "record,hero.os.coverage"}
        return subprocess.Popen(
            ["ansible-playbook", "-i", str(inventory), "-e", json.dumps(variables, default=str), playbook, *arguments],
            env={
                **_environ(collection.installed(), self.folder),
                **self.environ,
                **plugins,
                "RECORD": str(self._record),
            },
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def recorded(self) -> list[Mapping[str, Any]]:
        """All but what is checked before the first machine is reached, where that holds."""
        text = self._record.read_text() if self._record.exists() else ""
        lines = [json.loads(line) for line in text.splitlines()]
        return [line for line in lines if (line["task"], line["state"]) != (_CHECK, "ok")]

    @property
    def _record(self) -> Path:
        return self.folder / "record"


@dataclass(frozen=True, slots=True)
class Fleet:
    """Roots on this machine; `variables` of single hosts are added to the inventory."""

    world: ServiceWorld
    hosts: Mapping[str, HostWorld]
    variables: dict[str, dict[str, object]] = field(default_factory=dict)

    def lock(self, *apps: str) -> Path:
        """A lock file of these releases, `db@v1`."""
        path = self.world.folder / f"{hashlib.sha256(' '.join(apps).encode()).hexdigest()[:8]}.lock"
        self.world.ok("lock", *apps, "-o", str(path))
        return path

    @property
    def controller(self) -> Controller:
        hosts = {name: {"hero_root": str(host.root.path)} for name, host in self.hosts.items()}
        all_hosts = {name: {**hosts.get(name, {}), **self.variables.get(name, {})} for name in hosts | self.variables}
        common = {
            "ansible_connection": "local",
            "ansible_python_interpreter": "/usr/bin/python3",
            "hero_executable": str(HERO_BUILD),
        }
        environ = {key: text for key, text in self.world.environ().items() if key.startswith("HERO_")}
        return Controller(self.world.folder, all_hosts, common, environ)

    def play(self, name: str, *arguments: str, **variables: object) -> Run:
        return self.controller.play(name, *arguments, **variables)

    def converge(self, lock: Path, *arguments: str, **variables: object) -> Run:
        return self.play("upgrade", *arguments, hero_lock=lock, **variables)

    def versions(self, app: str) -> Mapping[str, str | None]:
        """The installed version of an app on each host; None where it is not installed."""
        return {name: _version(host, app) for name, host in self.hosts.items()}

    @contextmanager
    def without_mirror(self) -> Iterator[None]:
        """While the block lasts there is nothing to fetch from."""
        away = self.world.mirror.rename(self.world.folder / "mirror-away")
        try:
            yield
        finally:
            away.rename(self.world.mirror)


def _version(host: HostWorld, app: str) -> str | None:
    done = host.run("status", "--json")
    assert done.code == 0, done.err
    return next((item["version"] for item in done.document["apps"] if item["name"] == app), None)


def kill_group(process: "subprocess.Popen[str]") -> None:
    """SIGKILL to a process and its own: nothing of it ends in order."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=LONG)


@contextmanager
def fleet_of(*names: str) -> Iterator[Fleet]:
    """Hosts with nothing on them. What was started there is ended."""
    with tempfile.TemporaryDirectory(prefix="hf-") as name:
        folder = Path(name)
        world = ServiceWorld(folder)
        for path in (world.mirror, world.recipes, folder / "roots"):
            path.mkdir()
        fleet = Fleet(world, {name: HostWorld(folder, name) for name in names})
        try:
            yield fleet
        finally:
            for host in fleet.hosts.values():
                host.end()


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with fleet_of("t1") as made:
        yield made

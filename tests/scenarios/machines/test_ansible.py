"""The collection hero.os over real ssh, on machines with systemd: brought up, upgraded in waves, and back."""

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import machines, packs
from support.ansible_fleet import Controller, Run, kill_group
from support.keys import Keys
from support.machines import Machine
from support.processes import until
from support.service_world import ServiceWorld
from support.static_server import StaticServer, serving

pytestmark = machines.marks
NAMES = ("t1", "t2", "t3")
APP, SERVICE, ROOT = "db", "db_server", "/home/hero/hero"
INFO = (
    "- hosts: testers\n  gather_facts: false\n  tasks: [{name: Read, hero.os.hero_info: {user: hero, verify: true}}]\n"
)
SECRET = "p'ass \\word\""


@dataclass(frozen=True, slots=True)
class MachineFleet:
    """Machines behind ssh, the releases, the mirror that serves them, and the key that they trust."""

    world: ServiceWorld
    machines: Mapping[str, Machine]
    mirror: StaticServer
    controller: Controller
    keys: Keys

    def lock(self, version: str, keys: Keys | None = None) -> Path:
        """A lock file and its signature, by the key that the machines trust or another one."""
        path = self.world.folder / f"{version}.lock"
        self.world.ok("lock", f"{APP}@{version}", "-o", str(path), "--sign", str((keys or self.keys).secret))
        return path

    def converge(self, version: str, *arguments: str) -> Run:
        return self.controller.play("upgrade", *arguments, hero_lock=self.lock(version))

    def versions(self) -> Mapping[str, str]:
        """What `hero_info` reads on each machine, where all of it is intact, and runs as it is installed."""
        playbook = self.world.folder / "info.yml"
        playbook.write_text(INFO)
        run = self.controller.play(str(playbook))
        results = run.results
        assert run.code == 0, run.out
        assert all((item["damaged"], item["older"], item["down"]) == ([], [], []) for item in results.values()), results
        return {name: item["versions"][APP] for name, item in results.items()}


@pytest.fixture(scope="module")
def testers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MachineFleet]:
    folder = tmp_path_factory.mktemp("testers")
    world = ServiceWorld(folder)
    world.mirror.mkdir()
    world.recipes.mkdir()
    world.service(APP)
    (world.recipes / "_sets.py").write_text(f'SETS = {{"small": ("{APP}",)}}\n')
    for version, behaviour in (("v1", "ok"), ("v3", "exit:3"), ("v4", "bind-after:1500"), ("v2", "ok")):
        world.release_of(APP, version, behaviour)
    tool = packs.make(world, world.mirror / "hero-build", "@small")
    keys = Keys(folder, "fleet")
    with ExitStack() as stack:
        mirror = stack.enter_context(serving(world.mirror))
        made = {name: stack.enter_context(machines.machine(name, folder, bare=True, boot=False)) for name in NAMES}
        for machine in made.values():
            machine.boot()
        common = {
            "ansible_user": "root",
            "ansible_host": "127.0.0.1",
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_pipelining": True,
            "hero_tool": f"{mirror.url}/{tool.name}",
            "hero_tool_sha256": hashlib.sha256(tool.read_bytes()).hexdigest(),
            "hero_lock_trust": keys.line,
            "hero_at": mirror.url,
            "hero_exact": False,
            "hero_user": "hero",
            "hero_units_set": "small",
            "hero_start": ["@small"],
            "hero_env": {"HERO_EMBEDDER_URL": "http://admin1:9200"},
            "hero_env_secret": {"HERO_ENGINES_TOKEN": SECRET},
        }
        hosts = {
            name: {"ansible_port": machine.port, "ansible_ssh_common_args": shlex.join(machine.ssh_options)}
            for name, machine in made.items()
        }
        yield MachineFleet(world, made, mirror, Controller(folder, hosts, common), keys)


def test_machines_are_brought_up_and_again(testers: MachineFleet) -> None:
    """From nothing, hero-build included, to a healthy set; the second time nothing changes and nothing is requested.
    A hero-build with another digest is not installed.
    """
    lock = testers.lock("v1")
    wrong = testers.controller.play("site", hero_lock=lock, hero_hosts="t1", hero_tool_sha256="0" * 64)
    assert (wrong.code, wrong.states) == (2, {"t1": "failed"}), wrong.out
    assert testers.machines["t1"].run(f"test -e /usr/local/bin/hero-build -o -e {ROOT}/bin/{SERVICE}").code == 1
    testers.mirror.paths.clear()
    first = testers.controller.play("site", hero_hosts="testers", hero_lock=lock)
    assert (first.code, first.states) == (0, dict.fromkeys(NAMES, "ok")), first.out
    assert testers.versions() == dict.fromkeys(NAMES, "v1")
    assert len(testers.mirror.served) == 2 * len(NAMES), "hero-build and the bytes of one program for each machine"
    assert not any("/api/" in path for path in testers.mirror.paths)
    for machine in testers.machines.values():
        assert machine.ok(f"cat {ROOT}/cfg/set.lock.minisig") == lock.with_name(f"{lock.name}.minisig").read_text()
        assert f"--trust {testers.keys.line}" in machine.ok("systemctl cat hero-set").replace('"', "")
        assert machine.ok(f"stat -c %a:%U {ROOT}/cfg/env/hero.env").strip() == "600:hero"
        assert machine.ok("systemctl is-active hero-set.service hero.service").split() == ["active", "active"]
        (pid,) = machine.ok(f"pgrep -u hero -x {SERVICE}").split()
        assert "hero.service" in machine.ok(f"cat /proc/{pid}/cgroup"), "systemd ends it with its unit"
        variables = machine.ok(f"tr '\\0' '\\n' < /proc/{pid}/environ").splitlines()
        assert {f"HERO_ENGINES_TOKEN={SECRET}", "HERO_EMBEDDER_URL=http://admin1:9200"} <= set(variables)
    assert SECRET not in first.out + first.err + json.dumps(first.lines)
    requests = len(testers.mirror.paths)
    again = testers.controller.play("site", hero_hosts="testers", hero_lock=lock)
    assert (again.code, [line for line in again.lines if line["result"].get("changed")]) == (0, [])
    assert len(testers.mirror.paths) == requests


def test_a_bad_release_is_rolled_back_by_the_canary_itself(testers: MachineFleet) -> None:
    done = testers.converge("v3")
    assert (done.code, list(done.results)) == (2, ["t1"])
    assert (done.results["t1"]["rolled_back"], done.results["t1"]["healthy_again"]) == (True, True)
    assert testers.versions() == dict.fromkeys(NAMES, "v1")


def test_a_lock_file_that_another_key_has_signed_changes_nothing(testers: MachineFleet) -> None:
    requests = len(testers.mirror.paths)
    lock = testers.lock("v2", Keys(testers.world.folder, "stranger"))
    done = testers.controller.play("upgrade", hero_lock=lock)
    assert (done.code, list(done.results), done.results["t1"]["exit_code"]) == (2, ["t1"], 5), done.out
    assert done.results["t1"]["kind"] == "InvalidSignature"
    assert testers.versions() == dict.fromkeys(NAMES, "v1")
    assert len(testers.mirror.paths) == requests


def test_a_full_disk_and_a_dead_machine_keep_nobody_else_from_the_upgrade(testers: MachineFleet) -> None:
    last = testers.machines["t3"]
    unfinished = f"{ROOT}/var/hero_build/partial"
    last.ok(f"mount -t tmpfs -o size=64k tmpfs {unfinished} && chown hero {unfinished}")
    full = testers.converge("v2")
    assert (full.code, full.states) == (2, {"t1": "ok", "t2": "ok", "t3": "failed"})
    assert full.results["t3"]["exit_code"] == 8, full.results["t3"]["msg"]
    assert testers.versions() == {"t1": "v2", "t2": "v2", "t3": "v1"}
    last.ok(f"umount {unfinished}")
    last.power_cut()
    dead = testers.converge("v2")
    assert (dead.code, dead.states["t3"], dead.changed) == (4, "unreachable", [])
    assert dead.out.rstrip().endswith("COVERAGE: 2 of 3 machines\n  unreachable (1): t3")
    last.boot()
    assert until(lambda: last.run(f"pgrep -u hero -x {SERVICE}").code == 0), "it comes up without a controller"
    again = testers.converge("v2")
    assert (again.code, again.changed) == (0, ["t3"]), again.out
    assert testers.versions() == dict.fromkeys(NAMES, "v2")


def test_the_fleet_goes_back_and_survives_a_controller_that_is_killed(testers: MachineFleet) -> None:
    requests = len(testers.mirror.paths)
    back = testers.controller.play("rollback", hero_lock_before=testers.lock("v1"))
    assert (back.code, back.changed) == (0, list(NAMES)), back.out
    assert testers.versions() == dict.fromkeys(NAMES, "v1")
    assert len(testers.mirror.paths) == requests, "the way back is in the store of each machine"
    canary = testers.machines["t1"]
    before = canary.ok(f"readlink {ROOT}/var/hero_build/current")
    process = testers.controller.begin("upgrade", hero_lock=testers.lock("v4"))
    assert until(lambda: canary.ok(f"readlink {ROOT}/var/hero_build/current") != before)
    kill_group(process)
    again = testers.converge("v4")
    assert again.code == 0, again.out
    assert testers.versions() == dict.fromkeys(NAMES, "v4")
    assert testers.converge("v4").changed == []

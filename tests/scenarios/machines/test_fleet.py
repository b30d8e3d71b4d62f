"""An admin's machine and two testers come up from user-data alone, and from every bad day afterwards."""

import functools
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

import pytest

from support import fleet_world, guides, machines, packs
from support.doc_runs import FOLLOWED
from support.fault_server import stall_after
from support.fleet_world import FleetWorld, hero, wait_until_healthy
from support.guides import Reader
from support.machines import Machine
from support.processes import until
from support.worlds import REPO
from tools import fleet_demo

pytestmark = machines.marks
RUNBOOK = REPO / "docs" / "runbook.md"
_QUICK = "[Service]\nRestartSec=1\n"
"""What waits 15 s for its next attempt waits one here."""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetWorld]:
    with fleet_world.world(tmp_path_factory.mktemp("fleet")) as made:
        yield made


@pytest.fixture(scope="module")
def vms(fleet: FleetWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Machine]]:
    """The three machines, switched on while their mirror is down."""
    folder = tmp_path_factory.mktemp("machines")
    with ExitStack() as stack:
        made = {}
        for name in ("admin", "tester1", "tester2"):
            seed = {"user-data": fleet.user_data(name.rstrip("12"))}
            vm = stack.enter_context(machines.machine(name, folder, seed=seed, bare=True, boot=False))
            for unit in ("hero-tool", "hero-set"):
                vm.write(f"/etc/systemd/system/{unit}.service.d/quick.conf", _QUICK)
            vm.boot(wait=False)
            made[name] = vm
        yield made


def tried(vm: Machine) -> bool:
    """Whether it has tried once to fetch hero-build."""
    return property_of(vm, "hero-tool.service", "NRestarts") not in ("", "0")


def property_of(vm: Machine, unit: str, name: str) -> str:
    return vm.ok(f"systemctl show --value -p {name} {unit}").strip()


def test_cloud_init_knows_all_that_is_in_the_user_data(fleet: FleetWorld, vms: dict[str, Machine]) -> None:
    vm = vms["admin"]
    text = fleet.user_data("admin")
    vm.write("/srv/user-data", text)
    vm.write("/srv/wrong", text.replace("runcmd:", "runcmds: {}\nruncmd: 1\n#"))
    assert vm.run("cloud-init schema --config-file /srv/user-data").code == 0
    assert vm.run("cloud-init schema --config-file /srv/wrong").code != 0
    assert fleet.user_data("admin", FORGEJO_TOKEN="a-secret") == text


def test_what_the_first_boot_could_not_reach_comes_up_later(fleet: FleetWorld, vms: dict[str, Machine]) -> None:
    for vm in vms.values():
        assert until(functools.partial(tried, vm)), vm.log
        assert property_of(vm, "hero.service", "ActiveState") == "inactive"
    fleet.up()
    for vm in vms.values():
        wait_until_healthy(vm)
    assert hero(vms["tester1"], "status hero_voice")["apps"][0]["version"] == fleet_world.TAG


def test_the_units_and_their_user(vms: dict[str, Machine]) -> None:
    vm = vms["tester1"]
    assert property_of(vm, "hero-set.service", "ActiveState") == "active"
    owners = vm.ok("ps -o user= -p $(pgrep -d, -f ^/home/hero/hero/bin/)").split()
    assert set(owners) == {"hero"}
    assert "is already" not in vm.ok("systemctl start hero-set hero; systemctl is-active hero-set hero")


@pytest.mark.parametrize("end", [Machine.reboot, Machine.kill_init])
def test_a_machine_that_was_switched_off_runs_again(end: Any, fleet: FleetWorld, vms: dict[str, Machine]) -> None:
    """Without a request: nothing is missing."""
    assert fleet.server is not None
    vm = vms["tester1"]
    wait_until_healthy(vm)
    before = len(fleet.server.seen)
    end(vm)
    if not vm.leader:
        vm.boot(wait=False)
    wait_until_healthy(vm)
    assert [request.path for request in fleet.server.seen[before:]] == []


def test_a_power_cut_in_the_middle_of_a_download(fleet: FleetWorld, vms: dict[str, Machine]) -> None:
    """It is resumed where it was, and what comes of it is verified."""
    assert fleet.server is not None
    vm, size = vms["tester2"], 12 << 20  # of which no compressed copy is worth it
    wait_until_healthy(vm)
    fleet.release("hero_agent", "v2.0.0", padding=size)
    fleet.lock("next", "@tester")
    fleet.serve_all()
    assets = _lock(fleet, "next")["apps"]["hero_agent"]["assets"]
    (asset,) = (item for item in assets if item["name"].startswith("hero_agent_server"))
    path = f"/_store/{asset['sha256']}"
    whole = fleet.world.mirror / path.lstrip("/")
    fleet.server.on(path, stall_after(whole.read_bytes(), size // 2))
    vm.put(fleet.world.mirror / "next.lock", "/home/hero/hero/cfg/set.lock")
    vm.ok("systemctl restart --no-block hero-set")
    partial = "find /home/hero/hero/var/hero_build/partial -type f -size +1M"
    assert until(lambda: vm.run(partial).out.strip() != "")
    vm.power_cut()
    fleet.server.hang_up()
    fleet.serve_all()
    before = len(fleet.server.seen)
    vm.boot(wait=False)
    assert until(lambda: hero(vm, "status hero_agent")["apps"][0]["version"] == "v2.0.0"), vm.run("journalctl -b").out
    again = [request for request in fleet.server.seen[before:] if request.path == path]
    assert [request.headers.get("range", "")[:6] for request in again] == ["bytes="]
    assert hero(vm, "verify")["exit"] == 0
    wait_until_healthy(vm)


def _lock(fleet: FleetWorld, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((fleet.world.mirror / f"{name}.lock").read_text())
    return document


def _apps(lock: dict[str, Any]) -> list[str]:
    return list(lock["apps"])


def runbook(vm: Machine, section: str, fleet: FleetWorld, **environ: str) -> None:
    """Follow a section of the runbook on a machine, block by block."""
    reader = Reader({"https://mirror.example": fleet.url}, codes={}, left_out={}, environ=environ)
    guides.follow(vm, list(guides.steps(RUNBOOK, section)), reader, folder="/root")


def test_the_runbook_makes_a_mirror_and_user_data(fleet: FleetWorld, tmp_path: Path) -> None:
    with machines.machine("control", tmp_path) as control:
        control.put(fleet.world.mirror, "/srv/forge")
        control.put(fleet.world.recipes, "/srv/recipes")
        control.put(packs.find_links(tmp_path / "wheels"), "/srv/wheels")  # it reaches no index of packages
        environ = {
            "FORGEJO_URL": "file:///srv/forge",
            "HERO_RECIPES": "/srv/recipes",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": "/srv/wheels",
        }
        runbook(control, "The mirror", fleet, **environ)
        assert "hero-build 0" in control.ok("/srv/mirror/hero-build --version")
        runbook(control, "A new admin's machine, a new tester", fleet, **environ)
        for name in fleet_world.SETS:
            control.ok(f"cloud-init schema --config-file {name}.user-data")
            assert set(_apps(json.loads(control.ok(f"cat /srv/mirror/{name}.lock")))) == set(_apps(_lock(fleet, name)))


@pytest.mark.parametrize(
    ("section", "version"),
    [
        ("The engines' address", "v1.0.0"),
        ("Is it well?", "v1.0.0"),
        ("Upgrading", "v2.0.0"),
        ("Rolling back", "v1.0.0"),
        ("Replacing a dead one", "v1.0.0"),
        ("A forge that is down", "v1.0.0"),
    ],
)
def test_the_runbook_is_followed_on_a_tester(
    section: str, version: str, fleet: FleetWorld, vms: dict[str, Machine]
) -> None:
    vm = vms["tester1"]
    vm.put(fleet.world.mirror / "tester.lock", "/srv/before.lock")
    vm.put(fleet.world.mirror / "next.lock", "/srv/next.lock")
    runbook(vm, section, fleet)
    wait_until_healthy(vm)
    assert hero(vm, "status hero_agent")["apps"][0]["version"] == version


def test_the_demo_shows_a_canary_that_fails_and_recovers(
    fleet: FleetWorld, vms: dict[str, Machine], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make fleet-demo` with a mirror and a machine that are there already, which is switched on by it."""
    vm = vms["tester2"]
    vm.power_cut()
    fleet.down()
    monkeypatch.setattr(fleet_world, "world", lambda _: nullcontext(fleet))
    monkeypatch.setattr(machines, "machine", lambda *_, **__: nullcontext(vm))
    fleet_demo.main()
    shown = capsys.readouterr().out
    services = len(fleet_world.SERVICES["tester"].split())
    steps = (f"{services} services are healthy", "does not come up", "rolled back, generation ", "Done: ")
    places = [shown.index(step) for step in steps]
    assert places == sorted(places)
    assert hero(vm, "status hero_agent")["apps"][0]["version"] == "v3.0.1"


def test_the_runbook_brings_a_machine_up_without_a_network_and_python(fleet: FleetWorld, tmp_path: Path) -> None:
    """From a pack with a Python of its own; all else of the machine is there, its Python is deleted."""
    pack = packs.make(fleet.world, tmp_path / "tester.pyz", "@tester", "--standalone")
    with machines.machine("tester3", tmp_path, private=True, bare=True) as vm:
        vm.ok("rm -r /usr/bin/python3* /usr/lib/python3*")
        assert vm.run("command -v python3").code != 0
        vm.put(pack, "/srv/tester.pyz")
        runbook(vm, "Without a network", fleet)
        wait_until_healthy(vm)
        vm.power_cut()
        vm.boot(wait=False)
        wait_until_healthy(vm)


def test_every_section_of_the_runbook_is_followed() -> None:
    sections = re.findall(r"^## (.*)$", RUNBOOK.read_text(), re.M)
    followed = FOLLOWED[RUNBOOK.name]
    assert sections == ["The services", *followed]
    assert all(f'"{section}"' in Path(__file__).read_text() for section in followed)

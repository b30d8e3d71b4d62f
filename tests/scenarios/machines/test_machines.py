"""The machines that other tests use are what they are said to be."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support import machine_base, machines
from support.machines import Machine
from support.processes import until

pytestmark = machines.marks


@pytest.fixture(scope="module")
def vm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machines.machine("vm1", tmp_path_factory.mktemp("machines")) as made:
        yield made


def test_systemd_is_its_first_process_and_hero_build_is_there(vm: Machine) -> None:
    assert vm.ok("cat /proc/1/comm").strip() == "systemd"
    assert vm.ok("systemctl is-system-running").strip() == "running"
    assert vm.ok("hostname").strip() == "vm1"
    assert "hero-build 0" in vm.ok("hero-build --version")
    assert vm.ok("command -v hero-build && readlink -f $(command -v hero-build)").split()[-1] == machine_base.COMMAND


def test_ssh_opens_it(vm: Machine) -> None:
    done = vm.ssh("hostname")
    assert (done.code, done.out.strip()) == (0, "vm1"), done.err


def test_its_devices_and_its_tmp_are_its_own(vm: Machine, tmp_path: Path) -> None:
    vm.ok("rm /dev/null && touch /dev/null /tmp/of-the-machine && chmod 600 /dev/zero")
    modes = [os.stat(device).st_mode for device in ("/dev/null", "/dev/zero")]
    assert [(stat.S_ISCHR(mode), stat.S_IMODE(mode)) for mode in modes] == [(True, 0o666)] * 2
    assert not Path("/tmp/of-the-machine").exists()
    vm.reboot()
    assert vm.ok("stat -c %F /dev/null").strip() == "character special file"


@pytest.mark.parametrize("end", [Machine.reboot, Machine.kill_init, Machine.power_cut])
def test_its_disk_outlives_its_processes(vm: Machine, end: Callable[[Machine], None]) -> None:
    before = vm.ok("cat /proc/sys/kernel/random/boot_id; cat /etc/machine-id; echo kept > /srv/kept; sync")
    vm.ok("setsid sleep 1000 > /dev/null 2>&1 & ")
    end(vm)
    if not vm.leader:
        assert until(lambda: not processes_of(vm))
        vm.boot()
    assert vm.ok("cat /srv/kept").strip() == "kept"
    assert vm.ok("cat /etc/machine-id") == before.splitlines(keepends=True)[1]
    assert vm.run("pgrep -f 'sleep 1000'").out == ""


def processes_of(vm: Machine) -> list[str]:
    return [line for path in vm.cgroup.rglob("cgroup.procs") for line in path.read_text().split()]


def test_a_private_one_has_loopback_alone(tmp_path: Path) -> None:
    with machines.machine("alone", tmp_path, private=True) as alone:
        assert [line.split(":")[1].strip() for line in alone.ok("ip -o link").splitlines()] == ["lo"]
        assert alone.run("python3 -c \"import socket; socket.create_connection(('127.0.0.1', 1))\"").code == 1

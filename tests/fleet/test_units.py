"""The units of a machine of a fleet."""

import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hero_build.errors import UsageError
from hero_build.fleet.cloud_init import TOOL_UNIT, FleetTool, user_data
from hero_build.fleet.machine import FleetMachine, fleet_machine
from hero_build.fleet.units import CONVERGE_UNIT, SERVICES_UNIT, SET_UNIT, TIMER_UNIT, UnitFile, units
from support.processes import LONG
from support.worlds import World, valid

PLACE, DIGEST = "http://10.0.0.1:8080", "0" * 64
KEY = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
HOME_OF_ROOT = pwd.getpwnam("root").pw_dir
MOST = 2.5
"""Of the exposure that systemd-analyze security counts; without any hardening it is above 9."""
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def machine(root: str = "/home/hero/hero", program: str = "/bin/true") -> FleetMachine:
    return fleet_machine(FleetMachine(set="tester", at=PLACE, root=Path(root), program=program, digest=DIGEST))


def every_unit(root: str = "/home/hero/hero") -> list[UnitFile]:
    """Those of `fleet units`, and that of `fleet cloud-init` which fetches hero-build."""
    text = user_data(machine(root), FleetTool(f"{PLACE}/hero-build", DIGEST)).text
    tool = text.partition(f"{TOOL_UNIT}\n    content: |\n")[2].partition("  - path:")[0]
    return [*units(machine(root), timer="1h"), UnitFile(TOOL_UNIT, re.sub("(?m)^ {6}", "", tool))]


@needs_systemd
@pytest.mark.parametrize("root", ["/home/hero/hero", f"{HOME_OF_ROOT}/hero", "/opt/hero", "/srv/hero-1.0"])
def test_systemd_finds_nothing_wrong(tmp_path: Path, root: str) -> None:
    assert remarks(tmp_path, every_unit(root)) == []
    broken = [UnitFile(item.name, item.text.replace("NoNewPrivileges", "NoPrivileges")) for item in every_unit(root)]
    assert len(remarks(tmp_path, broken)) == 4


def remarks(folder: Path, files: list[UnitFile]) -> list[str]:
    for unit in files:
        (folder / unit.name).write_text(unit.text)
    env = {**os.environ, "SYSTEMD_LOG_LEVEL": "warning"}
    command = ["systemd-analyze", "verify", "--man=no", *(str(folder / unit.name) for unit in files)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=LONG)
    return [line for line in done.stderr.splitlines() if str(folder) in line or "hero" in line]


@needs_systemd
@pytest.mark.parametrize("name", [SET_UNIT, SERVICES_UNIT, CONVERGE_UNIT, TOOL_UNIT])
def test_they_are_hardened(tmp_path: Path, name: str) -> None:
    (unit,) = (item for item in every_unit() if item.name == name)
    assert exposure(tmp_path, unit) <= MOST
    bare = "\n".join(line for line in unit.text.splitlines() if not line.startswith(("Protect", "Restrict", "System")))
    assert exposure(tmp_path, UnitFile(name, bare)) > MOST


def exposure(folder: Path, unit: UnitFile) -> float:
    (folder / unit.name).write_text(unit.text)
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(folder / unit.name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONG)
    shown = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert shown, done.stdout + done.stderr
    return float(shown[1])


def test_a_home_is_writable_only_where_the_root_is_in_it() -> None:
    texts = [{item.name: item.text for item in units(machine(root))} for root in ("/home/hero/hero", "/opt/hero")]
    assert "ReadWritePaths=-/home/hero /home/hero/hero" in texts[0][SERVICES_UNIT]
    assert "ProtectHome=yes" in texts[1][SERVICES_UNIT]
    assert "/home" not in texts[1][SERVICES_UNIT]


def test_hero_build_in_a_home_is_seen_by_its_units() -> None:
    for root, program in (("/opt/hero", "/home/hero/bin/hero-build"), (f"{HOME_OF_ROOT}/hero", "/usr/bin/hero-build")):
        for unit in units(machine(root, program)):
            assert "ProtectHome=read-only\n" in unit.text
            assert f"ReadWritePaths={root}\n" in unit.text


def test_a_key_in_a_file_is_named_itself(tmp_path: Path) -> None:
    file = tmp_path / "fleet.pub"
    file.write_text(f"untrusted comment: ours\n{KEY}\n")
    for trust in (KEY, str(file)):
        trusted = fleet_machine(FleetMachine(set="tester", at=PLACE, root=Path("/opt/hero"), trust=trust))
        assert f"--trust {KEY}\n" in units(trusted)[0].text


def test_the_set_upholds_the_services_and_is_tried_for_ever() -> None:
    (first, second) = (item.text for item in units(machine()))
    assert f"Upholds={SERVICES_UNIT}" in first
    assert "StartLimitIntervalSec=0" in first
    assert "Restart=on-failure" in first
    assert f"fleet converge tester --at {PLACE} --digest {DIGEST}" in first
    assert "Requires=" not in second  # what is installed starts without the mirror


def test_they_are_written_into_a_folder(world: World, tmp_path: Path) -> None:
    words = ("fleet", "units", "--set", "@tester", "--at", PLACE, "--digest", DIGEST, "--timer", "1d")
    document = valid(world.run(*words, "-o", str(tmp_path / "new"), "--json").document)
    assert document["folder"] == str(tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {SET_UNIT, SERVICES_UNIT, CONVERGE_UNIT, TIMER_UNIT}
    shown = world.ok(*words)
    assert all(path.read_text() in shown for path in (tmp_path / "new").iterdir())
    assert not world.root.path.exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--set", "testr"), 3, "no set is named '@testr'"),
        (("--digest", "abc"), 2, "--digest is 'abc'"),
        (("--user", "Root!"), 2, "'Root!' is not the name of a user"),
        (("--program", "hero-build"), 2, "'hero-build' cannot be a path on the machine"),
        (("--root", "/srv/50% of $HOME"), 2, "cannot be a path on the machine"),
        (("--timer", "often"), 2, "--timer is 'often'"),
        (("--timer", "0s"), 2, "--timer is '0s'"),
        (("--timer", f"{'9' * 20}d"), 2, "--timer is '9999"),
        (("--at", "ftp://x"), 2, "--at cannot fetch from 'ftp://x'"),
        (("--at", "https:///x"), 2, "--at cannot fetch from 'https:///x'"),
        (("--at", "https://m:port/x"), 2, "--at cannot fetch from 'https://m:port/x'"),
        (("--at", "https://m/x\nExecStart=/bin/sh"), 2, r"--at cannot fetch from 'https://m/x\nExecStart=/bin/sh'"),
        (("--at", "https://m/x\x85y"), 2, r"--at cannot fetch from 'https://m/x\x85y'"),
        (("--at", "https://m/x?token=1"), 2, "may not have a query"),
        (("--trust", "RWQ"), 2, "--trust is 'RWQ': not a minisign public key"),
        (("--user", "u" * 33), 2, "is not the name of a user"),
        (("--program", "/opt/../x"), 2, "'/opt/../x' cannot be a path on the machine"),
        (("--root", "/tmp/hero"), 2, "/tmp/hero does not last"),
        (("--program", "/run/hero-build"), 2, "/run/hero-build does not last"),
    ],
)
def test_what_cannot_be_is_refused(world: World, words: tuple[str, str], code: int, message: str) -> None:
    usual = {"--set": "tester", "--at": PLACE, "--digest": DIGEST, words[0]: words[1]}
    done = world.run("fleet", "units", *(word for pair in usual.items() for word in pair))
    assert (done.code, message in done.err) == (code, True), done.err


def test_over_plain_http_something_vouches_for_the_lock_file() -> None:
    with pytest.raises(UsageError, match="over plain http"):
        fleet_machine(FleetMachine(set="tester", at=PLACE, root=Path("/opt/hero")))
    for safe in ("https://mirror.example", "file:///media/mirror"):
        assert fleet_machine(FleetMachine(set="tester", at=safe, root=Path("/opt/hero"))).at == safe

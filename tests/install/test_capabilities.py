"""File capabilities that an upgrade takes, on real files."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from hero_build import manifest
from hero_build.install.capabilities import describe, lost_capabilities
from support.worlds import World, valid

CAPS = "cap_net_bind_service=ep"


def setcap(text: str, path: Path) -> None:
    tool = shutil.which("setcap", path="/usr/sbin:/sbin:/usr/bin")
    if not tool or os.geteuid() != 0:
        pytest.skip("only root gives file capabilities, with setcap (libcap2-bin)")
    done = subprocess.run([tool, text, path.resolve()], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"this file system has no file capabilities: {done.stderr.strip()}")


@pytest.mark.parametrize(
    "text",
    [
        CAPS,
        "cap_net_bind_service,cap_net_raw=ep",
        "cap_chown=p",
        "cap_bpf,cap_checkpoint_restore=eip",
        "cap_chown=ei cap_net_raw=eip",
    ],
)
def test_a_capability_is_described_as_setcap_reads_it(text: str, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.touch()
    other.touch()
    setcap(text, one)
    value = os.getxattr(one, "security.capability")
    setcap(describe(value), other)
    assert os.getxattr(other, "security.capability") == value
    assert describe(value) == text


@pytest.mark.parametrize("value", [b"", b"\x01", b"\x00" * 20])
def test_no_capability_is_described_as_nothing(value: bytes) -> None:
    assert describe(value) == ""


def lost(world: World) -> list[str]:
    """The paths, each with its capabilities, as `doctor` names them, too."""
    paths = [f"{item.path} {item.text}" for item in lost_capabilities(world.root, manifest.load(world.root.path))]
    document = valid(world.run("doctor", "--json").document)
    rows = [row for row in document["checks"] if row["name"] == "capabilities"]
    assert [row["value"].split(",")[0].replace(" lost", "") for row in rows] == paths
    assert {row["state"] for row in rows} <= {"warning"}
    return paths


@pytest.fixture
def upgraded(two_apps: World) -> World:
    """v1 with capabilities, kept while another app is installed, then v2."""
    two_apps.ok("install", "db", "--version", "v1")
    setcap(CAPS, two_apps.root.place("bin/db"))
    done = two_apps.run("install", "web")
    assert "capabilities" not in done.err
    assert lost(two_apps) == []
    assert two_apps.run("verify").code == 0
    return two_apps


def test_an_upgrade_warns_once_with_the_command_to_run_again(upgraded: World) -> None:
    program = upgraded.root.place("bin/db")
    command = f'sudo setcap "{CAPS}" "$(realpath {program})"'
    document = upgraded.run("install", "db", "--json").document
    (warning,) = document["warnings"]
    assert warning["text"] == f"{program} has no file capabilities any more: its last version had {CAPS}"
    assert warning["hint"] == f"If it still needs them: `{command}`"
    assert lost(upgraded) == [f"bin/db {CAPS}"]
    upgraded.ok("uninstall", "web")
    done = upgraded.run("install", "web")
    assert "capabilities" not in done.err
    path = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    subprocess.run(["sh", "-c", command.removeprefix("sudo ")], env=path, check=True)
    assert describe(os.getxattr(program, "security.capability")) == CAPS
    assert lost(upgraded) == []
    assert upgraded.run("verify").code == 0


def test_a_rollback_restores_them_and_one_to_content_without_them_warns(upgraded: World) -> None:
    upgraded.ok("install", "db")
    assert lost(upgraded) == [f"bin/db {CAPS}"]
    done = upgraded.run("rollback")
    assert "capabilities" not in done.err
    assert lost(upgraded) == []
    done = upgraded.run("rollback")
    assert f"warning: {upgraded.root.place('bin/db')} has no file capabilities any more" in done.err


def test_what_an_owner_removed_stays_removed(upgraded: World) -> None:
    os.removexattr(upgraded.root.place("bin/db"), "security.capability")
    assert lost(upgraded) == []
    done = upgraded.run("install", "db")
    assert "capabilities" not in done.err
    assert lost(upgraded) == []


@pytest.mark.parametrize("damage", ["deleted", "replaced"])
def test_a_repair_from_the_store_keeps_them(damage: str, upgraded: World) -> None:
    program = upgraded.root.current / "bin" / "db"
    program.unlink()
    if damage == "replaced":
        program.write_bytes(b"other")
    done = upgraded.run("verify", "--repair")
    assert done.code == 0, done.err
    assert "capabilities" not in done.err
    assert lost(upgraded) == []


def test_a_repair_by_a_download_warns(upgraded: World) -> None:
    """The program comes back as a new file."""
    program = upgraded.root.current / "bin" / "db"
    (entry,) = (path for path in upgraded.root.store.iterdir() if path.samefile(program))
    entry.unlink()
    program.unlink()
    done = upgraded.run("verify", "--repair")
    assert done.code == 0, done.err
    warning = f"warning: {upgraded.root.place('bin/db')} has no file capabilities any more: its last version had {CAPS}"
    assert done.err.count(warning) == 1
    assert lost(upgraded) == [f"bin/db {CAPS}"]
    assert "capabilities" not in upgraded.run("verify", "--repair").err

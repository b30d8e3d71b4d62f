"""A pack is written by another one, without a network, pip and an index: the hero-build in it is that one's own."""

import os
import shutil
from pathlib import Path

import pytest

from support import packs
from support.packs import Machine
from support.worlds import World

pytestmark = pytest.mark.timeout(1800)
"""The first pack of all may have to fetch wheels."""

NO_NETWORK = ("unshare", *(() if os.geteuid() == 0 else ("--user", "--map-root-user")), "--net")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (folder := tmp_path / "home").mkdir()
    return Machine(folder)


@pytest.fixture
def lock(packing: World, machine: Machine) -> Path:
    """A lock file of `db`, whose addresses this machine does not reach."""
    file = machine.folder / "db.lock"
    packing.ok("lock", "db", "-o", str(file))
    file.write_text(file.read_text().replace(packing.mirror.as_uri(), "http://127.0.0.1:9/gone"))
    return file


def test_a_pack_writes_a_smaller_one(tester: Path, machine: Machine, lock: Path, tmp_path: Path) -> None:
    smaller = machine.folder / "db.pyz"
    words = ("pack", "--locked", str(lock), "--at", str(tester), "-o", str(smaller))
    out = machine.ok(tester, *words, prefix=NO_NETWORK)
    assert f"{smaller}: 1 app packed for amd64 and Python 3.11 to 3.14" in out
    (folder := tmp_path / "other").mkdir()
    other = Machine(folder)
    assert "generation 1: db v2 (download)" in other.ok(smaller, "install", prefix=NO_NETWORK)
    done = other.run(smaller, "install", "web")
    assert (done.code, "web" in done.err) == (3, True), "neither the app nor its recipe came along"


def test_the_same_lock_file_makes_the_same_pack(packing: World, tester: Path, machine: Machine, lock: Path) -> None:
    installed, packed = (machine.folder / name for name in ("installed", "packed"))
    packs.make(packing, installed, "--locked", str(lock), "--at", str(tester))
    machine.ok(tester, "pack", "--locked", str(lock), "--at", str(tester), "-o", str(packed))
    assert packed.read_bytes() == installed.read_bytes()


def test_a_pack_whose_file_is_gone_or_another_one(tester: Path, machine: Machine, lock: Path) -> None:
    own, new = machine.folder / "own.pyz", machine.folder / "new.pyz"
    shutil.copy(tester, own)
    machine.ok(own, "list")
    tool = next(machine.tools.iterdir())
    words = ("-m", "hero_build", "pack", "--locked", str(lock), "--at", str(tester), "-o", str(new))
    for change in (own.unlink, lambda: own.write_bytes(b"not a pack")):
        change()
        done = machine.run(Path("python3"), *words, env={"HERO_BUILD_PACK": str(own), "PYTHONPATH": str(tool)})
        assert done.code == 8, done.err
        assert f"error: this hero-build came out of a pack, {own}, which is not there any more" in done.err
        assert not new.exists()


def test_standalone_needs_a_python_in_the_pack(tester: Path, machine: Machine, lock: Path) -> None:
    words = ("pack", "--locked", str(lock), "--at", str(tester), "--standalone", "-o", "new.pyz")
    done = machine.run(tester, *words)
    assert done.code == 8, done.err
    assert f"error: --standalone needs a Python to pack, and {tester} has none" in done.err
    assert not (machine.folder / "new.pyz").exists()


def test_at_without_a_lock_file(packing: World, tester: Path) -> None:
    done = packing.run("pack", "db", "--at", str(tester), "-o", "new.pyz")
    assert (done.code, "--at goes with --locked" in done.err) == (2, True), done.err

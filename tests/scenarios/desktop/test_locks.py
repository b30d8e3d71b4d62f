"""Locks, mirrors and packs hold the desktop: shell and islands come from them as programs do, offline, too."""

import json
import shutil
from pathlib import Path

import pytest

from hero_build.model.installed import PartId
from support import desktops, mirrors, packs, roots
from support.desktops import SHELL, there, version
from support.packs import Machine
from support.worlds import World, valid

APPS = ("hero_os", "hero_archipelagos", "db")
PARTS = {"db", "hero_archipelagos/maps", "hero_archipelagos/notes", "hero_os", "hero_os/hero_os_app"}


@pytest.fixture
def world(world: World) -> World:
    """The desktop in v1, with two islands, an `islands.json` and an app beside it; all locked."""
    world.recipe("db")
    world.release("db", "v1")
    release(world, "v1", "maps", "notes")
    return world


@pytest.fixture
def lock(world: World, tmp_path: Path) -> Path:
    file = tmp_path / "desktop.lock"
    world.ok("lock", *APPS, "-o", str(file))
    return file


def release(world: World, tag: str, *islands: str) -> None:
    desktops.os_release(world, tag)
    archives = {f"{name}-wasm.tar.gz": desktops.archive(world, name, tag) for name in islands}
    index = json.dumps({"schema": 1, "islands": [{"name": name} for name in islands]}).encode()
    mirrors.release(world.mirror, app="hero_archipelagos", tag=tag, files={**archives, "islands.json": index})


def installed(world: World) -> set[str]:
    return {str(part) for part in roots.settled(world.root).records}


def state(world: World) -> tuple[str, dict[str, str]]:
    return version(world, "", SHELL), {name: version(world, name) for name in there(world)}


def test_a_lock_file_brings_programs_shell_and_islands(world: World, lock: Path) -> None:
    apps = json.loads(lock.read_text())["apps"]
    assert [asset["name"] for asset in apps["hero_os"]["bundles"]["shell"]["assets"]] == ["hero_os_app-wasm.tar.gz"]
    assert (apps["hero_archipelagos"]["assets"], "bundles" in apps["db"]) == ([], False)
    release(world, "v2", "maps")
    world.ok("install", "--locked", str(lock))
    assert (installed(world), state(world)) == (PARTS, ("v1", {"maps": "v1", "notes": "v1"}))
    assert roots.settled(world.root).number == 1, "one generation"
    for _ in range(2):
        assert "nothing to do: 5 parts as asked" in world.ok("install", "--locked", str(lock))


def test_damage_of_an_island_is_noticed_after_the_cached_answer(world: World, lock: Path) -> None:
    for _ in range(3):
        world.ok("install", "--locked", str(lock))
    (world.root.path / desktops.ISLANDS / "notes" / "package.json").unlink()
    assert "generation 2: hero_archipelagos/notes" in world.ok("install", "--locked", str(lock))


def test_each_phase_comes_from_the_lock_file(world: World, lock: Path) -> None:
    release(world, "v2", "maps", "notes")
    world.ok("shell", "--locked", str(lock))
    world.ok("islands", "notes", "--locked", str(lock))
    assert state(world) == ("v1", {"notes": "v1"})
    assert roots.settled(world.root).lock is None, "not all of the lock file is installed"
    assert world.run("shell", "--locked", str(lock), "--no-opt").code == 2


def test_exact_keeps_what_is_locked_and_removes_the_rest(world: World, lock: Path) -> None:
    release(world, "v2", "maps", "radio")
    for words in (("install", "hero_os"), ("shell",), ("islands",)):
        world.ok(*words)
    world.ok("install", "--locked", str(lock), "--exact")
    assert (installed(world), state(world)) == (PARTS, ("v1", {"maps": "v1", "notes": "v1"}))
    assert "nothing to do" in world.ok("install", "--locked", str(lock), "--exact")
    world.ok("lock", "db", "-o", str(lock))
    world.ok("install", "--locked", str(lock), "--exact")
    assert installed(world) == {"db"}


def test_exact_leaves_a_shell_that_is_not_pinned_with_its_app(world: World, lock: Path) -> None:
    """A lock file from before shells were pinned, or of a machine that built its own, says nothing about shells."""
    world.ok("install", "--locked", str(lock))
    document = json.loads(lock.read_text())
    del document["apps"]["hero_os"]["bundles"]
    lock.write_text(json.dumps(document))
    world.ok("install", "--locked", str(lock), "--exact")
    assert installed(world) == PARTS
    del document["apps"]["hero_os"]
    lock.write_text(json.dumps(document))
    world.ok("install", "--locked", str(lock), "--exact")
    assert installed(world) == {part for part in PARTS if not part.startswith("hero_os")}, "it goes with its app"


def test_what_is_installed_is_locked_with_its_bundles(world: World, lock: Path) -> None:
    world.ok("install", "--locked", str(lock))
    release(world, "v2", "maps", "notes")
    world.ok("islands", "maps", "--version", "v1")
    copy = lock.with_name("installed.lock")
    for words in ((), ("--offline",)):
        document = valid(world.run("lock", "--installed", "-o", str(copy), *words, "--json").document)
        assert [(app["name"], app["phase"], app["tag"]) for app in document["apps"]] == [
            ("db", "install", "v1"),
            ("hero_archipelagos", "islands", "v1"),
            ("hero_os", "install", "v1"),
            ("hero_os", "shell", "v1"),
        ]
        world.ok("rollback", "0")
        world.ok("install", "--locked", str(copy))
        assert (installed(world), state(world)) == (PARTS, ("v1", {"maps": "v1", "notes": "v1"}))
    world.ok("shell")
    world.ok("lock", "--installed", "-o", str(copy))
    hero_os = json.loads(copy.read_text())["apps"]["hero_os"]
    assert (hero_os["tag"], hero_os["bundles"]["shell"]["tag"]) == ("v1", "v2"), "each phase has its release"
    world.ok("rollback", "0")
    world.ok("install", "--locked", str(copy))
    assert state(world)[0] == "v2"


def test_islands_of_two_releases_cannot_be_locked(world: World, lock: Path) -> None:
    world.ok("install", "--locked", str(lock))
    release(world, "v2", "maps", "notes")
    world.ok("islands", "maps")
    before = lock.read_bytes()
    done = world.run("lock", "--installed", "-o", str(lock))
    assert (done.code, lock.read_bytes()) == (3, before)
    assert "the islands of hero_archipelagos are of the releases v1 and v2" in done.err.replace("\n  ", " ")
    assert "hero-build islands --version v2" in done.err


def test_a_release_without_a_shell_is_locked_with_a_warning(world: World, lock: Path) -> None:
    desktops.os_release(world, "v2", shell=False)
    done = world.run("lock", "hero_os", "-o", str(lock))
    assert (done.code, "has no hero_os_app-wasm.tar.gz" in done.err) == (0, True)
    world.ok("install", "--locked", str(lock))
    assert installed(world) == {"hero_os"}


def test_a_mirror_holds_all_that_a_lock_pins(world: World, lock: Path, tmp_path: Path) -> None:
    world.ok("mirror", *APPS, str(tmp_path / "copy"))
    shutil.rmtree(world.mirror)
    world.ok("install", "--locked", str(lock), "--at", str(tmp_path / "copy"))
    assert installed(world) == PARTS


@pytest.mark.slow  # makes a pack
def test_a_pack_brings_the_desktop_without_a_network(world: World, lock: Path, tmp_path: Path) -> None:
    pack = packs.make(world, tmp_path / "desktop.pyz", "--locked", str(lock))
    shutil.rmtree(world.mirror)
    machine = Machine(tmp_path / "machine")
    machine.folder.mkdir()
    machine.ok(pack, "install")
    records = roots.settled(machine.root).records
    assert {str(part) for part in records} == PARTS
    assert records[PartId("hero_os", "hero_os_app")].origin.tag == "v1"
    assert "nothing to do: 2 bundles as asked" in machine.ok(pack, "islands")
    copy = tmp_path / "again.lock"
    machine.ok(pack, "lock", "--installed", "--offline", "-o", str(copy))
    machine.ok(pack, "rollback", "0")
    machine.ok(pack, "install", "--locked", str(copy), "--at", str(pack), "--exact")
    assert {str(part) for part in roots.settled(machine.root).records} == PARTS

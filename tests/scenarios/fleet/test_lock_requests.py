"""What the store has is not fetched again: going back to a lock file, and forth again, sends no request."""

import hashlib
import io
import os
import shutil
import tarfile
from pathlib import Path

import pytest

from support import mirrors, roots, worlds
from support.elf_files import shared_bytes
from support.static_server import StaticServer
from support.worlds import World


@pytest.fixture
def locks(world: World, tmp_path: Path, two_apps: World) -> tuple[Path, Path]:
    """Lock files of two sets: of `db` one of two programs differs between them, `web` is the same."""
    same = mirrors.programs("v1", "db")
    for tag in ("v1", "v2"):
        mirrors.release(world.mirror, app="db", tag=tag, files=same | mirrors.programs(tag, "db_admin"))
    old, new = tmp_path / "old.lock", tmp_path / "new.lock"
    world.ok("lock", "db@v1", "web", "-o", str(old))
    world.ok("lock", "db", "web", "-o", str(new))
    return old, new


def test_only_contents_that_are_missing_are_fetched(
    world: World, locks: tuple[Path, Path], mirror_server: StaticServer
) -> None:
    old, new = (("--locked", str(file), "--at", mirror_server.url) for file in locks)
    requests = []

    def install(*words: str) -> str:
        mirror_server.paths.clear()
        out = world.ok("install", *words)
        requests.append(len(mirror_server.served))
        return out

    install(*old)
    install(*new)
    assert requests == [3, 1], "db is the same in both"
    assert "generation 3: db v2 -> v1" in install(*old)
    assert "nothing to do" in install(*old)
    world.ok("rollback")
    install(*new)
    install(*old)
    assert (requests[2:], mirror_server.paths) == ([0, 0, 0, 0], [])
    generation = roots.settled(world.root)
    assert {record.origin.version for record in generation.records.values()} == {"v1"}
    shutil.rmtree(world.mirror)
    world.ok("install", *new)
    assert os.listdir(world.root.partial) == []


def test_a_new_store_entry_and_an_old_one_are_one_file(
    world: World, locks: tuple[Path, Path], mirror_server: StaticServer
) -> None:
    for file in (*locks, locks[0]):
        world.ok("install", "--locked", str(file), "--at", mirror_server.url)
    inodes = {(world.root.generation(number) / "bin" / "db_admin").stat().st_ino: number for number in (1, 2, 3)}
    assert len(inodes) == 2, "the third generation shares the file of the first"


@pytest.mark.parametrize("how", ["other bytes", "other mode", "gone", "reset"])
def test_what_the_store_has_is_checked_again(
    world: World, locks: tuple[Path, Path], mirror_server: StaticServer, how: str
) -> None:
    old, new = (("--locked", str(file), "--at", mirror_server.url) for file in locks)
    world.ok("install", *old)
    world.ok("install", *new)
    file = world.root.generation(1) / "bin" / "db_admin"
    content = file.read_bytes()
    (entry,) = world.root.store.glob(f"{hashlib.sha256(content).hexdigest()}-*")
    match how:
        case "other bytes":
            entry.chmod(0o755)
            entry.write_bytes(content[:-1] + b"!")
        case "other mode":
            entry.chmod(0o644)
        case "gone":
            entry.unlink()
    mirror_server.paths.clear()
    world.ok("install", *old, *(("--reset",) if how == "reset" else ()))
    assert len(mirror_server.served) == (3 if how == "reset" else 1)
    assert roots.check(world.root).number == 3
    assert (world.root.path / "bin" / "db_admin").read_bytes() == content


def test_a_library_from_an_archive_is_in_the_store(world: World, tmp_path: Path) -> None:
    library, packed = shared_bytes(), io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("lib/libone.so")
        member.size = len(library)
        archive.addfile(member, io.BytesIO(library))
    digest = hashlib.sha256(packed.getvalue()).hexdigest()
    pinned = world.mirror / "_pinned" / digest
    pinned.parent.mkdir()
    pinned.write_bytes(packed.getvalue())
    arch = roots.platform().arch
    recipe = world.recipe("voice", libraries="(ONE,)")
    pin = f'Pinned("linux-{arch}", "https://libraries.example/one.tgz", "{digest}", "lib/libone.so")'
    head = f'from hero_build.recipe import Library, Pinned\n\nONE = Library("libone.so", ({pin},))\n'
    recipe.write_text(recipe.read_text().replace("\n\nclass App", f"\n{head}\n\nclass App"))
    world.release("voice", "v1")
    file = tmp_path / "voice.lock"
    world.ok("lock", "voice", "-o", str(file))
    world.ok("install", "--locked", str(file))
    world.ok("uninstall", "voice")
    shutil.rmtree(world.mirror)
    assert "voice v1 (download)" in world.ok("install", "--locked", str(file))
    assert (world.root.path / "lib" / "libone.so").read_bytes() == library
    assert "nothing to do" in world.ok("install", "--locked", str(file))


def test_the_manifest_names_the_lock_file_that_is_installed(world: World, locks: tuple[Path, Path]) -> None:
    old, new = locks
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in locks]

    def lock() -> object:
        document = worlds.valid(world.run("status", "--json").document)
        assert worlds.valid(world.run("list", "--json").document)["lock"] == document["lock"]
        return document["lock"]

    answer = worlds.valid(world.run("install", "--locked", str(old), "--json").document)
    assert (answer["lock"], answer["before"], answer["after"], lock()) == (digests[0], 0, 1, digests[0])
    world.ok("install", "--locked", str(new), "db")
    assert lock() is None, "only a part of it"
    assert "generation 3: the same content, now that of the lock file; 2 kept" in world.ok(
        "install", "--locked", str(new)
    )
    assert "nothing to do" in world.ok("install", "--locked", str(new))
    assert lock() == digests[1]
    world.ok("rollback", "1")
    assert lock() == digests[0]
    world.ok("uninstall", "web")
    assert lock() is None
    world.ok("rollback")
    (world.root.path / "bin" / "web").unlink()
    world.ok("verify", "--repair")
    assert lock() == digests[0]
